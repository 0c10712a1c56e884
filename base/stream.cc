#include "base/stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace gatehouse {
namespace {

constexpr std::size_t max_gather = 16;

// The bytes sent, or -1 with errno.
ssize_t send_now(int descriptor, std::span<const asio::const_buffer> buffers) {
  std::array<iovec, max_gather> pieces;
  std::size_t count = 0;
  for (const auto& buffer : buffers.first(std::min(buffers.size(), pieces.size())))
    pieces[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  return ::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool try_again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

error_code system_error() { return {errno, boost::system::system_category()}; }

}  // namespace

Awaitable<IoResult<std::size_t>> Stream::read_some(asio::mutable_buffer buffer) {
  while (true) {
    auto read = read_now(buffer);
    if (read || !would_block(read.error())) co_return read;
    const error_code error = co_await wait_readable();
    if (error) co_return error;
  }
}

Awaitable<error_code> Stream::write(std::span<asio::const_buffer> buffers) {
  error_code error;
  while (!write_now(buffers, error)) {
    error = co_await wait_writable();
    if (error) break;
  }
  co_return error;
}

PlainStream::PlainStream(Socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
}

IoResult<std::size_t> PlainStream::read_now(asio::mutable_buffer buffer) {
  if (!unread_.empty()) {
    const std::size_t n = std::min(buffer.size(), unread_.size());
    std::memcpy(buffer.data(), unread_.data(), n);
    unread_.erase(0, n);
    if (unread_.empty()) unread_.shrink_to_fit();
    return n;
  }
  if (must_yield()) return error_code(asio::error::would_block);
  const ssize_t read = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (read >= 0) return static_cast<std::size_t>(read);
  return try_again() ? error_code(asio::error::would_block) : system_error();
}

bool PlainStream::write_now(std::span<asio::const_buffer>& buffers, error_code& error) {
  while (!buffers.empty()) {
    const ssize_t sent = send_now(socket_.native_handle(), buffers);
    if (sent < 0 && try_again()) return false;
    if (sent < 0) {
      error = system_error();
      return true;
    }
    auto left = static_cast<std::size_t>(sent);
    while (!buffers.empty() && left >= buffers.front().size()) {
      left -= buffers.front().size();
      buffers = buffers.subspan(1);
    }
    if (!buffers.empty()) buffers.front() += left;
  }
  return true;
}

Awaitable<error_code> PlainStream::wait_readable() {
  if (take_yield()) {
    const error_code woken = co_await give_way();
    if (woken) co_return woken;
  }
  if (!unread_.empty()) co_return error_code();
  // Deferred and not use_awaitable, which makes a coroutine of its own.
  auto ready = socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::deferred));
  const auto [error] = co_await std::move(ready);
  co_return error;
}

Awaitable<error_code> PlainStream::give_way() {
  woken_ = false;
  co_await asio::post(asio::use_awaitable);
  co_return woken_ ? error_code(asio::error::operation_aborted) : error_code();
}

void PlainStream::wake() {
  woken_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

Awaitable<error_code> PlainStream::wait_writable() {
  auto ready = socket_.async_wait(Socket::wait_write, asio::as_tuple(asio::deferred));
  const auto [error] = co_await std::move(ready);
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
  if (!socket_.is_open()) return true;
  pollfd entry{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void PlainStream::unread(std::string_view bytes) { unread_.insert(0, bytes); }

std::string PlainStream::take_unread() { return std::exchange(unread_, {}); }

}  // namespace gatehouse
