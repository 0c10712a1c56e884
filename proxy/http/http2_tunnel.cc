#include "proxy/http/http2_flow.h"

#include <utility>

namespace gatehouse {

class Http2Flow::Tunnel final : public Stream {
 public:
  explicit Tunnel(Http2Flow& flow) : flow_(flow) {}

  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override;
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override;
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> wait_writable() override;
  // END_STREAM, after what was written before: that is waited for.
  Awaitable<void> shutdown_write() override;
  void close() override;
  void abort() override { close(); }
  bool idle_and_open() override { return !end(); }
  bool peer_gone() override { return bool(end()); }
  Socket* plain_socket() override { return nullptr; }

 private:
  error_code end() const;

  Http2Flow& flow_;
  bool closed_ = false;
};

Stream& Http2Flow::open_tunnel() {
  if (!tunnel_) tunnel_ = std::make_unique<Tunnel>(*this);
  return *tunnel_;
}

error_code Http2Flow::Tunnel::end() const {
  if (closed_) return asio::error::operation_aborted;
  const bool lost = flow_.failure_ || (flow_.stream_closed_ && !flow_.out_.end_sent());
  return lost ? error_code(asio::error::connection_reset) : error_code();
}

IoResult<std::size_t> Http2Flow::Tunnel::read_now(asio::mutable_buffer buffer) {
  if (closed_) return error_code(asio::error::operation_aborted);
  if (flow_.in_.waiting().empty()) {
    if (flow_.in_.end_arrived()) return std::size_t{0};
    const error_code error = end();
    return error ? error : error_code(asio::error::would_block);
  }
  std::size_t freed = 0;
  const std::size_t size = flow_.in_.copy_out(std::span(static_cast<char*>(buffer.data()), buffer.size()), freed);
  flow_.give_back(freed);
  return size;
}

bool Http2Flow::Tunnel::write_now(std::span<asio::const_buffer>& buffers, error_code& error) {
  error = end();
  if (error) return true;
  if (!flow_.out_.drained()) return false;
  for (; !buffers.empty(); buffers = buffers.subspan(1)) {
    asio::const_buffer& from = buffers.front();
    from += flow_.out_.copy_in({static_cast<const char*>(from.data()), from.size()});
    if (from.size() > 0) break;
  }
  flow_.resume();
  return buffers.empty();
}

Awaitable<error_code> Http2Flow::Tunnel::wait_readable() {
  while (!end() && !flow_.in_.at_hand()) co_await wait_on(flow_.arrival_);
  // What came before the stream ended is still to be had.
  co_return !closed_ && flow_.in_.at_hand() ? error_code() : end();
}

Awaitable<error_code> Http2Flow::Tunnel::wait_writable() {
  while (!end() && !flow_.out_.drained()) co_await wait_on(flow_.departure_);
  co_return end();
}

Awaitable<void> Http2Flow::Tunnel::shutdown_write() {
  if (end()) co_return;
  flow_.out_.put_end();
  flow_.resume();
  while (!end() && !flow_.out_.end_sent()) co_await wait_on(flow_.departure_);
}

void Http2Flow::Tunnel::close() {
  if (std::exchange(closed_, true)) return;
  flow_.arrival_.cancel();
  flow_.departure_.cancel();
  if (!flow_.over()) flow_.reset(Http2Error::cancel);
}

}  // namespace gatehouse
