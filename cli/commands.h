// The sub-commands: one file each, each adding itself to the command line. ★
//
// A command writes what it was asked for to `out` and everything else to `err`, and ends with an exit code: 0 it is
// well, 1 it is not (what the command looks at has an error, or is not there), 2 the command line is wrong.
#pragma once

#include "cli/configuration.h"

#include <CLI/App.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace gatehouse {

struct Console {
  std::ostream& out;
  std::ostream& err;
};

// What a command gets to work with. Outlives the parsing of the command line.
struct CommandLine {
  Console console;
  ConfigurationSource source;  // --config, --set and the environment
  int exit_code = 0;
};

constexpr int exit_well = 0;
constexpr int exit_problem = 1;
constexpr int exit_usage = 2;

void add_run(CLI::App& app, CommandLine& line);
void add_check(CLI::App& app, CommandLine& line);
void add_routes(CLI::App& app, CommandLine& line);
void add_explain(CLI::App& app, CommandLine& line);
void add_certs(CLI::App& app, CommandLine& line);
void add_ca(CLI::App& app, CommandLine& line);
void add_status(CLI::App& app, CommandLine& line);
void add_healthcheck(CLI::App& app, CommandLine& line);
void add_version(CLI::App& app, CommandLine& line);

// --config and --set, for the commands that read the configuration.
void add_source_options(CLI::App& command, CommandLine& line);

// The whole program: parses and runs. Returns the exit code.
int run_command_line(int argc, const char* const* argv, Console console);

}  // namespace gatehouse
