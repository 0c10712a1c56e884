// The two small servers a measured proxy has behind it besides nginx:
//   peer echo   sends back what arrives (small messages only)
//   peer sink   an HTTP/1.1 server that swallows bodies sent with Content-Length and answers
//               "<bytes> <checksum>"; the checksum (Adler-32) is 0 unless the request has X-Check
// Each listens on 127.0.0.1, on a port of the system's choice printed as the first line, until killed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t buffer_size = 256 * 1024;
constexpr std::size_t head_limit = 64 * 1024;

struct Upload {
  std::string head;
  std::uint64_t length = 0;
  std::uint64_t remaining = 0;
  bool in_body = false;
  bool checked = false;
  std::uint32_t low = 1, high = 0;
};

struct Connection {
  int fd = -1;
  Upload upload;
};

[[noreturn]] void die(const char* words) {
  std::perror(words);
  std::exit(1);
}

int listen_anywhere() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, raw, size) != 0 || listen(fd, 4096) != 0) die("listen");
  if (getsockname(fd, raw, &size) != 0) die("getsockname");
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

bool send_all(int fd, std::string_view bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void add_checksum(Upload& upload, std::string_view bytes) {
  constexpr std::uint32_t prime = 65521;
  for (unsigned char byte : bytes) {
    upload.low = (upload.low + byte) % prime;
    upload.high = (upload.high + upload.low) % prime;
  }
}

std::uint64_t content_length(const std::string& head) {
  constexpr std::string_view field = "\r\ncontent-length:";
  auto at = head.find(field);
  return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + field.size(), nullptr, 10);
}

// Takes what belongs to the head; true when the head is whole.
bool take_head(Upload& upload, std::string_view& bytes) {
  auto before = upload.head.size();
  upload.head.append(bytes);
  auto end = upload.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 4 - before);
  upload.head.resize(end + 2);
  std::transform(upload.head.begin(), upload.head.end(), upload.head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  upload.length = upload.remaining = content_length(upload.head);
  upload.checked = upload.head.find("\r\nx-check:") != std::string::npos;
  upload.in_body = true;
  return true;
}

bool answer(int fd, const Upload& upload) {
  auto sum = upload.checked ? (upload.high << 16 | upload.low) : 0;
  auto body = std::to_string(upload.length) + " " + std::to_string(sum) + "\n";
  return send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

bool swallow(Connection& connection, std::string_view bytes) {
  auto& upload = connection.upload;
  while (!bytes.empty()) {
    if (!upload.in_body && !take_head(upload, bytes)) return upload.head.size() < head_limit;
    auto piece = bytes.substr(0, std::min<std::uint64_t>(upload.remaining, bytes.size()));
    if (upload.checked) add_checksum(upload, piece);
    upload.remaining -= piece.size();
    bytes.remove_prefix(piece.size());
    if (upload.remaining > 0) continue;
    if (!answer(connection.fd, upload)) return false;
    upload = {};
  }
  return true;
}

void accept_all(int listener, int poll) {
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{EPOLLIN, {.ptr = new Connection{fd, {}}}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }
}

void serve_one(Connection* connection, bool echo, std::vector<char>& buffer) {
  auto got = recv(connection->fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  std::string_view bytes(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got > 0 && (echo ? send_all(connection->fd, bytes) : swallow(*connection, bytes))) return;
  close(connection->fd);
  delete connection;
}

void serve(bool echo) {
  int listener = listen_anywhere();
  int poll = epoll_create1(0);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0) die("epoll_ctl");
  std::vector<char> buffer(buffer_size);
  epoll_event events[64];
  for (;;) {
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection == nullptr)
        accept_all(listener, poll);
      else
        serve_one(connection, echo, buffer);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode != "echo" && mode != "sink") {
    std::fprintf(stderr, "usage: peer echo|sink\n");
    return 2;
  }
  serve(mode == "echo");
}
