#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace gatehouse {

void add_version(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("version", "print the version");
  command->callback([&line] { line.console.out << "gatehouse " GATEHOUSE_VERSION "\n"; });
}

}  // namespace gatehouse
