// A real ACME server for tests: pebble, with pebble-challtestsrv as the DNS it validates by. Every name resolves to
// 127.0.0.1 there.
#pragma once

#include "base/clock.h"
#include "tests/doubles/held_port.h"
#include "tests/doubles/temporary_directory.h"
#include "tls/certificate.h"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

// A child process that dies with its owner.
class ChildProcess {
 public:
  // `log`: where its output goes.
  ChildProcess(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
               const std::filesystem::path& log);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  bool running();
  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Its exit status once it has ended; none: not within the limit. -1: by a signal.
  std::optional<int> ended_within(Duration limit);

 private:
  void note_end(int status);

  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct PebbleOptions {
  std::map<std::string, std::string> environment = {};     // PEBBLE_…
  std::map<std::string, std::string> external_keys = {};  // key id → base64url key; not empty: they are required
  std::string dns_server = {};  // address:port that it validates by; empty: its own
};

class Pebble {
 public:
  static bool installed();

  // Returns when it listens; throws when it does not come up, with what it said.
  explicit Pebble(PebbleOptions options = {});

  std::string directory_url() const { return origin() + "/dir"; }
  // Where its root certificates are, /roots/0 and up.
  std::string management_url() const { return "https://localhost:" + std::to_string(management_port_.number()); }
  // Of the DNS server; POST /set-txt, /clear-txt.
  std::string dns_management_url() const { return "http://127.0.0.1:" + std::to_string(dns_management_port_.number()); }
  // What its own HTTPS certificate is verified by.
  const std::string& ca_pem() const { return ca_pem_; }
  // Where it looks for challenges.
  std::uint16_t http_port() const { return http_port_.number(); }
  std::uint16_t tls_port() const { return tls_port_.number(); }
  // Orders it was ever asked for.
  std::size_t orders() const;

 private:
  std::string origin() const { return "https://localhost:" + std::to_string(port_.number()); }
  std::filesystem::path write_configuration(const PebbleOptions& options);
  void await_listening(const HeldPort& port, ChildProcess& process);

  TemporaryDirectory directory_;
  const HeldPort port_, management_port_, http_port_, tls_port_, dns_port_, dns_management_port_;
  std::string ca_pem_;
  std::unique_ptr<ChildProcess> dns_, server_;
};

}  // namespace gatehouse::acme
