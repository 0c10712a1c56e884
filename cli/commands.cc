#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace gatehouse {

void add_source_options(CLI::App& command, CommandLine& line) {
  command.add_option("-c,--config", line.source.file, "the static configuration")
      ->type_name("FILE")
      ->capture_default_str();
  command.add_option("--set", line.source.set, "one setting, over what FILE and the environment say; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

int run_command_line(int argc, const char* const* argv, Console console) {
  CommandLine line{console, {}, exit_well};
  line.source.environment = process_environment();
  CLI::App app("Gatehouse: an edge proxy for Kubernetes routes, on a cluster or on one host", "gatehouse");
  app.require_subcommand(1);
  app.set_version_flag("--version", "gatehouse " GATEHOUSE_VERSION);
  app.footer(
      "`gatehouse COMMAND --help` tells more, with examples.\n\n"
      "Exit codes: 0 all is well, 1 something is not, 2 the command line is wrong.");
  add_run(app, line);
  add_check(app, line);
  add_routes(app, line);
  add_explain(app, line);
  add_certs(app, line);
  add_ca(app, line);
  add_status(app, line);
  add_healthcheck(app, line);
  add_version(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    bool asked = app.exit(error, console.out, console.err) == 0;  // --help, --version
    return asked ? exit_well : exit_usage;
  }
  return line.exit_code;
}

}  // namespace gatehouse
