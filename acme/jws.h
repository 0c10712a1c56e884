// Signed requests (RFC 8555 §6.2): JSON Web Signatures in the flattened form, the account's key as a JSON Web Key, and
// its thumbprint. ◦
#pragma once

#include "base/result.h"
#include "tls/private_key.h"

#include <string>
#include <string_view>

namespace gatehouse::acme {

// The public half (RFC 7517), its members in the order and form of which the thumbprint is the digest.
std::string jwk(const tls::PrivateKey& key);
// RFC 7638, SHA-256, base64url.
std::string thumbprint(const tls::PrivateKey& key);
// token.thumbprint (RFC 8555 §8.1).
std::string key_authorization(std::string_view token, const tls::PrivateKey& account_key);

struct ProtectedHeader {
  std::string url;
  std::string nonce = {};  // empty: none, as the inner signature of a key change has it
  std::string account = {};  // the account's URL as `kid`; empty: the key itself as `jwk`
};

// `payload` as it is: JSON, or nothing for POST-as-GET (§6.3).
Result<std::string> sign_jws(const tls::PrivateKey& key, const ProtectedHeader& header, std::string_view payload);

// What a CA that has its own customers gives each of them (§7.3.4).
struct ExternalAccount {
  std::string key_id;
  std::string hmac_key;  // decoded
};
// The account's key, signed with the customer's by HS256; `url` is that of newAccount.
std::string external_binding(const ExternalAccount& external, const tls::PrivateKey& account_key, std::string_view url);

// The payload of a key change (§7.3.5): the new key says that it takes over `account` from the old one.
Result<std::string> key_change(const tls::PrivateKey& old_key, const tls::PrivateKey& new_key, std::string_view account,
                               std::string_view url);

}  // namespace gatehouse::acme
