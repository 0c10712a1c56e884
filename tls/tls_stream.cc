#include "tls/tls_stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>

namespace gatehouse::tls {
namespace {

constexpr std::size_t record_bytes = 16 * 1024;  // the most one record carries (RFC 8446 §5.1)

const error_code aborted = asio::error::operation_aborted;
const error_code truncated = boost::system::errc::make_error_code(boost::system::errc::connection_aborted);
const error_code violated = boost::system::errc::make_error_code(boost::system::errc::protocol_error);

}  // namespace

void prepare_for_streams(ssl_ctx_st& context) {
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(&context, 1);
}

TlsStream::TlsStream(PlainStream& under, SslHandle ssl) : wire_(under), ssl_(std::move(ssl)) {
  BIO* bio = make_bio(wire_).release();
  SSL_set_bio(ssl_.get(), bio, bio);
}

Awaitable<Result<void>> TlsStream::handshake(FailureKind kind) {
  for (;;) {
    const int done = SSL_do_handshake(ssl_.get());
    if (done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ)
      co_return Failure(kind, words_of_failure());
    error_code error = co_await send_unsent();
    if (!error && done == 1) break;
    if (!error) error = co_await wire_.under.wait_readable();
    if (error) co_return Failure(kind, error == aborted ? "closed while waiting for the peer" : error.message());
  }
  clear_errors();
  SSL_set_msg_callback(ssl_.get(), count_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  co_return Result<void>();
}

std::string TlsStream::words_of_failure() const {
  const std::string words = take_error();
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE)
    return std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
  if (wire_.error == EBADF) return "closed while waiting for the peer";
  if (wire_.error != 0) return std::strerror(wire_.error);
  if (wire_.ended) return "the peer closed the connection";
  return words;
}

IoResult<std::size_t> TlsStream::read_now(asio::mutable_buffer buffer) {
  if (wire_.under.must_yield()) return error_code(asio::error::would_block);
  std::size_t count = 0;
  const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
  if (done == 1) {
    bytes_read_ += count;
    return count;
  }
  const Outcome outcome = outcome_of(done);
  if (outcome.ended) return std::size_t{0};
  return outcome.error ? outcome.error : error_code(asio::error::would_block);
}

// The plain stream has nothing put back: the wire has taken that over.
Awaitable<error_code> TlsStream::wait_readable() {
  error_code error;
  if (wire_.under.take_yield()) error = co_await wire_.under.give_way();
  if (!error && !data_at_hand()) error = co_await wire_.under.wait_readable();
  co_return error;
}

Awaitable<error_code> TlsStream::send_unsent() {
  while (wire_.has_unsent()) {
    if (!wire_.send_unsent()) co_return broken();
    if (!wire_.has_unsent()) break;
    const error_code error = co_await wait_writable();
    if (error) co_return error;
  }
  co_return error_code();
}

// Read-ahead may have left whole records, or only part of one, inside OpenSSL.
bool TlsStream::data_at_hand() {
  if (SSL_has_pending(ssl_.get()) == 0 && !wire_.has_early()) return false;
  char byte;
  std::size_t count = 0;
  const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
  if (done == 1) return true;
  const Outcome outcome = outcome_of(done);
  return outcome.ended || outcome.error;
}

bool TlsStream::write_now(std::span<asio::const_buffer>& buffers, error_code& error) {
  while (true) {
    while (!buffers.empty() && buffers.front().size() == 0) buffers = buffers.subspan(1);
    if (wire_.unsent.size() >= Wire::max_gathered || (buffers.empty() && wire_.has_unsent())) {
      if (!wire_.send_unsent()) break;
      if (wire_.has_unsent()) return false;
    }
    if (buffers.empty()) return true;
    if (!write_record(buffers)) break;
  }
  error = broken();
  return true;
}

bool TlsStream::write_record(std::span<asio::const_buffer>& buffers) {
  const asio::const_buffer first = buffers.front();
  wire_.gather = asio::buffer_size(buffers) > record_bytes;
  std::array<char, record_bytes> record;
  const char* data = static_cast<const char*>(first.data());
  std::size_t size = first.size();
  if (buffers.size() > 1 && size < record_bytes) {
    size = 0;
    for (const asio::const_buffer& next : buffers) {
      const std::size_t count = std::min(next.size(), record.size() - size);
      if (count != 0) std::memcpy(record.data() + size, next.data(), count);
      size += count;
    }
    data = record.data();
  }
  // Takes less where the client asked for small records (RFC 6066 §4).
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), data, size, &written) != 1) return false;
  while (written > 0) {
    const std::size_t count = std::min(buffers.front().size(), written);
    buffers.front() += count;
    written -= count;
    if (buffers.front().size() == 0) buffers = buffers.subspan(1);
  }
  return true;
}

Awaitable<void> TlsStream::shutdown_write() {
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) co_return;
  if (SSL_shutdown(ssl_.get()) < 0) clear_errors();
  const error_code error = co_await send_unsent();
  if (!error) co_await wire_.under.shutdown_write();
}

bool TlsStream::idle_and_open() {
  char byte;
  std::size_t count = 0;
  const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
  if (done == 1) return false;
  const Outcome outcome = outcome_of(done);
  return !outcome.ended && !outcome.error && SSL_has_pending(ssl_.get()) == 0;
}

bool TlsStream::peer_gone() {
  if (wire_.under.peer_gone()) return true;
  char byte;
  std::size_t count = 0;
  const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
  if (done == 1) return false;
  const Outcome outcome = outcome_of(done);
  return outcome.ended || outcome.error;
}

TlsStream::Outcome TlsStream::outcome_of(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {};
    case SSL_ERROR_ZERO_RETURN: return {.ended = true, .error = {}};
    case SSL_ERROR_SSL:
      wire_.error = 0;  // if any, it came of telling the peer
      [[fallthrough]];
    default: return {.ended = false, .error = broken()};
  }
}

error_code TlsStream::broken() {
  clear_errors();
  const int error = std::exchange(wire_.error, 0);
  if (error == EBADF) return aborted;
  if (error != 0) return {error, boost::system::system_category()};
  return wire_.ended ? truncated : violated;
}

void TlsStream::count_message(int written, int, int type, const void*, std::size_t, ssl_st*, void* self) {
  if (written != 0 || type != SSL3_RT_HANDSHAKE) return;
  auto& stream = *static_cast<TlsStream*>(self);
  ++stream.messages_;
  if (stream.messages_ > free_messages + stream.bytes_read_ / bytes_per_message) stream.wire_.refused = true;
}

}  // namespace gatehouse::tls
