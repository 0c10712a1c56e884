#include "tls/handshake.h"

#include "tls/alpn.h"
#include "tls/server_callbacks.h"
#include "tls/tls_stream.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

std::string alpn_of(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return std::string(reinterpret_cast<const char*>(name), size);
}

AcceptedTls accepted(std::unique_ptr<TlsStream> stream, std::string server_name) {
  SSL* ssl = stream->native();
  AcceptedTls tls;
  tls.server_name = std::move(server_name);
  tls.alpn = alpn_of(ssl);
  tls.version = SSL_get_version(ssl);
  tls.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl));
  tls.resumed = SSL_session_reused(ssl) == 1;
  tls.stream = std::move(stream);
  return tls;
}

bool is_address(const std::string& text) {
  error_code error;
  asio::ip::make_address(text, error);
  return !error;
}

// What the upstream's certificate has to say, and which host we ask for.
Result<void> expect(SSL* ssl, const ClientContext& context, const std::string& name) {
  if (is_address(name)) {
    if (context.verify() && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) != 1)
      return openssl_failure(FailureKind::upstream_tls_failed, name);
    return {};
  }
  const auto host = HostName::parse(name);
  if (!host && context.verify())
    return Failure(FailureKind::upstream_tls_failed, "its certificate cannot be checked: " + host.error().detail);
  if (!host) return {};
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = SSL_set_tlsext_host_name(ssl, host->text().c_str()) == 1 &&
                   (!context.verify() || SSL_set1_host(ssl, host->text().c_str()) == 1);
  if (!set) return openssl_failure(FailureKind::upstream_tls_failed, name);
  return {};
}

bool offer(SSL* ssl, const std::string& protocol) {
  const auto wire = alpn_wire({protocol});
  if (!wire) return false;
  const auto* protocols = reinterpret_cast<const unsigned char*>(wire->data());
  return SSL_set_alpn_protos(ssl, protocols, static_cast<unsigned>(wire->size())) == 0;
}

// The server takes no protocol that was offered (RFC 7301 §3.2).
void note_refusal(const SSL* ssl, int where, int alert) {
  auto* refused = static_cast<bool*>(SSL_get_app_data(ssl));
  if (where == SSL_CB_READ_ALERT && (alert & 0xff) == SSL_AD_NO_APPLICATION_PROTOCOL) *refused = true;
}

}  // namespace

Awaitable<Result<AcceptedTls>> accept_tls(PlainStream& under, std::shared_ptr<const ServerContext> context,
                                          ChooseCertificate choose, std::shared_ptr<const ChallengeBoard> challenges,
                                          ChooseContext choose_context) {
  SslHandle ssl(SSL_new(context->native()));
  if (!ssl) co_return openssl_failure(FailureKind::handshake_failed, "no TLS connection");
  ServerHandshake answers{std::move(choose), challenges.get(), std::move(choose_context)};
  SSL_set_app_data(ssl.get(), &answers);
  SSL_set_accept_state(ssl.get());
  auto stream = std::make_unique<TlsStream>(under, std::move(ssl));
  const auto done = co_await stream->handshake(FailureKind::handshake_failed);
  SSL_set_app_data(stream->native(), nullptr);
  if (!done && !answers.problem.empty()) co_return Failure(FailureKind::handshake_failed, answers.problem);
  if (!done) co_return done.error();
  auto result = accepted(std::move(stream), std::move(answers.server_name));
  result.validates = answers.validates;
  co_return result;
}

Awaitable<Result<std::unique_ptr<Stream>>> connect_tls(PlainStream& under, std::shared_ptr<const ClientContext> context,
                                                       std::string server_name) {
  auto connected = co_await connect_tls_agreeing(under, std::move(context), std::move(server_name), {});
  if (!connected) co_return connected.error();
  co_return std::move(connected->stream);
}

Awaitable<Result<ConnectedTls>> connect_tls_agreeing(PlainStream& under, std::shared_ptr<const ClientContext> context,
                                                     std::string server_name, std::string only) {
  SslHandle ssl(SSL_new(context->native()));
  if (!ssl) co_return openssl_failure(FailureKind::upstream_tls_failed, "no TLS connection");
  if (!context->server_name().empty()) server_name = context->server_name();
  const auto expected = expect(ssl.get(), *context, server_name);
  if (!expected) co_return expected.error();
  if (!only.empty() && !offer(ssl.get(), only))
    co_return openssl_failure(FailureKind::upstream_tls_failed, "the protocol cannot be offered");
  SSL_set_connect_state(ssl.get());
  auto stream = std::make_unique<TlsStream>(under, std::move(ssl));
  bool refused = false;
  SSL_set_app_data(stream->native(), &refused);
  SSL_set_info_callback(stream->native(), note_refusal);
  const auto done = co_await stream->handshake(FailureKind::upstream_tls_failed);
  SSL_set_info_callback(stream->native(), nullptr);
  SSL_set_app_data(stream->native(), nullptr);
  // Only who asked for one protocol has a use for the difference.
  if (!done && refused && !only.empty()) co_return Failure(FailureKind::upgrade_refused, done.error().detail);
  if (!done) co_return done.error();
  ConnectedTls connected;
  connected.alpn = alpn_of(stream->native());
  connected.stream = std::move(stream);
  co_return connected;
}

}  // namespace gatehouse::tls
