#include "tests/doubles/proxy/peer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace gatehouse {
namespace {

constexpr int limit_ms = 20'000;
constexpr std::size_t block = 64 * 1024;

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool wait_for(int descriptor, short events, int milliseconds) {
  pollfd entry{descriptor, events, 0};
  int ready = 0;
  do ready = ::poll(&entry, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

void require(bool held, const char* what) {
  if (!held) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

// What a test sends piece by piece goes out so.
void without_delay(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

sockaddr_in loopback(const std::string& address, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  raw.sin_addr.s_addr = htonl(asio::ip::make_address_v4(address).to_uint());
  return raw;
}

int bound_socket(const std::string& address, std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(descriptor >= 0, "socket");
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in raw = loopback(address, port);
  require(::bind(descriptor, reinterpret_cast<const sockaddr*>(&raw), sizeof raw) == 0, "bind");
  return descriptor;
}

Endpoint endpoint_of(int descriptor) {
  sockaddr_in raw{};
  socklen_t size = sizeof raw;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&raw), &size);
  return {asio::ip::make_address_v4(ntohl(raw.sin_addr.s_addr)), ntohs(raw.sin_port)};
}

Socket socket_of(asio::io_context& io, RawPeer raw) {
  return Socket(io, asio::generic::stream_protocol(AF_INET, IPPROTO_TCP), raw.release());
}

bool has_body(const Message& message, bool bodyless) {
  const int status = message.status();
  return !bodyless && status / 100 != 1 && status != 204 && status != 304;
}

}  // namespace

int Message::status() const {
  return start_line.starts_with("HTTP/1.") && start_line.size() >= 12 ? std::stoi(start_line.substr(9, 3)) : 0;
}

std::string Message::field(std::string_view name) const {
  const auto found = fields(name);
  EXPECT_LE(found.size(), 1u) << name << " in\n" << head;
  return found.empty() ? std::string() : found.front();
}

std::vector<std::string> Message::fields(std::string_view name) const {
  std::vector<std::string> values;
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line(head.data() + at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && same(line.substr(0, colon), name))
      values.emplace_back(line.substr(colon + 2));
    at = end + 2;
  }
  return values;
}

bool Peer::fill() {
  if (end_ != End::none) return false;
  char bytes[block];
  const std::size_t count = receive(bytes, sizeof bytes);
  unread_.append(bytes, count);
  return count > 0;
}

std::string Peer::take(std::size_t count) {
  std::string taken = unread_.substr(0, count);
  unread_.erase(0, count);
  return taken;
}

std::string Peer::read(std::size_t count) {
  while (unread_.size() < count && fill()) {
  }
  return take(count);
}

std::string Peer::read_until(std::string_view mark) {
  std::size_t found = 0;
  while ((found = unread_.find(mark)) == std::string::npos)
    if (!fill()) return take(unread_.size());
  return take(found + mark.size());
}

std::string Peer::read_to_end() {
  while (fill()) {
  }
  return take(unread_.size());
}

std::uint64_t Peer::discard(std::uint64_t count) {
  std::uint64_t done = 0;
  while (done < count) {
    if (unread_.empty() && !fill()) break;
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(unread_.size(), count - done));
    unread_.erase(0, now);
    done += now;
  }
  return done;
}

Peer::End Peer::await_end() {
  while (fill()) {
  }
  return end_;
}

Message Peer::read_message(bool bodyless) {
  Message message;
  message.head = read_until("\r\n\r\n");
  message.start_line = message.head.substr(0, message.head.find("\r\n"));
  if (!message.head.ends_with("\r\n\r\n")) return message;
  const std::string length = message.field("content-length");
  message.whole = true;
  if (!has_body(message, bodyless)) return message;
  if (same(message.field("transfer-encoding"), "chunked")) {
    read_chunked(message);
  } else if (!length.empty()) {
    const std::size_t expected = std::stoull(length);
    message.body = read(expected);
    message.whole = message.body.size() == expected;
  } else if (message.status() != 0) {
    message.body = read_to_end();
    message.whole = end_ == End::closed;
  }
  return message;
}

void Peer::read_chunked(Message& message) {
  message.whole = false;
  while (true) {
    const std::string line = read_until("\r\n");
    if (!line.ends_with("\r\n")) return;
    const std::size_t size = std::stoull(line, nullptr, 16);
    if (size == 0) break;
    const std::string chunk = read(size);
    message.body += chunk;
    if (chunk.size() < size || read(2) != "\r\n") return;
  }
  for (std::string line = read_until("\r\n"); line != "\r\n"; line = read_until("\r\n")) {
    if (!line.ends_with("\r\n")) return;
    message.trailers += line;
  }
  message.whole = true;
}

RawPeer::RawPeer(RawPeer&& other) noexcept : Peer(std::move(other)), descriptor_(other.release()) {}

RawPeer& RawPeer::operator=(RawPeer&& other) noexcept {
  if (this == &other) return *this;
  close();
  Peer::operator=(std::move(other));
  descriptor_ = other.release();
  return *this;
}

RawPeer RawPeer::connect(const Endpoint& to, int receive_buffer, const std::string& source) {
  RawPeer peer(bound_socket(source, 0));
  if (receive_buffer > 0) ::setsockopt(peer.descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const sockaddr_in raw = loopback(to.address.to_string(), to.port);
  require(::connect(peer.descriptor_, reinterpret_cast<const sockaddr*>(&raw), sizeof raw) == 0, "connect");
  without_delay(peer.descriptor_);
  return peer;
}

bool RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t sent = send_what_fits(bytes, limit_ms);
    if (sent == 0) return false;
    bytes.remove_prefix(sent);
  }
  return true;
}

