// The bytes of an HTTP/2 stream that an extended CONNECT has opened (RFC 8441 §5), as a Stream for the relay.
#pragma once

#include "proxy/http/http2_exchange.h"

namespace gatehouse {

class Http2Exchange::Tunnel final : public Stream {
 public:
  explicit Tunnel(Http2Exchange& exchange) : exchange_(exchange) {}

  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override;
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override;
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> wait_writable() override;
  // END_STREAM.
  Awaitable<void> shutdown_write() override;
  // What was written before shutdown_write() still goes out.
  void close() override;
  void abort() override;
  bool idle_and_open() override { return !exchange_.gone_; }
  bool peer_gone() override { return exchange_.gone_; }
  Socket* plain_socket() override { return nullptr; }

  bool half_closed() const { return !closed_; }  // the client may go on sending when we have said our last

 private:
  error_code end() const;
  bool has_room() const;

  Http2Exchange& exchange_;
  std::size_t read_ = 0;  // of what has arrived
  bool closed_ = false;
};

}  // namespace gatehouse
