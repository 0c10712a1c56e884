#include "cli/configuration.h"

#include "config/assembly.h"
#include "config/manifests_watcher.h"
#include "config/system_resolver.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <ostream>

namespace gatehouse {
namespace {

Awaitable<void> resolve_into(ResolvedNames& resolved, SystemResolver& resolver, std::string name) {
  auto addresses = co_await resolver.resolve(name);
  if (addresses) resolved[name] = std::move(*addresses);
}

ResolvedNames resolve_all(const std::vector<std::string>& names) {
  asio::io_context context;
  SystemResolver resolver;
  ResolvedNames resolved;
  for (const auto& name : names) asio::co_spawn(context, resolve_into(resolved, resolver, name), asio::detached);
  context.run();
  return resolved;
}

void append(std::vector<Problem>& problems, const std::vector<Problem>& more) {
  problems.insert(problems.end(), more.begin(), more.end());
}

std::string count_of(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

Configuration read_configuration(const ConfigurationSource& source, Names names) {
  auto loaded = source.load();
  Configuration configuration{std::move(loaded.settings), nullptr, std::move(loaded.problems), {}};
  if (!configuration.settings) return configuration;

  SystemClock clock;
  Assembly assembly(clock, Assembly::Purpose::look);
  auto input = assembly.assemble(*configuration.settings, configuration.problems);

  asio::io_context context;
  std::optional<ManifestsWatcher> manifests;
  if (configuration.settings->manifests) {
    manifests.emplace(context.get_executor(), clock, configuration.settings->manifests->directory);
    manifests->refresh();
    append(configuration.problems, manifests->problems());
  }
  const auto objects = manifests ? manifests->objects() : kubernetes::ClusterObjects();
  const std::vector<TranslationSource> sources = {{&objects, &input.manifests}};
  auto translation = translate(sources, input, {});
  if (names == Names::resolved && !translation.names_to_resolve->empty())
    translation = translate(sources, input, resolve_all(*translation.names_to_resolve));
  append(configuration.problems, *translation.problems);
  configuration.snapshot = translation.snapshot;
  configuration.certificate_requests = *translation.certificate_requests;
  return configuration;
}

std::string count_of(const std::vector<Problem>& problems) {
  auto errors = static_cast<std::size_t>(std::count_if(
      problems.begin(), problems.end(), [](const auto& problem) { return problem.severity == Severity::error; }));
  auto warnings = problems.size() - errors;
  if (problems.empty()) return "no problems";
  if (warnings == 0) return count_of(errors, "error");
  if (errors == 0) return count_of(warnings, "warning");
  return count_of(errors, "error") + " and " + count_of(warnings, "warning");
}

void warn_of_problems(const Configuration& configuration, std::ostream& err) {
  if (!configuration.settings)
    for (const auto& problem : configuration.problems) err << problem.text() << '\n';
  else if (!configuration.problems.empty())
    err << "gatehouse check finds " << count_of(configuration.problems) << '\n';
}

}  // namespace gatehouse