std::size_t RawPeer::send_what_fits(std::string_view bytes, int patience_ms) {
  std::size_t done = 0;
  while (done < bytes.size() && wait_for(descriptor_, POLLOUT, patience_ms)) {
    const ssize_t now = ::send(descriptor_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (now < 0 && errno == EAGAIN) continue;
    if (now < 0) break;
    done += static_cast<std::size_t>(now);
  }
  return done;
}

std::size_t RawPeer::receive(char* data, std::size_t size) {
  if (!wait_for(descriptor_, POLLIN, limit_ms)) {
    ADD_FAILURE() << "nothing arrived within the limit";
    return 0;
  }
  const ssize_t now = ::recv(descriptor_, data, size, 0);
  if (now == 0) end_ = End::closed;
  if (now < 0) end_ = End::reset;
  return now > 0 ? static_cast<std::size_t>(now) : 0;
}

bool RawPeer::readable_within(int milliseconds) { return has_unread() || wait_for(descriptor_, POLLIN, milliseconds); }

void RawPeer::shutdown_write() { ::shutdown(descriptor_, SHUT_WR); }

void RawPeer::close() {
  if (descriptor_ >= 0) ::close(release());
}

void RawPeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

TlsPeer::TlsPeer(RawPeer raw) : plain_(socket_of(io_, std::move(raw))) {}

template <class T>
T TlsPeer::run(Awaitable<T> work) {
  std::optional<T> result;
  asio::co_spawn(io_, std::move(work), [&](std::exception_ptr, T value) { result.emplace(std::move(value)); });
  io_.restart();
  io_.run_for(std::chrono::milliseconds(limit_ms));
  if (result) return std::move(*result);
  ADD_FAILURE() << "a TLS operation did not end within the limit";
  plain_.close();
  io_.run();
  return std::move(result.value());
}

Result<std::unique_ptr<TlsPeer>> TlsPeer::connect(RawPeer raw, std::shared_ptr<const tls::ClientContext> context,
                                                  std::string server_name) {
  auto peer = std::make_unique<TlsPeer>(std::move(raw));
  auto stream = peer->run(tls::connect_tls(peer->plain_, std::move(context), std::move(server_name)));
  if (!stream) return stream.error();
  peer->tls_ = std::move(*stream);
  return peer;
}

Result<std::unique_ptr<TlsPeer>> TlsPeer::accept(RawPeer raw, std::shared_ptr<const tls::ServerContext> context,
                                                 tls::CertificatePtr certificate) {
  auto peer = std::make_unique<TlsPeer>(std::move(raw));
  tls::ChooseCertificate always = [certificate](std::string_view) { return certificate; };
  auto accepted = peer->run(tls::accept_tls(peer->plain_, std::move(context), std::move(always)));
  if (!accepted) return accepted.error();
  peer->tls_ = std::move(accepted->stream);
  return peer;
}

bool TlsPeer::send(std::string_view bytes) {
  asio::const_buffer buffer(bytes.data(), bytes.size());
  return !run(tls_->write(std::span(&buffer, 1)));
}

std::size_t TlsPeer::receive(char* data, std::size_t size) {
  const auto read = run(tls_->read_some(asio::buffer(data, size)));
  if (!read) end_ = End::reset;
  if (read && *read == 0) end_ = End::closed;
  return read ? *read : 0;
}

void TlsPeer::shutdown_write() {
  asio::co_spawn(io_, tls_->shutdown_write(), [](std::exception_ptr) {});
  io_.restart();
  io_.run_for(std::chrono::milliseconds(limit_ms));
}

Upstream::Upstream() : endpoint_{asio::ip::address_v4::loopback(), held_.number()} { listen_again(); }

RawPeer Upstream::accept() {
  require(pending(limit_ms), "no connection came to the upstream");
  RawPeer peer(::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC));
  without_delay(peer.descriptor());
  return peer;
}

bool Upstream::pending(int within_ms) const { return wait_for(descriptor_, POLLIN, within_ms); }

void Upstream::stop() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Upstream::listen_again() {
  descriptor_ = bound_socket("127.0.0.1", endpoint_.port);
  require(::listen(descriptor_, 64) == 0, "listen");
}

AnsweringUpstream::AnsweringUpstream(std::string body) : body_(std::move(body)) {
  require(::pipe2(wake_, O_CLOEXEC) == 0, "pipe");
  thread_ = std::thread([this] { serve(); });
}

AnsweringUpstream::~AnsweringUpstream() {
  ::close(wake_[1]);
  thread_.join();
  ::close(wake_[0]);
}

void AnsweringUpstream::serve() {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n" + body_;
  std::vector<RawPeer> peers;
  while (true) {
    std::vector<pollfd> entries{{wake_[0], POLLIN, 0}, {listener_.descriptor(), POLLIN, 0}};
    for (const auto& peer : peers) entries.push_back({peer.descriptor(), POLLIN, 0});
    ::poll(entries.data(), entries.size(), -1);
    if (entries[0].revents != 0) return;
    for (std::size_t i = entries.size(); i-- > 2;) {
      if (entries[i].revents == 0) continue;
      const bool whole = peers[i - 2].read_message().whole;
      if (whole) ++requests_;
      if (!whole || !peers[i - 2].send(answer)) peers[i - 2].close();
    }
    std::erase_if(peers, [](const RawPeer& peer) { return peer.descriptor() < 0; });
    if (entries[1].revents == 0) continue;
    peers.push_back(listener_.accept());
    ++connections_;
  }
}

Refusing::Refusing() : descriptor_(bound_socket("127.0.0.1", 0)), endpoint_(endpoint_of(descriptor_)) {}

Refusing::~Refusing() { ::close(descriptor_); }

}  // namespace gatehouse
