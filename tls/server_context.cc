#include "tls/server_context.h"

#include "tls/alpn.h"
#include "tls/challenge_board.h"
#include "tls/digest.h"
#include "tls/server_callbacks.h"
#include "tls/tls_stream.h"
#include "tls/trust.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace gatehouse::tls {
namespace {

// AES-128 first: as safe here and cheaper; clients without AES hardware get ChaCha20 (SSL_OP_PRIORITIZE_CHACHA).
constexpr const char* tls13_suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* tls12_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* default_curves = "X25519:P-256:P-384";

Failure bad(std::string words) {
  clear_errors();
  return Failure(FailureKind::bad_configuration, std::move(words));
}

int native_version(Version version) { return version == Version::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION; }

// One name each, never an expression such as ALL:!aNULL.
bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

void append(std::string& list, std::string_view name) { list.append(list.empty() ? "" : ":").append(name); }

bool has_cipher(SSL_CTX* context, std::string_view name) {
  const auto* all = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
    if (SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)) == name) return true;
  return false;
}

Result<void> set_cipher_suites(SSL_CTX* context, const std::vector<std::string>& wanted) {
  std::string tls12, tls13;
  for (const std::string& name : wanted) {
    if (!is_plain_name(name)) return bad("'" + name + "' is not the name of a cipher suite");
    const std::string_view standard = OPENSSL_cipher_name(name.c_str());
    const std::string ours(standard == "(NONE)" ? std::string_view(name) : standard);
    const bool is_tls13 = ours.starts_with("TLS_");
    const bool known = (is_tls13 ? SSL_CTX_set_ciphersuites(context, ours.c_str())
                                 : SSL_CTX_set_cipher_list(context, ours.c_str())) == 1 &&
                       has_cipher(context, ours);
    if (!known) return bad("the cipher suite '" + name + "' is not known or not safe enough");
    append(is_tls13 ? tls13 : tls12, ours);
  }
  const bool set = SSL_CTX_set_ciphersuites(context, tls13.empty() ? tls13_suites : tls13.c_str()) == 1 &&
                   SSL_CTX_set_cipher_list(context, tls12.empty() ? tls12_suites : tls12.c_str()) == 1;
  if (!set) return openssl_failure(FailureKind::bad_configuration, "cipher suites");
  return {};
}

std::string_view openssl_curve(std::string_view name) {
  if (name == "CurveP256" || name == "secp256r1") return "P-256";
  if (name == "CurveP384" || name == "secp384r1") return "P-384";
  if (name == "CurveP521" || name == "secp521r1") return "P-521";
  return name;
}

Result<std::string> openssl_curves(SSL_CTX* context, const std::vector<std::string>& wanted) {
  std::string curves;
  for (const std::string& name : wanted) {
    const std::string ours(openssl_curve(name));
    if (!is_plain_name(ours) || SSL_CTX_set1_groups_list(context, ours.c_str()) != 1)
      return bad("the curve '" + name + "' is not known");
    append(curves, ours);
  }
  return curves.empty() ? default_curves : curves;
}

// The chain is not looked at.
int accept_any_certificate(X509_STORE_CTX*, void*) { return 1; }

Result<void> set_client_auth(SSL_CTX* context, const ServerPolicy& policy) {
  const bool verified = verifies_certificate(policy.client_auth);
  const bool required = requires_certificate(policy.client_auth);
  if (policy.client_auth == ClientAuth::none) return {};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  if (!verified) SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, nullptr);
  if (!verified || policy.client_ca_pem.empty()) return {};
  return trust(*context, policy.client_ca_pem, Announce::yes);
}

// OpenSSL resumes a session only under the session id context it was made under.
void bind_tickets_to(const ServerPolicy& policy, SSL_CTX* context) {
  std::string text =
      std::to_string(native_version(policy.min_version)) + "," + std::to_string(native_version(policy.max_version));
  for (const auto* list : {&policy.cipher_suites, &policy.curves, &policy.alpn}) {
    text += ';';
    for (const std::string& item : *list) text.append(item).append(",");
  }
  text += ";" + std::to_string(static_cast<int>(policy.client_auth));
  for (const std::string& authority : trusted_by(*context)) text += authority;
  const std::string bound = digest(Hash::sha256, text);
  static_assert(SSL_MAX_SID_CTX_LENGTH == 32);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(bound.data()),
                                 static_cast<unsigned>(bound.size()));
}

