#include "proxy/upstream/http2_upstream_tunnel.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {

error_code Http2Stream::Tunnel::end() const {
  if (closed_) return asio::error::operation_aborted;
  const bool lost = stream_.failure_ || (stream_.closed_ && !stream_.out_.end_sent());
  return lost ? error_code(asio::error::connection_reset) : error_code();
}

IoResult<std::size_t> Http2Stream::Tunnel::read_now(asio::mutable_buffer buffer) {
  if (closed_) return error_code(asio::error::operation_aborted);
  if (stream_.in_.waiting().empty()) {
    if (stream_.in_.end_arrived()) return std::size_t{0};
    const error_code error = end();
    return error ? error : error_code(asio::error::would_block);
  }
  std::size_t freed = 0;
  const std::size_t size = stream_.in_.copy_out(std::span(static_cast<char*>(buffer.data()), buffer.size()), freed);
  stream_.give_back(freed);
  return size;
}

bool Http2Stream::Tunnel::write_now(std::span<asio::const_buffer>& buffers, error_code& error) {
  error = end();
  if (error) return true;
  if (!stream_.out_.drained()) return false;
  for (; !buffers.empty(); buffers = buffers.subspan(1)) {
    asio::const_buffer& from = buffers.front();
    from += stream_.out_.copy_in({static_cast<const char*>(from.data()), from.size()});
    if (from.size() > 0) break;
  }
  stream_.connection_->codec_.resume(stream_.id_);
  stream_.connection_->flush_soon();
  return buffers.empty();
}

Awaitable<error_code> Http2Stream::Tunnel::wait_readable() {
  error_code woken;
  while (!end() && !readable()) co_await stream_.arrival_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  // What came before the stream ended is still to be had.
  co_return !closed_ && readable() ? error_code() : end();
}

Awaitable<error_code> Http2Stream::Tunnel::wait_writable() {
  error_code woken;
  while (!end() && !stream_.out_.drained())
    co_await stream_.departure_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  co_return end();
}

Awaitable<void> Http2Stream::Tunnel::shutdown_write() {
  if (end()) co_return;
  stream_.out_.put_end();
  stream_.connection_->codec_.resume(stream_.id_);
  stream_.connection_->flush_soon();
  error_code woken;
  while (!end() && !stream_.out_.end_sent())
    co_await stream_.departure_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

void Http2Stream::Tunnel::abort() {
  if (closed_) return;
  closed_ = true;
  stream_.arrival_.cancel();
  stream_.departure_.cancel();
}

}  // namespace gatehouse
