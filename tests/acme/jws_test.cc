#include "acme/jws.h"

#include "acme/json.h"
#include "base/base64.h"
#include "tls/digest.h"

#include <boost/json.hpp>

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

boost::json::object parsed(const std::string& text) { return parse_object(text).value(); }

boost::json::object header_of(const std::string& jws) {
  return parsed(from_base64url(text_at(parsed(jws), "protected")).value());
}

std::string payload_of(const std::string& jws) { return from_base64url(text_at(parsed(jws), "payload")).value(); }

tls::PrivateKey new_key() { return tls::PrivateKey::make(tls::KeyType::p256).value(); }

TEST(Jwk, has_its_members_in_the_order_of_the_thumbprint) {  // RFC 7638 §3.2
  const std::string ec = jwk(new_key());
  EXPECT_TRUE(ec.starts_with(R"({"crv":"P-256","kty":"EC","x":")")) << ec;
  const auto rsa_key = tls::PrivateKey::make(tls::KeyType::rsa2048).value();
  EXPECT_TRUE(jwk(rsa_key).starts_with(R"({"e":"AQAB","kty":"RSA","n":")"));
  EXPECT_EQ(thumbprint(rsa_key), base64url(tls::digest(tls::Hash::sha256, jwk(rsa_key))));
  EXPECT_EQ(key_authorization("token", rsa_key), "token." + thumbprint(rsa_key));
}

TEST(Jws, carries_the_key_before_there_is_an_account_and_its_url_after) {
  const auto key = new_key();
  const std::string first = sign_jws(key, {.url = "https://ca/a", .nonce = "n1"}, "{}").value();
  EXPECT_EQ(text_at(header_of(first), "alg"), "ES256");
  EXPECT_EQ(text_at(header_of(first), "nonce"), "n1");
  EXPECT_EQ(text_at(header_of(first), "url"), "https://ca/a");
  EXPECT_EQ(boost::json::serialize(object_at(header_of(first), "jwk")), jwk(key));
  EXPECT_EQ(text_at(header_of(first), "kid"), "");
  EXPECT_EQ(payload_of(first), "{}");
  const std::string later = sign_jws(key, {.url = "u", .nonce = "n", .account = "https://ca/1"}, "").value();
  EXPECT_EQ(text_at(header_of(later), "kid"), "https://ca/1");
  EXPECT_FALSE(header_of(later).contains("jwk"));
  EXPECT_EQ(payload_of(later), "");
}

TEST(Jws, binds_an_external_account_by_hmac) {  // RFC 8555 §7.3.4
  const auto key = new_key();
  const std::string binding = external_binding({"kid-1", "secret"}, key, "https://ca/new");
  EXPECT_EQ(text_at(header_of(binding), "alg"), "HS256");
  EXPECT_EQ(text_at(header_of(binding), "kid"), "kid-1");
  EXPECT_EQ(text_at(header_of(binding), "url"), "https://ca/new");
  EXPECT_FALSE(header_of(binding).contains("nonce"));
  EXPECT_EQ(payload_of(binding), jwk(key));
  const auto object = parsed(binding);
  const std::string signed_text = text_at(object, "protected") + "." + text_at(object, "payload");
  EXPECT_EQ(text_at(object, "signature"), base64url(tls::hmac(tls::Hash::sha256, "secret", signed_text)));
}

TEST(Jws, says_of_a_new_key_which_it_replaces) {  // RFC 8555 §7.3.5
  const auto before = new_key(), after = new_key();
  const std::string change = key_change(before, after, "https://ca/1", "https://ca/change").value();
  EXPECT_EQ(boost::json::serialize(object_at(header_of(change), "jwk")), jwk(after));
  EXPECT_FALSE(header_of(change).contains("nonce"));
  EXPECT_EQ(text_at(parsed(payload_of(change)), "account"), "https://ca/1");
  EXPECT_EQ(boost::json::serialize(object_at(parsed(payload_of(change)), "oldKey")), jwk(before));
}

}  // namespace
}  // namespace gatehouse::acme
