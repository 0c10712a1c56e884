#include "tls/client_context.h"

#include "tls/alpn.h"
#include "tls/tls_stream.h"
#include "tls/trust.h"

#include <openssl/ssl.h>

#include <algorithm>

namespace gatehouse::tls {
namespace {

Result<void> trust_roots(SSL_CTX* context, const std::string& ca_pem) {
  if (!ca_pem.empty()) return trust(*context, ca_pem, Announce::no);
  const bool set = SSL_CTX_set_default_verify_paths(context) == 1;
  clear_errors();
  if (!set) return Failure(FailureKind::bad_configuration, "the system's root certificates cannot be read");
  return {};
}

Result<void> show(SSL_CTX* context, const ClientPolicy& policy) {
  if (policy.certificate_pem.empty() && policy.key_pem.empty()) return {};
  auto own = Certificate::from_pem(policy.certificate_pem, policy.key_pem);
  if (!own) return Failure(FailureKind::bad_configuration, "client certificate: " + own.error().detail);
  if (SSL_CTX_use_cert_and_key(context, (*own)->leaf(), (*own)->key(), (*own)->chain(), 1) != 1)
    return openssl_failure(FailureKind::bad_configuration, "client certificate");
  return {};
}

}  // namespace

ClientContext::ClientContext(SslContextHandle context, const ClientPolicy& policy)
    : context_(std::move(context)),
      verify_(policy.verify),
      server_name_(policy.server_name),
      offers_http2_(std::find(policy.alpn.begin(), policy.alpn.end(), "h2") != policy.alpn.end()) {}

Result<std::shared_ptr<const ClientContext>> make_client_context(const ClientPolicy& policy) {
  auto wire = alpn_wire(policy.alpn);
  if (!wire) return wire.error();
  SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) return openssl_failure(FailureKind::internal, "no TLS context");
  prepare_for_streams(*context);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), policy.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (policy.verify)
    if (auto trusted = trust_roots(context.get(), policy.ca_pem); !trusted) return trusted.error();
  if (auto shown = show(context.get(), policy); !shown) return shown.error();
  const auto* protocols = reinterpret_cast<const unsigned char*>(wire->data());
  if (!wire->empty() && SSL_CTX_set_alpn_protos(context.get(), protocols, static_cast<unsigned>(wire->size())) != 0)
    return openssl_failure(FailureKind::bad_configuration, "ALPN");
  return std::make_shared<const ClientContext>(std::move(context), policy);
}

}  // namespace gatehouse::tls
