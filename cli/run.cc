#include "cli/commands.h"
#include "cli/program.h"

#include <CLI/CLI.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <ostream>

namespace gatehouse {
namespace {

Result<ProgramLog> open_log(const Settings& settings) {
  ProgramLogOptions options;
  options.level = parse_log_level(settings.log.level).value_or(spdlog::level::info);
  options.json = settings.log.format == LogFormat::json;
  options.file = settings.log.file_path;
  return open_program_log(options);
}

Result<std::shared_ptr<LineSink>> open_access_log(const Settings& settings) {
  if (!settings.access_log) return std::shared_ptr<LineSink>();
  LineSink::Settings sink;
  sink.gather = std::chrono::milliseconds(10);  // many lines, one write
  if (settings.access_log->file_path.empty())
    return std::shared_ptr<LineSink>(LineSink::on_descriptor(STDOUT_FILENO, sink));
  auto file = LineSink::open_file(settings.access_log->file_path, sink);
  if (!file) return file.error();
  return std::shared_ptr<LineSink>(std::move(*file));
}

kubernetes::FoundAccess find_access(const Settings& settings, const kubernetes::Environment& environment) {
  const KubernetesAccessSettings& given = settings.kubernetes->access;
  return kubernetes::find_access({given.endpoint, given.token, given.cert_auth_file, given.kubeconfig, given.context},
                                 environment);
}

// Every connection is a descriptor or two; the soft limit is there for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const CommandLine& line) {
  const auto refuse = [&](const Failure& failure) {
    line.console.err << describe(failure) << '\n';
    return exit_problem;
  };
  auto start = take_service_environment(::getpid());
  auto loaded = line.source.load();
  if (!loaded.settings) {
    for (const auto& problem : loaded.problems) line.console.err << problem.text() << '\n';
    return exit_problem;
  }
  std::optional<kubernetes::Access> access;
  if (loaded.settings->kubernetes) {
    auto found = find_access(*loaded.settings, line.source.environment);
    for (const auto& problem : found.problems) line.console.err << problem.text() << '\n';
    if (!found.access) return exit_problem;
    access = std::move(found.access);
  }
  auto log = open_log(*loaded.settings);
  if (!log) return refuse(log.error());
  auto access_log = open_access_log(*loaded.settings);
  if (!access_log) return refuse(access_log.error());
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  Program program(line.source, std::move(*loaded.settings), std::move(loaded.problems), std::move(start), *log,
                  *access_log, std::move(access));
  return program.run() ? exit_well : exit_problem;
}

}  // namespace

void add_run(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("run", "serve, until SIGTERM or SIGINT");
  add_source_options(*command, line);
  command->footer(
      "Manifests and names are followed while it runs.\n\n"
      "Signals:\n"
      "  SIGTERM, SIGINT  finish what is under way and stop; a second one stops at once\n"
      "  SIGHUP           read everything again: configuration, certificates, manifests\n"
      "  SIGUSR1          open the log files anew\n\n"
      "Examples:\n"
      "  gatehouse run\n"
      "  gatehouse run --config ./gatehouse.yaml --set entryPoints.web.address=:8000\n"
      "  GATEHOUSE_LOG_LEVEL=debug gatehouse run\n\n"
      "Exit codes: 0 stopped as asked, 1 the configuration has an error or a required address is taken,\n"
      "2 the command line is wrong.");
  command->callback([&line] { line.exit_code = run(line); });
}

}  // namespace gatehouse
