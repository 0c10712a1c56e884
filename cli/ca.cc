#include "cli/commands.h"

#include "tls/internal_ca.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <ostream>

namespace gatehouse {
namespace {

const InternalCaSettings* find_ca(const Settings& settings) {
  for (const auto& [name, resolver] : settings.resolvers)
    if (resolver.internal) return &*resolver.internal;
  return nullptr;
}

int print_root(const CommandLine& line) {
  const auto refuse = [&](const std::string& words) {
    line.console.err << words << '\n';
    return exit_problem;
  };
  auto loaded = line.source.load();
  for (const auto& problem : loaded.problems) line.console.err << problem.text() << '\n';
  if (!loaded.settings) return exit_problem;
  const auto* settings = find_ca(*loaded.settings);
  if (settings == nullptr) return refuse(line.source.file + ": no certificatesResolvers entry is `internal: {}`");
  // Not made here: the root must belong to the user that `run` runs as.
  error_code failed;
  if (!std::filesystem::exists(std::filesystem::path(settings->storage) / tls::InternalCa::file_name, failed))
    return refuse(settings->storage + ": no root yet" +
                  (failed ? ": " + failed.message() : "; `gatehouse run` makes it"));
  auto ca = tls::InternalCa::load_or_create(settings->storage, SystemClock().wall_now());
  if (!ca) return refuse(describe(ca.error()));
  line.console.out << (*ca)->root_pem();
  return exit_well;
}

}  // namespace

void add_ca(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("ca", "the built-in certificate authority");
  command->require_subcommand(1);
  auto* root = command->add_subcommand("root", "print the built-in CA's root certificate as PEM");
  add_source_options(*root, line);
  root->footer(
      "Clients that trust it accept the certificates of every host whose resolver is `internal: {}`.\n\n"
      "Examples:\n"
      "  gatehouse ca root > gatehouse-root.pem && curl --cacert gatehouse-root.pem https://registry.example.test/\n"
      "  gatehouse ca root | sudo tee /usr/local/share/ca-certificates/gatehouse.crt && sudo update-ca-certificates\n\n"
      "Exit codes: 0 printed, 1 there is none or it cannot be read, 2 the command line is wrong.");
  root->callback([&line] { line.exit_code = print_root(line); });
}

}  // namespace gatehouse
