#include "base/systemd.h"

#include "base/escape.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace gatehouse {
namespace {

constexpr int max_passed_sockets = 1024;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(name);
  return taken;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The sockaddr_un of a path or of an abstract name; empty when it is neither or does not fit.
std::string unix_address(std::string_view name) {
  sockaddr_un address{};
  const bool abstract = name.starts_with('@');
  if ((!abstract && !name.starts_with('/')) || name.size() < 2 || name.size() >= sizeof(address.sun_path)) return {};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, name.size());
  if (abstract) address.sun_path[0] = '\0';
  const std::size_t length = offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1);
  return {reinterpret_cast<const char*>(&address), length};
}

std::optional<Duration> watchdog_interval(const std::string& usec, const std::string& pid, pid_t own_pid) {
  const auto interval = parse_number(usec);
  if (!interval || *interval <= 0) return std::nullopt;
  if (!pid.empty() && parse_number(pid) != own_pid) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

bool is_socket(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

// The next of several names joined by colons.
std::string_view next_name(std::string_view& names) {
  const std::size_t end = names.find(':');
  const std::string_view name = names.substr(0, end);
  names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
  return name;
}

std::vector<PassedSocket> passed_sockets(const std::string& count_text, std::string_view names, int first_fd) {
  std::vector<PassedSocket> sockets;
  const auto count = parse_number(count_text).value_or(0);
  for (int i = 0; i < count && i < max_passed_sockets; ++i) {
    const std::string name(next_name(names));
    const int fd = first_fd + i;
    if (!is_socket(fd)) continue;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.push_back({name, FileDescriptor(fd)});
  }
  return sockets;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::string_view socket_name) : address_(unix_address(socket_name)) {
  if (address_.empty()) return;
  socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval limit{1, 0};
  ::setsockopt(socket_.number(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

void ServiceNotifier::ready(std::string_view status) const { send("READY=1\nSTATUS=" + printable(status)); }

void ServiceNotifier::reloading(TimePoint now) const {
  // systemd compares this with its own CLOCK_MONOTONIC, which steady_clock is.
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}

void ServiceNotifier::stopping(std::string_view status) const { send("STOPPING=1\nSTATUS=" + printable(status)); }

void ServiceNotifier::status(std::string_view status) const { send("STATUS=" + printable(status)); }

void ServiceNotifier::watchdog() const { send("WATCHDOG=1"); }

void ServiceNotifier::send(const std::string& message) const {
  if (!socket_) return;
  sockaddr_un address{};
  std::memcpy(&address, address_.data(), address_.size());
  ::sendto(socket_.number(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(address_.size()));
}

ServiceStart take_service_environment(pid_t own_pid, int first_fd) {
  const std::string notify_socket = take_variable("NOTIFY_SOCKET");
  const std::string watchdog_usec = take_variable("WATCHDOG_USEC");
  const std::string watchdog_pid = take_variable("WATCHDOG_PID");
  const std::string listen_pid = take_variable("LISTEN_PID");
  const std::string listen_fds = take_variable("LISTEN_FDS");
  const std::string listen_names = take_variable("LISTEN_FDNAMES");

  ServiceStart start;
  start.notifier = ServiceNotifier(notify_socket);
  start.watchdog = watchdog_interval(watchdog_usec, watchdog_pid, own_pid);
  if (parse_number(listen_pid) == own_pid) start.sockets = passed_sockets(listen_fds, listen_names, first_fd);
  return start;
}

}  // namespace gatehouse
