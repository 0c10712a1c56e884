#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>

namespace gatehouse {
namespace {

const EntryPointSettings* find_admin(const Settings& settings) {
  for (const auto& entry_point : settings.entry_points)
    if (entry_point.admin()) return &entry_point;
  return nullptr;
}

// Where to reach from this host what listens on `listen`.
Endpoint own_side(Endpoint listen) {
  if (!listen.address.is_unspecified()) return listen;
  if (listen.address.is_v4())
    listen.address = asio::ip::address_v4::loopback();
  else
    listen.address = asio::ip::address_v6::loopback();
  return listen;
}

// Nothing: it answered 200. Otherwise what happened.
std::string ask(const Endpoint& endpoint, const std::string& path, std::chrono::seconds limit) {
  asio::ip::tcp::iostream connection;
  connection.expires_after(limit);
  connection.connect(asio::ip::tcp::endpoint(endpoint.address, endpoint.port));
  connection << "GET " << path << " HTTP/1.1\r\nHost: " << endpoint.text() << "\r\nConnection: close\r\n\r\n"
             << std::flush;
  std::string protocol, status;
  connection >> protocol >> status;
  if (!connection) return connection.error() ? connection.error().message() : "no HTTP answer";
  if (!protocol.starts_with("HTTP/1.")) return "the answer is not HTTP";
  return status == "200" ? "" : "status " + status.substr(0, 3);
}

int check_health(const CommandLine& line, bool ready, int seconds) {
  auto loaded = line.source.load();
  if (!loaded.settings) {
    for (const auto& problem : loaded.problems) line.console.err << problem.text() << '\n';
    return exit_problem;
  }
  const auto* admin = find_admin(*loaded.settings);
  if (admin == nullptr) {
    line.console.err << line.source.file << ": there is no entry point `admin` to ask\n";
    return exit_problem;
  }
  auto endpoint = own_side(admin->listen.addresses.at(0));
  std::string path = ready ? "/ready" : "/ping";
  auto trouble = ask(endpoint, path, std::chrono::seconds(seconds));
  if (trouble.empty())
    line.console.out << "OK\n";
  else
    line.console.err << "http://" << endpoint.text() << path << ": " << trouble << '\n';
  return trouble.empty() ? exit_well : exit_problem;
}

}  // namespace

void add_healthcheck(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("healthcheck", "ask the running gatehouse on its admin entry point how it is");
  add_source_options(*command, line);
  auto ready = std::make_shared<bool>(false);
  auto seconds = std::make_shared<int>(3);
  command->add_flag("--ready", *ready, "ask /ready (may it get traffic?) instead of /ping (is it alive?)");
  command->add_option("--timeout", *seconds, "how long to wait")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  command->footer(
      "For container health checks and load balancers' scripts; needs an entry point named `admin`.\n\n"
      "Examples:\n"
      "  gatehouse healthcheck\n"
      "  HEALTHCHECK CMD [\"gatehouse\", \"healthcheck\"]      # in a Dockerfile\n\n"
      "Exit codes: 0 it answered 200, 1 it did not, 2 the command line is wrong.");
  command->callback([&line, ready, seconds] { line.exit_code = check_health(line, *ready, *seconds); });
}

}  // namespace gatehouse
