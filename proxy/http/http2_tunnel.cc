#include "proxy/http/http2_tunnel.h"

#include "proxy/http/http2_server.h"

#include <cstring>

namespace gatehouse {
namespace {

constexpr std::size_t most_kept = 16 * 1024;
constexpr std::size_t most_idle_memory = 4 * 1024;

}  // namespace

error_code Http2Exchange::Tunnel::end() const {
  if (closed_) return asio::error::operation_aborted;
  return exchange_.gone_ ? error_code(asio::error::connection_reset) : error_code();
}

IoResult<std::size_t> Http2Exchange::Tunnel::read_now(asio::mutable_buffer buffer) {
  if (closed_) return error_code(asio::error::operation_aborted);
  std::string& arrived = exchange_.arrived_;
  const std::size_t size = std::min(buffer.size(), arrived.size() - read_);
  if (size == 0 && exchange_.remote_ended_) return std::size_t{0};
  if (const error_code error = end(); size == 0) return error ? error : error_code(asio::error::would_block);
  std::memcpy(buffer.data(), arrived.data() + read_, size);
  read_ += size;
  if (read_ == arrived.size()) {
    exchange_.connection_.codec_.consume(exchange_.stream_, read_);
    exchange_.connection_.flush_soon();
    if (arrived.capacity() > most_idle_memory) arrived = {};
    arrived.clear();
    read_ = 0;
  }
  return size;
}

bool Http2Exchange::Tunnel::has_room() const { return exchange_.kept_sent_ == exchange_.kept_.size(); }

bool Http2Exchange::Tunnel::write_now(std::span<asio::const_buffer>& buffers, error_code& error) {
  error = end();
  if (error) return true;
  if (!has_room()) return false;
  std::string& kept = exchange_.kept_;
  exchange_.kept_sent_ = 0;
  kept.clear();
  for (; !buffers.empty() && kept.size() < most_kept; buffers = buffers.subspan(1)) {
    const std::size_t size = std::min(buffers.front().size(), most_kept - kept.size());
    kept.append(static_cast<const char*>(buffers.front().data()), size);
    buffers.front() += size;
    if (buffers.front().size() > 0) break;
  }
  exchange_.connection_.codec_.resume(exchange_.stream_);
  exchange_.connection_.flush_soon();
  return buffers.empty();
}

Awaitable<error_code> Http2Exchange::Tunnel::wait_readable() {
  const auto readable = [this] { return exchange_.arrived_.size() > read_ || exchange_.remote_ended_; };
  while (!end() && !readable()) co_await wait_on(exchange_.arrival_);
  // What came before the stream ended is still to be had.
  co_return !closed_ && readable() ? error_code() : end();
}

Awaitable<error_code> Http2Exchange::Tunnel::wait_writable() {
  while (!end() && !has_room()) co_await wait_on(exchange_.departure_);
  co_return end();
}

Awaitable<void> Http2Exchange::Tunnel::shutdown_write() {
  if (end()) co_return;
  exchange_.last_ = exchange_.complete_ = true;
  exchange_.connection_.codec_.resume(exchange_.stream_);
  exchange_.connection_.flush_soon();
}

void Http2Exchange::Tunnel::close() {
  if (closed_ || exchange_.gone_) return;
  if (!exchange_.complete_) return abort();
  closed_ = true;
  exchange_.arrival_.cancel();
  exchange_.departure_.cancel();
  const bool all_sent = has_room() && exchange_.last_sent_;
  if (!all_sent) exchange_.sending_.within(exchange_.connection_.terms_.write_idle);
  if (all_sent && !exchange_.remote_ended_) exchange_.connection_.codec_.reset(exchange_.stream_, Http2Error::cancel);
  exchange_.connection_.flush_soon();
}

void Http2Exchange::Tunnel::abort() {
  if (closed_ || exchange_.gone_) return;
  closed_ = true;
  exchange_.break_off();
}

}  // namespace gatehouse
