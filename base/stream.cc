#include "base/stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace gatehouse {
namespace {

constexpr std::size_t max_gather = 16;

// Tries to send without waiting: most answers fit the socket's buffer, and then no coroutine needs to be
// suspended. Returns the bytes sent, or -1 with errno.
ssize_t send_now(int descriptor, std::span<const asio::const_buffer> buffers) {
  std::array<iovec, max_gather> pieces;
  std::size_t count = 0;
  for (const auto& buffer : buffers) {
    if (count == pieces.size()) break;
    pieces[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  return ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

PlainStream::PlainStream(Socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
}

Awaitable<IoResult<std::size_t>> PlainStream::read_some(asio::mutable_buffer buffer) {
  if (!unread_.empty()) {
    const std::size_t n = std::min(buffer.size(), unread_.size());
    std::memcpy(buffer.data(), unread_.data(), n);
    unread_.erase(0, n);
    if (unread_.empty()) unread_.shrink_to_fit();
    co_return n;
  }
  if (must_yield()) co_await asio::post(asio::use_awaitable);
  const ssize_t now = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (now >= 0) co_return static_cast<std::size_t>(now);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    co_return error_code(errno, boost::system::system_category());
  error_code error;
  const std::size_t n = co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return error;
  co_return n;
}

Awaitable<error_code> PlainStream::wait_readable() {
  error_code error;
  if (unread_.empty()) co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

Awaitable<error_code> PlainStream::write(std::span<const asio::const_buffer> buffers) {
  assert(buffers.size() <= max_gather);
  if (must_yield()) co_await asio::post(asio::use_awaitable);
  std::array<asio::const_buffer, max_gather> rest;
  std::size_t first = 0;
  const std::size_t count = std::min(buffers.size(), rest.size());
  std::copy_n(buffers.begin(), count, rest.begin());
  error_code error;
  while (first < count) {
    ssize_t sent = send_now(socket_.native_handle(), std::span(rest).subspan(first, count - first));
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      const std::span<const asio::const_buffer> pending(rest.data() + first, count - first);
      sent = static_cast<ssize_t>(
          co_await socket_.async_write_some(pending, asio::redirect_error(asio::use_awaitable, error)));
      if (error) co_return error;
    } else if (sent < 0 && errno == EINTR) {
      continue;
    } else if (sent < 0) {
      co_return error_code(errno, boost::system::system_category());
    }
    auto left = static_cast<std::size_t>(sent);
    while (first < count && left >= rest[first].size()) left -= rest[first++].size();
    if (first < count) rest[first] += left;
  }
  co_return error;
}

Awaitable<void> PlainStream::shutdown_write() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  co_return;
}

void PlainStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

void PlainStream::abort() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

bool PlainStream::idle_and_open() {
  char byte;
  const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return unread_.empty() && n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool PlainStream::peer_gone() {
  pollfd entry{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void PlainStream::unread(std::string_view bytes) { unread_.insert(0, bytes); }

std::string PlainStream::take_unread() { return std::exchange(unread_, {}); }

}  // namespace gatehouse
