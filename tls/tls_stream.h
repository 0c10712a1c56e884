// A TLS connection as a Stream: OpenSSL directly on the plain stream's socket. What it costs while idle is
// OpenSSL's own state (no record buffers, nothing per operation).
#pragma once

#include "base/stream.h"
#include "tls/openssl.h"
#include "tls/wire.h"

namespace gatehouse::tls {

// What a TlsStream needs of every context it runs under.
void prepare_for_streams(ssl_ctx_st& context);

class TlsStream final : public Stream {
 public:
  // Takes over `ssl`, which is set up but has no BIO yet, and the bytes put back into `under`.
  TlsStream(PlainStream& under, SslHandle ssl);

  // Until it is done. A failure of that kind says what went wrong, in words.
  Awaitable<Result<void>> handshake(FailureKind kind);

  // 0 is the peer's close_notify. Its FIN without one is connection_aborted, so that a cut connection never passes
  // for a clean end.
  IoResult<std::size_t> read_now(asio::mutable_buffer buffer) override;
  // Gathers small buffers, so that a head and the start of its body share a record.
  bool write_now(std::span<asio::const_buffer>& buffers, error_code& error) override;
  // May return early when the peer sent something that is not data (a session ticket, a key update).
  Awaitable<error_code> wait_readable() override;
  Awaitable<error_code> wait_writable() override { return wire_.under.wait_writable(); }
  Awaitable<void> shutdown_write() override;
  void close() override { wire_.under.close(); }
  void abort() override { wire_.under.abort(); }
  // Session tickets a server sent after the handshake do not count as "sent anything".
  bool idle_and_open() override;
  // Also when it has said so (close_notify) and keeps the socket open.
  bool peer_gone() override;
  Socket* plain_socket() override { return nullptr; }

  ssl_st* native() const { return ssl_.get(); }

 private:
  // After an OpenSSL call that did not succeed: the peer's end, an error, or else more bytes are needed.
  struct Outcome {
    bool ended = false;
    error_code error;
  };
  Outcome outcome_of(int returned);
  error_code broken();
  Awaitable<error_code> send_unsent();
  std::string words_of_failure() const;
  bool data_at_hand();
  bool write_record(std::span<asio::const_buffer>& buffers);

  // Handshake messages after the handshake (key updates, renegotiation) cost us more than they cost the sender, so
  // there is a budget: some at once, and more with the data that comes along.
  static constexpr std::uint64_t free_messages = 64;
  static constexpr std::uint64_t bytes_per_message = 4096;
  static void count_message(int written, int version, int type, const void* data, std::size_t size, ssl_st* ssl,
                            void* self);

  Wire wire_;
  SslHandle ssl_;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace gatehouse::tls
