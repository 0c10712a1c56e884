#include "tls/private_key.h"

#include "base/base64.h"
#include "tests/doubles/tls/tls_peer.h"
#include "tls/digest.h"
#include "tls/signing_request.h"

#include <gtest/gtest.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// What the receiver of a signature does.
bool verifies(const PrivateKey& key, std::string_view data, std::string signature) {
  if (!key.public_parts().curve.empty()) {
    const auto half = signature.size() / 2;
    ECDSA_SIG* pair = ECDSA_SIG_new();
    ECDSA_SIG_set0(pair, BN_bin2bn(bytes_of(signature), static_cast<int>(half), nullptr),
                   BN_bin2bn(bytes_of(signature) + half, static_cast<int>(half), nullptr));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(pair, &der);
    signature.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
  }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = key.jws_algorithm() == "ES384" ? EVP_sha384() : EVP_sha256();
  EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key.native());
  const int verdict = EVP_DigestVerify(context, bytes_of(signature), signature.size(),
                                       reinterpret_cast<const unsigned char*>(data.data()), data.size());
  EVP_MD_CTX_free(context);
  clear_errors();
  return verdict == 1;
}

TEST(PrivateKey, signs_what_its_public_half_verifies) {
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa2048}) {
    const PrivateKey key = PrivateKey::make(type).value();
    // Short r or s must keep their leading zeros, which show up about once in 128 signatures.
    for (int i = 0; i < (type == KeyType::rsa2048 ? 3 : 400); ++i) {
      const std::string signature = key.sign("data").value();
      ASSERT_TRUE(verifies(key, "data", signature));
      ASSERT_FALSE(verifies(key, "date", signature));
      if (type != KeyType::rsa2048) {
        ASSERT_EQ(signature.size(), type == KeyType::p256 ? 64u : 96u);
      }
    }
  }
}

TEST(PrivateKey, is_the_same_after_a_trip_through_pem) {
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa2048, KeyType::rsa3072}) {
    const PrivateKey key = PrivateKey::make(type).value();
    const PrivateKey again = PrivateKey::from_pem(key.pem()).value();
    EXPECT_TRUE(key.pem().starts_with("-----BEGIN PRIVATE KEY-----"));
    EXPECT_EQ(again.type(), type);
    EXPECT_TRUE(verifies(key, "data", again.sign("data").value()));
  }
}

TEST(PrivateKey, pads_coordinates_to_the_size_of_the_curve) {
  for (int i = 0; i < 300; ++i) {
    const auto parts = PrivateKey::make(KeyType::p256).value().public_parts();
    ASSERT_EQ(parts.curve, "P-256");
    ASSERT_EQ(parts.x.size(), 32u);
    ASSERT_EQ(parts.y.size(), 32u);
  }
  EXPECT_EQ(PrivateKey::make(KeyType::rsa2048).value().public_parts().exponent, std::string("\1\0\1", 3));
}

TEST(PrivateKey, refuses_what_it_cannot_use) {
  EXPECT_FALSE(PrivateKey::from_pem(""));
  EXPECT_FALSE(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  EXPECT_FALSE(PrivateKey::from_pem(std::string(100'000, 'x')));
  const KeyHandle other(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const BioHandle bio = writing_bio();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), other.get(), nullptr, nullptr, 0, nullptr, nullptr);
  EXPECT_FALSE(PrivateKey::from_pem(written(*bio)));
}

TEST(PrivateKey, knows_the_names_of_types) {
  EXPECT_EQ(parse_key_type("EC256"), KeyType::p256);
  EXPECT_EQ(parse_key_type("p-384"), KeyType::p384);
  EXPECT_EQ(parse_key_type("RSA4096"), KeyType::rsa4096);
  EXPECT_EQ(parse_key_type("RSA1024"), std::nullopt);
  EXPECT_EQ(parse_key_type("RSA40960000"), std::nullopt);
}

TEST(Digest, knows_the_published_examples) {
  EXPECT_EQ(hex(digest(Hash::sha256, "abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(digest(Hash::sha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  // RFC 4231 §4.3
  EXPECT_EQ(hex(hmac(Hash::sha256, "Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac(Hash::sha384, "", "").size(), 48u);
  EXPECT_EQ(hmac(Hash::sha512, "k", "d").size(), 64u);
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

std::vector<std::string> names_in(X509_REQ* request) {
  std::vector<std::string> names;
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  auto* all = static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const ASN1_STRING* text = sk_GENERAL_NAME_value(all, i)->d.dNSName;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), ASN1_STRING_length(text));
  }
  GENERAL_NAMES_free(all);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return names;
}

TEST(SigningRequest, asks_for_exactly_the_names_and_is_signed_by_the_key) {
  const PrivateKey key = PrivateKey::make(KeyType::p384).value();
  const std::string der = signing_request(key, hosts({"a.example", "*.b.example"})).value();
  const unsigned char* at = bytes_of(der);
  X509_REQ* request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size()));
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(X509_REQ_verify(request, key.native()), 1);
  EXPECT_EQ(names_in(request), (std::vector<std::string>{"a.example", "*.b.example"}));
  char common_name[80] = {};
  X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, common_name, sizeof common_name);
  EXPECT_STREQ(common_name, "a.example");
  X509_REQ_free(request);
}

TEST(SigningRequest, leaves_a_long_or_unwanted_name_out_of_the_subject) {
  const PrivateKey key = PrivateKey::make(KeyType::p256).value();
  const std::string long_name = std::string(60, 'a') + ".example";
  for (const std::string& der :
       {signing_request(key, hosts({long_name})).value(), signing_request(key, hosts({"a.example"}), false).value()}) {
    const unsigned char* at = bytes_of(der);
    X509_REQ* request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size()));
    EXPECT_EQ(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), 0);
    EXPECT_EQ(names_in(request).size(), 1u);
    X509_REQ_free(request);
  }
  EXPECT_FALSE(signing_request(key, {}));
}

}  // namespace
}  // namespace gatehouse::tls
