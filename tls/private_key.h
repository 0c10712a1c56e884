// A private key: of a certificate to come, or of an ACME account.
#pragma once

#include "tls/openssl.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::tls {

enum class KeyType : std::uint8_t { p256, p384, rsa2048, rsa3072, rsa4096 };

// Traefik's words (EC256, EC384, RSA2048, RSA4096) and ours (P-256, P-384, RSA3072), whatever their case.
std::optional<KeyType> parse_key_type(std::string_view text);

class PrivateKey {
 public:
  // RSA takes some tenths of a second, up to seconds for 4096 bits.
  static Result<PrivateKey> make(KeyType type);
  // PKCS#8, PKCS#1 or SEC 1, without a passphrase. Takes P-256, P-384 and RSA of 2048 to 8192 bits; bad_configuration
  // says what is wrong, never showing the key.
  static Result<PrivateKey> from_pem(std::string_view pem);

  // PKCS#8.
  std::string pem() const;
  // RSA of a size that is not in the list counts as the next smaller one.
  KeyType type() const { return type_; }

  // What a JSON Web Key says about the public half (RFC 7518 §6), as big-endian bytes: of EC keys x and y, padded to
  // the curve's size; of RSA keys modulus and exponent without leading zeros.
  struct PublicParts {
    std::string curve;  // "P-256", "P-384"; empty: RSA
    std::string x, y;
    std::string modulus, exponent;
  };
  PublicParts public_parts() const;

  // "ES256", "ES384" or "RS256": how sign() signs (RFC 7518 §3.1).
  std::string_view jws_algorithm() const;
  // ECDSA as r and s of fixed length one after the other (RFC 7518 §3.4), RSA as PKCS#1 v1.5.
  Result<std::string> sign(std::string_view data) const;

  evp_pkey_st* native() const { return key_.get(); }

 private:
  PrivateKey(KeyHandle key, KeyType type) : key_(std::move(key)), type_(type) {}

  KeyHandle key_;
  KeyType type_;
};

}  // namespace gatehouse::tls
