// The real program as a child process, with ports of its own, and what a client sees of it.
#pragma once

#include "tests/doubles/acme/pebble.h"
#include "tests/doubles/held_port.h"
#include "tests/doubles/proxy/peer.h"

#include <boost/json/value.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::end_to_end {

// Whether it comes true within the limit; looked at every few milliseconds.
bool comes(const std::function<bool()>& what, Duration limit = std::chrono::seconds(60));

struct Outcome {
  int status = -1;
  std::string text;  // what it wrote, errors too
};
// Runs a program, of /usr/bin if it has no path, to its end.
Outcome run_program(std::vector<std::string> words, const std::filesystem::path& folder);

class GatehouseProcess {
 public:
  struct Settings {
    std::string kubernetes = {};  // of providers.kubernetes, in flow style without the braces
    std::string rest = {};        // other sections
    std::string web = {}, websecure = {}, ssh = {};  // more of these entry points, in flow style, with a comma first
    std::string certificate_resolver = {};  // of the entry point websecure
    std::string ssh_name = "ssh";
    std::map<std::string, std::string> environment = {};
  };

  // It starts at once. `folder`: for its settings and log; outlives it.
  GatehouseProcess(std::string name, Settings settings, std::filesystem::path folder);

  // Starts another in its place, at the same ports.
  void start();
  // SIGKILL.
  void kill() { process_.reset(); }
  void signal(int number) { process_->signal(number); }
  bool running() { return process_ && process_->running(); }
  std::optional<int> ended_within(Duration limit) { return process_->ended_within(limit); }

  const std::string& name() const { return name_; }
  Endpoint web() const { return at(web_); }
  Endpoint websecure() const { return at(websecure_); }
  Endpoint ssh() const { return at(ssh_); }
  Endpoint admin() const { return at(admin_); }

  // GET; a message without status when there was no answer.
  Message get(const std::string& host, const std::string& path = "/") const;
  // Its body; empty when there is none.
  std::string body(const std::string& host, const std::string& path = "/") const { return get(host, path).body; }
  Message ask_admin(const std::string& path) const;
  bool ready() const { return ask_admin("/ready").status() == 200; }
  // /api/routes, without what differs from process to process: generation and addresses.
  boost::json::value routes() const;
  std::string problems() const { return ask_admin("/api/problems").body; }
  std::string metrics() const { return ask_admin("/metrics").body; }
  std::string log() const;
  // Resident.
  long mebibytes() const;

 private:
  static Endpoint at(const HeldPort& port) { return {asio::ip::address_v4::loopback(), port.number()}; }
  void write_settings();

  const std::string name_;
  const Settings settings_;
  const std::filesystem::path folder_;
  const HeldPort web_, websecure_, ssh_, admin_;
  std::unique_ptr<acme::ChildProcess> process_;
};

// One request on a connection of its own.
Message ask(const Endpoint& endpoint, const std::string& host, const std::string& path = "/");
// The certificate shown for a host, as PEM; empty: the handshake failed.
std::string shown_certificate(const Endpoint& endpoint, const std::string& host);

}  // namespace gatehouse::end_to_end
