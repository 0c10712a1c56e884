// A port of the loopback that nobody gets by chance while this exists; whoever is told its number may listen there. It
// is bound and not listened on, so that whoever shares it (SO_REUSEADDR, SO_REUSEPORT) gets all connections.
#pragma once

#include "base/file_descriptor.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>

namespace gatehouse {

class HeldPort {
 public:
  HeldPort() : bound_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    for (const int option : {SO_REUSEADDR, SO_REUSEPORT})
      ::setsockopt(bound_.number(), SOL_SOCKET, option, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(bound_.number(), plain, size) != 0 || ::getsockname(bound_.number(), plain, &size) != 0)
      throw std::runtime_error("no free port");
    number_ = ntohs(address.sin_port);
  }

  std::uint16_t number() const { return number_; }

 private:
  FileDescriptor bound_;
  std::uint16_t number_ = 0;
};

}  // namespace gatehouse