void set_tickets(SSL_CTX* context, bool wanted) {
  // TLS 1.3 would send two for the same purpose; each is a record and a write.
  SSL_CTX_set_num_tickets(context, wanted ? 1 : 0);
  if (!wanted) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

}  // namespace

Result<Version> parse_version(std::string_view text) {
  std::string_view number = text;
  for (const std::string_view prefix : {"VersionTLS", "TLSv", "TLS"})
    if (number.starts_with(prefix)) {
      number.remove_prefix(prefix.size());
      break;
    }
  if (number == "1.2" || number == "12") return Version::tls12;
  if (number == "1.3" || number == "13") return Version::tls13;
  if (number == "1.0" || number == "10" || number == "1.1" || number == "11")
    return bad("TLS 1.0 and 1.1 are no longer safe and not offered; use VersionTLS12 or VersionTLS13");
  return bad("'" + std::string(text.substr(0, 40)) + "' is not a TLS version; use VersionTLS12 or VersionTLS13");
}

bool requires_certificate(ClientAuth auth) {
  return auth == ClientAuth::require_any || auth == ClientAuth::require_and_verify;
}

bool verifies_certificate(ClientAuth auth) {
  return auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify;
}

bool is_stricter(ClientAuth auth, ClientAuth other) {
  const auto rank = [](ClientAuth kind) {
    return std::tuple(requires_certificate(kind), verifies_certificate(kind), kind == ClientAuth::request);
  };
  return rank(auth) > rank(other);
}

ServerContext::ServerContext(SslContextHandle context, ServerPolicy policy, std::string alpn_wire, std::string curves,
                             std::shared_ptr<const TicketKeys> keys)
    : context_(std::move(context)),
      policy_(std::move(policy)),
      alpn_wire_(std::move(alpn_wire)),
      curves_(std::move(curves)),
      authorities_(trusted_by(*context_)),
      keys_(std::move(keys)) {}

bool ServerContext::is_as_strict_as(const ServerContext& other) const {
  const ServerPolicy &ours = policy_, &theirs = other.policy_;
  if (ours.min_version < theirs.min_version || is_stricter(theirs.client_auth, ours.client_auth)) return false;
  if (ours.cipher_suites != theirs.cipher_suites || ours.curves != theirs.curves) return false;
  return !verifies_certificate(theirs.client_auth) ||
         (verifies_certificate(ours.client_auth) && std::includes(other.authorities_.begin(), other.authorities_.end(),
                                                                  authorities_.begin(), authorities_.end()));
}

Result<std::shared_ptr<const ServerContext>> make_server_context(const ServerPolicy& policy,
                                                                 std::shared_ptr<const TicketKeys> keys) {
  if (policy.min_version > policy.max_version) return bad("the lowest TLS version is above the highest");
  std::vector<std::string> protocols = policy.alpn;
  std::erase(protocols, challenge_protocol);
  auto wire = alpn_wire(protocols);
  if (!wire) return wire.error();
  SslContextHandle context(SSL_CTX_new(TLS_server_method()));
  if (!context) return openssl_failure(FailureKind::internal, "no TLS context");
  prepare_for_streams(*context);
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_min_proto_version(context.get(), native_version(policy.min_version));
  SSL_CTX_set_max_proto_version(context.get(), native_version(policy.max_version));
  if (auto set = set_cipher_suites(context.get(), policy.cipher_suites); !set) return set.error();
  auto curves = openssl_curves(context.get(), policy.curves);
  if (!curves) return curves.error();
  if (SSL_CTX_set1_groups_list(context.get(), curves->c_str()) != 1)
    return openssl_failure(FailureKind::bad_configuration, "curves");
  if (auto set = set_client_auth(context.get(), policy); !set) return set.error();
  set_tickets(context.get(), keys && policy.session_tickets && policy.client_auth == ClientAuth::none);
  bind_tickets_to(policy, context.get());
  auto made = std::make_shared<const ServerContext>(std::move(context), policy, *std::move(wire), *std::move(curves),
                                                    std::move(keys));
  set_server_callbacks(*made);
  return made;
}

}  // namespace gatehouse::tls
