#include "config/settings.h"

#include "config/setting_checks.h"
#include "config/setting_overrides.h"
#include "config/setting_reader.h"
#include "config/variables.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace gatehouse {
namespace {

constexpr std::size_t most_problems = 100;

// The file's problems by line, then those of the environment and the command line; not endlessly many.
void tidy(std::vector<Problem>& problems, const std::string& file) {
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    const auto position = [&](const Problem& p) { return std::tuple(p.file != file, p.line, p.column); };
    return position(a) < position(b);
  });
  if (problems.size() <= most_problems) return;
  const bool failed = has_error(problems);
  const auto left_out = problems.size() - most_problems + 1;
  problems.resize(most_problems - 1);
  problems.push_back({file,
                      0,
                      0,
                      failed ? Severity::error : Severity::warning,
                      {},
                      "and " + std::to_string(left_out) + " more problems"});
}

// At most one byte more than is allowed, so that too much is seen as such.
Result<std::string> read_file(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (std::filesystem::is_directory(status)) return Failure(FailureKind::bad_configuration, "is a folder, not a file");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(SettingTreeLimits().file_bytes + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream && !stream.eof())
    return Failure(FailureKind::bad_configuration, std::string("cannot be read: ") + std::strerror(errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// What Traefik says in two keys is one value here.
void settle_propagation(Settings& settings) {
  for (auto& [name, resolver] : settings.resolvers) {
    if (!resolver.acme || !resolver.acme->dns) continue;
    DnsChallengeSection& dns = *resolver.acme->dns;
    if (dns.disable_ans_checks) dns.check = PropagationCheck::resolvers;
    if (dns.disable_checks) dns.check = PropagationCheck::none;
  }
}

}  // namespace

const EntryPointSettings* Settings::entry_point(std::string_view name) const {
  const auto found =
      std::find_if(entry_points.begin(), entry_points.end(), [&](const auto& p) { return p.name == name; });
  return found == entry_points.end() ? nullptr : &*found;
}

SettingsOrProblems load_settings(const SettingsSources& sources) {
  SettingsOrProblems loaded;
  auto& problems = loaded.problems;
  SettingNode tree = parse_setting_tree(sources.file, sources.text, sources.environment, problems);
  if (!has_error(problems) || tree.kind != SettingNode::Kind::null) {
    if (tree.place.source.empty()) tree.place.source = sources.file;
    const KeyTree keys = key_tree();
    lay_over_environment(tree, keys, sources.environment, variables_in(sources.text), problems);
    lay_over_set(tree, keys, sources.set, problems);
    Settings settings;
    read_settings(tree, keys, settings, problems);
    check_settings(settings, tree, problems);
    settle_propagation(settings);
    if (!has_error(problems)) loaded.settings = std::move(settings);
  }
  tidy(problems, sources.file);
  return loaded;
}

SettingsOrProblems load_settings_file(const std::string& file, std::map<std::string, std::string> environment,
                                      std::vector<std::string> set) {
  auto text = read_file(file);
  if (!text) return {std::nullopt, {{file, 0, 0, Severity::error, {}, text.error().detail}}};
  return load_settings({file, std::move(*text), std::move(environment), std::move(set)});
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace gatehouse
