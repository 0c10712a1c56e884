// A certificate chain with its private key, parsed and checked once, immutable and shared from then on: by every
// snapshot that has it, by all workers and by every connection that shows it (about 14 KB each with one intermediate,
// no SSL_CTX).
#pragma once

#include "base/clock.h"
#include "base/names.h"
#include "tls/openssl.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::tls {

class Certificate;
using CertificatePtr = std::shared_ptr<const Certificate>;

class Certificate {
 public:
  static constexpr std::size_t max_pem_bytes = 1024 * 1024;  // of chain and of key each; a Kubernetes Secret's limit

  // `chain`: the leaf first, then its intermediates; `key`: the leaf's, unencrypted (tls.crt and tls.key of a
  // kubernetes.io/tls Secret). Blocks of other kinds in either are skipped. bad_configuration says what is wrong:
  // not PEM, no certificate, no key, encrypted key, key does not fit, key or signature weaker than 112 bits.
  static Result<CertificatePtr> from_pem(std::string_view chain, std::string_view key);
  // The same checks on objects made here. `chain` (intermediates only) may be null.
  static Result<CertificatePtr> from_parts(X509Handle leaf, ChainHandle chain, KeyHandle key);

  // The leaf's DNS names (subjectAltName; RFC 6125 §6.4.4 leaves the common name out), normalised, with wildcards.
  // Entries that are no DNS names are left out.
  const std::vector<HostName>& names() const { return names_; }
  // Whether a client that asked for `host` (normalised) will accept these names.
  bool covers(std::string_view host) const;

  WallTime not_before() const { return not_before_; }
  WallTime not_after() const { return not_after_; }
  // SHA-256 of the leaf, lower-case hex.
  const std::string& fingerprint() const { return fingerprint_; }
  // Distinguished names for people: "CN=a.example, O=Example". May hold any UTF-8 the issuer wrote.
  std::string subject() const;
  std::string issuer() const;
  // Whether the chain's topmost certificate was issued under this common name: what tells one of a CA's alternate
  // chains from another (Traefik's preferredChain).
  bool issued_by(std::string_view common_name) const;
  // How ACME renewal information calls this certificate (RFC 9773 §4.1): base64url of the authority key identifier, a
  // dot, base64url of the serial number's DER content. Empty when it says no authority key identifier.
  std::string renewal_id() const;
  // The whole chain, and the key (PKCS#8), as PEM; the leaf in DER.
  std::string pem() const;
  std::string key_pem() const;
  std::string der() const;

  x509_st* leaf() const { return leaf_.get(); }
  stack_st_X509* chain() const { return chain_.get(); }
  evp_pkey_st* key() const { return key_.get(); }

 private:
  Certificate(X509Handle leaf, ChainHandle chain, KeyHandle key);

  X509Handle leaf_;
  ChainHandle chain_;
  KeyHandle key_;
  std::vector<HostName> names_;
  WallTime not_before_;
  WallTime not_after_;
  std::string fingerprint_;
};

}  // namespace gatehouse::tls
