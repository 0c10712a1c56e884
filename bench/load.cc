// Load that no ready tool gives:
//   load ping PORT CONNECTIONS SECONDS       64-byte ping-pong over raw TCP, every byte compared
//   load handshake PORT CONNECTIONS SECONDS  a new connection, a full TLS 1.3 handshake and one
//                                            GET /1k of host localhost each time. (wrk, told to close,
//                                            resumes its sessions: it measures something else.)
// To 127.0.0.1 only. Prints {"done", "failures", "seconds", "p99_ms"} as JSON.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Time = std::chrono::steady_clock;
constexpr std::size_t message_size = 64;

struct Tally {
  std::uint64_t done = 0;
  std::uint64_t failures = 0;
  std::vector<float> milliseconds;

  void finished(Time::time_point began) {
    ++done;
    milliseconds.push_back(std::chrono::duration<float, std::milli>(Time::now() - began).count());
  }
};

[[noreturn]] void die(const char* words) {
  std::perror(words);
  std::exit(1);
}

int connect_to(int port, int poll, void* owner, std::uint32_t interest) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) die("connect");
  epoll_event event{interest, {.ptr = owner}};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  return fd;
}

// ---- ping ----

struct Pinger {
  int fd = -1;
  std::uint64_t number = 0;
  std::size_t received = 0;
  char sent[message_size];
  char got[message_size];
  Time::time_point began;
};

void send_ping(Pinger& pinger) {
  for (std::size_t i = 0; i < message_size; i += 8) {
    auto word = (++pinger.number) * 0x9e3779b97f4a7c15u;
    std::memcpy(pinger.sent + i, &word, 8);
  }
  pinger.received = 0;
  pinger.began = Time::now();
  if (send(pinger.fd, pinger.sent, message_size, MSG_NOSIGNAL) != message_size) die("ping: send");
}

// False when the connection is of no more use.
bool take_pong(Pinger& pinger, Tally& tally) {
  auto got = recv(pinger.fd, pinger.got + pinger.received, message_size - pinger.received, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  pinger.received += static_cast<std::size_t>(got);
  if (pinger.received < message_size) return true;
  if (std::memcmp(pinger.sent, pinger.got, message_size) != 0) return false;
  tally.finished(pinger.began);
  send_ping(pinger);
  return true;
}

void await_connect(int fd) {
  epoll_event event{EPOLLOUT, {}};
  int poll = epoll_create1(0);
  int error = 0;
  socklen_t size = sizeof error;
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0 || epoll_wait(poll, &event, 1, 5000) != 1) die("ping: connect");
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) die("ping: refused");
  close(poll);
}

Tally ping(int port, int connections, Time::time_point until) {
  Tally tally;
  int poll = epoll_create1(0);
  std::vector<Pinger> pingers(static_cast<std::size_t>(connections));
  for (auto& pinger : pingers) {
    pinger.fd = connect_to(port, poll, &pinger, EPOLLIN);
    await_connect(pinger.fd);
    pinger.number = static_cast<std::uint64_t>(pinger.fd) << 32;
    send_ping(pinger);
  }
  epoll_event events[64];
  while (Time::now() < until) {
    int count = epoll_wait(poll, events, 64, 100);
    for (int i = 0; i < count; ++i) {
      auto& pinger = *static_cast<Pinger*>(events[i].data.ptr);
      if (take_pong(pinger, tally)) continue;
      ++tally.failures;
      close(pinger.fd);
    }
  }
  return tally;
}

// ---- handshake ----

struct Visit {
  SSL* tls = nullptr;
  std::size_t received = 0;
  std::string head;
  bool asked = false;
  Time::time_point began;
};

void start(Visit& visit, SSL_CTX* context, int port, int poll) {
  visit = {};
  visit.began = Time::now();
  visit.tls = SSL_new(context);
  int fd = connect_to(port, poll, &visit, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  SSL_set_fd(visit.tls, fd);
  SSL_set_tlsext_host_name(visit.tls, "localhost");
  SSL_set_connect_state(visit.tls);
}

enum class Step { wait, done, failed };

bool whole_answer(const Visit& visit) {
  auto end = visit.head.find("\r\n\r\n");
  return visit.head.starts_with("HTTP/1.1 200") && end != std::string::npos && visit.received == end + 4 + 1024;
}

Step advance(Visit& visit) {
  constexpr std::string_view request = "GET /1k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  ERR_clear_error();
  if (!visit.asked) {
    int result = SSL_do_handshake(visit.tls);
    int error = result == 1 ? 0 : SSL_get_error(visit.tls, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Step::wait;
        // Not yet connected reads as "not connected", once.
    if (error == SSL_ERROR_SYSCALL && errno == ENOTCONN) return Step::wait;
    if (error != 0 || SSL_session_reused(visit.tls) || SSL_version(visit.tls) != TLS1_3_VERSION) return Step::failed;
    visit.asked = true;
    if (SSL_write(visit.tls, request.data(), static_cast<int>(request.size())) <= 0) return Step::failed;
  }
  char buffer[16384];
  for (;;) {
    int got = SSL_read(visit.tls, buffer, sizeof buffer);
    if (got > 0) {
      visit.received += static_cast<std::size_t>(got);
      if (visit.head.size() < 8192) visit.head.append(buffer, static_cast<std::size_t>(got));
      if (whole_answer(visit)) return Step::done;
    } else {
      return SSL_get_error(visit.tls, got) == SSL_ERROR_WANT_READ ? Step::wait : Step::failed;
    }
  }
}

void finish(Visit& visit) {
  int fd = SSL_get_fd(visit.tls);
  SSL_shutdown(visit.tls);
  SSL_free(visit.tls);
  close(fd);
}

Tally handshake(int port, int connections, Time::time_point until) {
  Tally tally;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  int poll = epoll_create1(0);
  std::vector<Visit> visits(static_cast<std::size_t>(connections));
  for (auto& visit : visits) start(visit, context, port, poll);
  epoll_event events[64];
  while (Time::now() < until) {
    int count = epoll_wait(poll, events, 64, 100);
    for (int i = 0; i < count; ++i) {
      auto& visit = *static_cast<Visit*>(events[i].data.ptr);
      auto step = advance(visit);
      if (step == Step::wait) continue;
      if (step == Step::done)
        tally.finished(visit.began);
      else
        ++tally.failures;
      finish(visit);
      start(visit, context, port, poll);
    }
  }
  return tally;
}

double percentile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view mode = argc == 5 ? argv[1] : "";
  if (mode != "ping" && mode != "handshake") {
    std::fprintf(stderr, "usage: load ping|handshake PORT CONNECTIONS SECONDS\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  int port = std::atoi(argv[2]);
  int connections = std::atoi(argv[3]);
  auto began = Time::now();
  auto until = began + std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(std::atof(argv[4])));
  auto tally = mode == "ping" ? ping(port, connections, until) : handshake(port, connections, until);
  std::printf("{\"done\": %llu, \"failures\": %llu, \"seconds\": %.6f, \"p99_ms\": %.3f}\n",
              static_cast<unsigned long long>(tally.done), static_cast<unsigned long long>(tally.failures),
              std::chrono::duration<double>(Time::now() - began).count(), percentile(tally.milliseconds, 0.99));
}
