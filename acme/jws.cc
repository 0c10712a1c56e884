#include "acme/jws.h"

#include "base/base64.h"
#include "tls/digest.h"

#include <boost/json.hpp>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

// Members in lexicographic order (RFC 7638 §3); Boost.JSON keeps the order in which they are added.
json::object jwk_object(const tls::PrivateKey& key) {
  const auto parts = key.public_parts();
  if (parts.curve.empty()) return {{"e", base64url(parts.exponent)}, {"kty", "RSA"}, {"n", base64url(parts.modulus)}};
  return {{"crv", parts.curve}, {"kty", "EC"}, {"x", base64url(parts.x)}, {"y", base64url(parts.y)}};
}

struct Parts {
  std::string header, payload;
  std::string signed_text() const { return header + "." + payload; }
};

Parts parts_of(const json::object& header, std::string_view payload) {
  return {base64url(json::serialize(header)), base64url(payload)};
}

std::string flattened(const Parts& parts, std::string_view signature) {
  return json::serialize(
      json::object{{"protected", parts.header}, {"payload", parts.payload}, {"signature", base64url(signature)}});
}

}  // namespace

std::string jwk(const tls::PrivateKey& key) { return json::serialize(jwk_object(key)); }

std::string thumbprint(const tls::PrivateKey& key) { return base64url(tls::digest(tls::Hash::sha256, jwk(key))); }

std::string key_authorization(std::string_view token, const tls::PrivateKey& account_key) {
  return std::string(token) + "." + thumbprint(account_key);
}

Result<std::string> sign_jws(const tls::PrivateKey& key, const ProtectedHeader& header, std::string_view payload) {
  json::object fields{{"alg", key.jws_algorithm()}};
  if (!header.nonce.empty()) fields["nonce"] = header.nonce;
  fields["url"] = header.url;
  if (header.account.empty())
    fields["jwk"] = jwk_object(key);
  else
    fields["kid"] = header.account;
  const Parts parts = parts_of(fields, payload);
  const auto signature = key.sign(parts.signed_text());
  if (!signature) return signature.error();
  return flattened(parts, *signature);
}

std::string external_binding(const ExternalAccount& external, const tls::PrivateKey& account_key,
                             std::string_view url) {
  const Parts parts = parts_of({{"alg", "HS256"}, {"kid", external.key_id}, {"url", url}}, jwk(account_key));
  return flattened(parts, tls::hmac(tls::Hash::sha256, external.hmac_key, parts.signed_text()));
}

Result<std::string> key_change(const tls::PrivateKey& old_key, const tls::PrivateKey& new_key, std::string_view account,
                               std::string_view url) {
  const json::object change{{"account", account}, {"oldKey", jwk_object(old_key)}};
  return sign_jws(new_key, ProtectedHeader{.url = std::string(url)}, json::serialize(change));
}

}  // namespace gatehouse::acme
