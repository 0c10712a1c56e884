// How Gatehouse speaks TLS to clients: one context per policy, shared by all workers; certificates are not part of
// it but chosen per handshake.
#pragma once

#include "tls/openssl.h"
#include "tls/ticket_keys.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::tls {

// TLS 1.0 and 1.1 are not offered (RFC 8996).
enum class Version : std::uint8_t { tls12, tls13 };

// Accepts Traefik's spelling (VersionTLS12) and the usual ones (1.2, TLS1.2, TLSv1.2).
Result<Version> parse_version(std::string_view text);

// Whether clients are asked for a certificate, and what one has to be (Traefik's clientAuthType).
enum class ClientAuth : std::uint8_t {
  none,
  request,             // any, or none
  require_any,         // any, of whoever
  verify_if_given,     // none, or one of an authority we trust
  require_and_verify,  // one of an authority we trust
};

bool requires_certificate(ClientAuth auth);
bool verifies_certificate(ClientAuth auth);
// Whether it lets in fewer than the other: what requires a certificate comes before what only verifies it.
bool is_stricter(ClientAuth auth, ClientAuth other);

struct ServerPolicy {
  Version min_version = Version::tls12;
  Version max_version = Version::tls13;
  // Of both versions, by IANA or OpenSSL name, preferred first. Empty, or none of a version: that version's
  // defaults (ECDHE with AES-GCM or ChaCha20-Poly1305).
  std::vector<std::string> cipher_suites = {};
  std::vector<std::string> curves = {};          // Traefik's (CurveP256, X25519) or OpenSSL's names; empty: defaults
  // Preferred first; empty: the extension is ignored. `acme-tls/1` in it is left out: see accept_tls.
  std::vector<std::string> alpn = {"h2", "http/1.1"};
  // Never with client certificates: each connection shows its own, so one that has ended lets nobody in.
  bool session_tickets = true;
  ClientAuth client_auth = ClientAuth::none;
  // The authorities for the two kinds that verify; empty: none, and no certificate is good enough.
  std::string client_ca_pem = {};

  bool operator==(const ServerPolicy&) const = default;
};

class ServerContext {
 public:
  ServerContext(SslContextHandle context, ServerPolicy policy, std::string alpn_wire, std::string curves,
                std::shared_ptr<const TicketKeys> keys);

  ssl_ctx_st* native() const { return context_.get(); }
  // The offered protocols as ALPN writes them: length byte, name, ...
  const std::string& alpn_wire() const { return alpn_wire_; }
  const TicketKeys* ticket_keys() const { return keys_.get(); }
  // For OpenSSL: names separated by colons.
  const std::string& curves() const { return curves_; }
  ClientAuth client_auth() const { return policy_.client_auth; }
  Version min_version() const { return policy_.min_version; }
  // No connection of this context is without a certificate.
  bool requires_certificate() const { return tls::requires_certificate(policy_.client_auth); }
  // Whether a connection made with this context will do where the other one is asked for: no older version, the same
  // ciphers and curves, a kind of client certificate no laxer, and where certificates are verified by no authority that
  // the other does not trust. Protocols do not count.
  bool is_as_strict_as(const ServerContext& other) const;

 private:
  SslContextHandle context_;
  ServerPolicy policy_;
  std::string alpn_wire_, curves_;
  std::vector<std::string> authorities_;  // for clients: see trusted_by
  std::shared_ptr<const TicketKeys> keys_;
};

// Fixed besides the policy: server's preference, no renegotiation, no compression, no session cache (tickets only,
// one per handshake, none when `keys` is null), no early data, buffers released while idle. A ticket of one policy
// does not resume under another. bad_configuration names the cipher, curve or protocol that is not known.
Result<std::shared_ptr<const ServerContext>> make_server_context(const ServerPolicy& policy,
                                                                 std::shared_ptr<const TicketKeys> keys);

}  // namespace gatehouse::tls
