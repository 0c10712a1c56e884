// A client that behaves well, and how long it waits:
//   trickle PORT CONNECTIONS RATE SECONDS...
// GET /1k of host localhost by TLS 1.3 and HTTP/1.1, RATE times a second, on keep-alive connections that are all open
// before the first. To 127.0.0.1 only. A request's time begins when it was due, also when it had to wait for a free
// connection. For each of SECONDS, one phase after another, it prints {"done", "failures", "p50_ms", "p99_ms",
// "max_ms"} as one line of JSON.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
constexpr auto patience = std::chrono::seconds(5);
constexpr std::string_view request = "GET /1k HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::size_t body_size = 1024;

struct Tally {
  std::uint64_t failures = 0;
  std::vector<float> milliseconds;
};

struct Connection {
  SSL* tls = nullptr;
  bool busy = false;
  Time due;  // of the request under way
  std::string answer;
};

[[noreturn]] void die(const char* words) {
  std::perror(words);
  std::exit(1);
}

// Blocks: what cannot connect under a flood is a failure, and whoever waits meanwhile waits because of it.
bool open_connection(Connection& connection, SSL_CTX* context, int port, int poll) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  const timeval limit{std::chrono::seconds(patience).count(), 0};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection = {};
  connection.tls = SSL_new(context);
  SSL_set_fd(connection.tls, fd);
  SSL_set_tlsext_host_name(connection.tls, "localhost");
  ERR_clear_error();
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || SSL_connect(connection.tls) != 1)
    return false;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  epoll_event event{EPOLLIN, {.ptr = &connection}};
  return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void close_connection(Connection& connection) {
  const int fd = SSL_get_fd(connection.tls);
  SSL_free(connection.tls);
  close(fd);
  connection = {};
}

enum class Step { wait, done, failed };

Step read_answer(Connection& connection) {
  char buffer[4096];
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(connection.tls, buffer, sizeof buffer);
    if (got <= 0) return SSL_get_error(connection.tls, got) == SSL_ERROR_WANT_READ ? Step::wait : Step::failed;
    connection.answer.append(buffer, static_cast<std::size_t>(got));
    const auto end = connection.answer.find("\r\n\r\n");
    if (end == std::string::npos || connection.answer.size() < end + 4 + body_size) continue;
    const bool right = connection.answer.starts_with("HTTP/1.1 200") && connection.answer.size() == end + 4 + body_size;
    return right && connection.busy ? Step::done : Step::failed;
  }
}

float percentile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

class Trickle {
 public:
  Trickle(int port, int connections, double rate)
      : port_(port), step_(as_duration(1 / rate)), connections_(connections) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    for (auto& each : connections_)
      if (!open_connection(each, context_, port_, poll_)) die("connect");
    epoll_event event{EPOLLIN, {.ptr = nullptr}};
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, timer_, &event) != 0) die("timer");
    next_ = Clock::now();
  }

  // Requests that are due within so long, each until it is answered.
  void run(double seconds) {
    tally_ = {};
    next_ = std::max(next_, Clock::now());
    const Time end = next_ + as_duration(seconds);
    while (next_ < end || !waiting_.empty() || anyone_busy()) {
      for (; next_ < end && next_ <= Clock::now(); next_ += step_) waiting_.push_back(next_);
      send_waiting();
      give_up_on_late();
      await(next_ < end ? next_ : Clock::now() + std::chrono::milliseconds(100));
    }
    auto& times = tally_.milliseconds;
    const float p50 = percentile(times, 0.5), p99 = percentile(times, 0.99), most = percentile(times, 1);
    std::printf("{\"done\": %zu, \"failures\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
                times.size(), static_cast<unsigned long long>(tally_.failures), p50, p99, most);
    std::fflush(stdout);
  }

 private:
  static Clock::duration as_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  bool anyone_busy() const {
    return std::any_of(connections_.begin(), connections_.end(), [](const Connection& each) { return each.busy; });
  }

  // In turn, so that each connection is used.
  void send_waiting() {
    for (std::size_t tried = 0; tried < connections_.size() && !waiting_.empty(); ++tried) {
      Connection& connection = connections_[turn_++ % connections_.size()];
      if (connection.busy) continue;
      connection.busy = true;
      connection.due = waiting_.front();
      connection.answer.clear();
      waiting_.pop_front();
      if (SSL_write(connection.tls, request.data(), static_cast<int>(request.size())) <= 0) fail(connection);
    }
  }

  void give_up_on_late() {
    for (auto& each : connections_)
      if (each.busy && Clock::now() - each.due > patience) fail(each);
  }

  void fail(Connection& connection) {
    ++tally_.failures;
    close_connection(connection);
    if (!open_connection(connection, context_, port_, poll_)) die("trickle: it takes no connections any more");
  }

  void await(Time until) {
    const auto left = std::max<Clock::duration>(until - Clock::now(), std::chrono::microseconds(1));
    const auto nanoseconds = std::chrono::nanoseconds(left).count();
    const itimerspec when{{0, 0}, {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000}};
    timerfd_settime(timer_, 0, &when, nullptr);
    epoll_event events[64];
    const int count = epoll_wait(poll_, events, 64, -1);
    for (int i = 0; i < count; ++i)
      if (auto* connection = static_cast<Connection*>(events[i].data.ptr)) take(*connection);
  }

  void take(Connection& connection) {
    const Step step = read_answer(connection);
    if (step == Step::failed) return fail(connection);
    if (step == Step::wait) return;
    tally_.milliseconds.push_back(std::chrono::duration<float, std::milli>(Clock::now() - connection.due).count());
    connection.busy = false;
  }

  const int port_;
  const Clock::duration step_;
  const int poll_ = epoll_create1(0);
  const int timer_ = timerfd_create(CLOCK_MONOTONIC, 0);  // its readiness ends as it is set again
  SSL_CTX* const context_ = SSL_CTX_new(TLS_client_method());
  std::vector<Connection> connections_;
  std::size_t turn_ = 0;
  std::deque<Time> waiting_;
  Time next_;
  Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: trickle PORT CONNECTIONS RATE SECONDS...\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  Trickle trickle(std::atoi(argv[1]), std::atoi(argv[2]), std::atof(argv[3]));
  for (int i = 4; i < argc; ++i) trickle.run(std::atof(argv[i]));
}
