#include "base/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>

namespace gatehouse {
namespace {

void set(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

}  // namespace

void set_no_delay(int descriptor) { set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1); }

void set_keep_alive(int descriptor, std::chrono::seconds idle) {
  const int seconds = static_cast<int>(idle.count());
  set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 10, 1));
  set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 5);
}

void set_user_timeout(int descriptor, std::chrono::seconds longest) {
  set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(std::chrono::milliseconds(longest).count()));
}

std::uint64_t bytes_acknowledged(int descriptor) {
  // The kernel's tcp_info goes on where the C library's ends (linux/tcp.h, since 4.1).
  struct {
    tcp_info known;
    std::uint64_t pacing_rate, max_pacing_rate, bytes_acked;
  } info{};
  static_assert(sizeof(tcp_info) == 104);
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.bytes_acked;
}

}  // namespace gatehouse
