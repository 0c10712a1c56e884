#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace gatehouse {
namespace {

int check(const CommandLine& line) {
  auto configuration = read_configuration(line.source, Names::unresolved);
  for (const auto& problem : configuration.problems) line.console.out << problem.text() << '\n';
  line.console.err << line.source.file << ": " << count_of(configuration.problems) << '\n';
  return has_error(configuration.problems) ? exit_problem : exit_well;
}

}  // namespace

void add_check(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("check", "read configuration and manifests and say what is wrong with them");
  add_source_options(*command, line);
  command->footer(
      "Prints one line for each problem, FILE:LINE:COLUMN: error|warning: OBJECT: WORDS, and binds, writes and "
      "resolves\n"
      "nothing. Certificates named in the configuration are read too.\n\n"
      "Examples:\n"
      "  gatehouse check\n"
      "  gatehouse check --config ./gatehouse.yaml --set providers.manifests.directory=./manifests\n\n"
      "Exit codes: 0 no error (there may be warnings), 1 an error, 2 the command line is wrong.");
  command->callback([&line] { line.exit_code = check(line); });
}

}  // namespace gatehouse
