#include "cli/commands.h"

#include "proxy/routes_json.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace gatehouse {
namespace {

std::string addresses_of(const EntryPoint& entry_point) {
  std::string text;
  for (const auto& address : entry_point.addresses) text += (text.empty() ? "" : ", ") + address.text();
  return text;
}

std::string notes_on(const EntryPoint& entry_point) {
  std::string notes;
  if (entry_point.admin) notes += ", admin pages";
  if (entry_point.tls.required) notes += ", TLS";
  if (entry_point.redirection)
    notes += ", redirects to " + entry_point.redirection->scheme +
             (entry_point.redirection->port.empty() ? "" : " port " + entry_point.redirection->port);
  return notes;
}

std::string indented(const std::string& lines) {
  std::string text;
  for (std::size_t at = 0; at < lines.size();) {
    std::size_t end = std::min(lines.find('\n', at), lines.size());
    text += "  " + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

std::string table(const Snapshot& snapshot) {
  std::string text;
  for (const auto& entry_point : snapshot.entry_points) {
    text += entry_point->name + "  " + addresses_of(*entry_point) + notes_on(*entry_point) + "\n";
    if (!entry_point->tcp->empty()) text += indented(entry_point->tcp->print());
    if (!entry_point->http->empty()) text += indented(entry_point->http->print());
  }
  return text;
}

int print_routes(const CommandLine& line, const std::string& output) {
  auto configuration = read_configuration(line.source, Names::resolved);
  warn_of_problems(configuration, line.console.err);
  if (!configuration.settings) return exit_problem;
  line.console.out << (output == "json" ? routes_json(*configuration.snapshot) : table(*configuration.snapshot));
  return exit_well;
}

}  // namespace

void add_routes(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("routes", "print the routing table that configuration and manifests give");
  add_source_options(*command, line);
  auto output = std::make_shared<std::string>("table");
  command->add_option("-o,--output", *output, "how")->check(CLI::IsMember({"table", "json"}))->capture_default_str();
  command->footer(
      "Each entry point with its routes, in the order they are tried.\n\n"
      "Examples:\n"
      "  gatehouse routes\n"
      "  gatehouse routes --output json | jq '.entryPoints[].http[].host'\n\n"
      "Exit codes: 0 printed, 1 the static configuration has an error, 2 the command line is wrong.");
  command->callback([&line, output] { line.exit_code = print_routes(line, *output); });
}

}  // namespace gatehouse
