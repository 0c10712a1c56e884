// What systemd (or anything that speaks its protocols) gives a service and wants to hear from it: readiness and
// watchdog by datagram (sd_notify(3)), listening sockets by inheritance (sd_listen_fds(3)). Without systemd around
// everything here is empty and says nothing.
#pragma once

#include "base/clock.h"
#include "base/file_descriptor.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// Tells the service manager how the service is doing. Losing a message is not an error; none is waited for longer
// than a second.
class ServiceNotifier {
 public:
  ServiceNotifier() = default;
  // NOTIFY_SOCKET: a path, or an abstract name after `@`. Empty or unusable: every call is silent.
  explicit ServiceNotifier(std::string_view socket_name);

  bool active() const { return static_cast<bool>(socket_); }
  void ready(std::string_view status) const;  // also ends reloading
  void reloading(TimePoint now) const;
  void stopping(std::string_view status) const;
  void status(std::string_view status) const;  // one line for `systemctl status`
  void watchdog() const;

 private:
  void send(const std::string& message) const;

  FileDescriptor socket_;
  std::string address_;  // bytes of the sockaddr_un
};

// A listening socket opened before the program started (unit.socket); `name` is its FileDescriptorName, for us the
// entry point it serves. Several may share a name.
struct PassedSocket {
  std::string name;
  FileDescriptor fd;
};

struct ServiceStart {
  ServiceNotifier notifier;
  std::optional<Duration> watchdog;  // a sign of life is due at least this often; send at half of it
  std::vector<PassedSocket> sockets;
};

// Reads and removes NOTIFY_SOCKET, WATCHDOG_*, LISTEN_* so that no child inherits them. Call once, before the first
// thread. What is meant for another process (LISTEN_PID, WATCHDOG_PID) or is not a socket is left alone.
// `first_fd` is 3 but in tests.
ServiceStart take_service_environment(pid_t own_pid, int first_fd = 3);

}  // namespace gatehouse
