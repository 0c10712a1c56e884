// A real sshd on the loopback, and ssh to it by whatever port.
#pragma once

#include "tests/doubles/acme/pebble.h"
#include "tests/doubles/held_port.h"
#include "tests/doubles/proxy/peer.h"

namespace gatehouse::end_to_end {

class SecureShell {
 public:
  static bool installed();

  // Returns when it listens. The one key it lets in runs any command.
  SecureShell();

  Endpoint endpoint() const { return {asio::ip::address_v4::loopback(), port_.number()}; }
  // A session by another port that ends with its command; what it writes goes to `output`.
  std::unique_ptr<acme::ChildProcess> session(const Endpoint& by, const std::string& command,
                                              const std::filesystem::path& output) const;

 private:
  std::filesystem::path key(const std::string& name) const;

  TemporaryDirectory folder_;
  const HeldPort port_;
  std::unique_ptr<acme::ChildProcess> server_;
};

}  // namespace gatehouse::end_to_end
