// The bytes of a stream that an extended CONNECT has opened towards an upstream (RFC 8441 §5), as a Stream for the
// relay.
#pragma once

#include "proxy/upstream/http2_stream.h"

namespace gatehouse {

class Http2Stream::Tunnel final : public Stream {
 public:
  explicit Tunnel(Http2Stream& stream) : stream_(stream) {}

  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override;
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override;
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> wait_writable() override;
  // END_STREAM, after what was written before: that is waited for.
  Awaitable<void> shutdown_write() override;
  void close() override { abort(); }
  void abort() override;
  bool idle_and_open() override { return !end(); }
  bool peer_gone() override { return bool(end()); }
  Socket* plain_socket() override { return nullptr; }

 private:
  error_code end() const;
  bool readable() const { return stream_.in_.at_hand(); }

  Http2Stream& stream_;
  bool closed_ = false;
};

}  // namespace gatehouse
