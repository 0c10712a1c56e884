#include "tls/key_import.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace gatehouse::tls {
namespace {

std::string der_of(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PrivateKey(key, &bytes);  // PKCS#1 or SEC 1
  std::string der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

TEST(KeyImport, TakesRsaAndEcKeysInTheirOwnForms) {
  for (const KeyHandle& key : {KeyHandle(EVP_RSA_gen(2048)), KeyHandle(EVP_EC_gen("P-256"))}) {
    const auto pem = pkcs8_pem_from_der(der_of(key.get()));
    ASSERT_TRUE(pem);
    EXPECT_TRUE(pem->starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const BioHandle bio = reading_bio(*pem);
    const KeyHandle read(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    EXPECT_EQ(EVP_PKEY_eq(read.get(), key.get()), 1);
  }
  clear_errors();
}

TEST(KeyImport, RefusesWhatIsNoKey) {
  const KeyHandle key(EVP_EC_gen("P-256"));
  const std::string der = der_of(key.get());
  for (const std::string& bad :
       {std::string(), std::string("x"), der.substr(0, der.size() - 1), der + "x", std::string(20'000, '0')}) {
    const auto pem = pkcs8_pem_from_der(bad);
    ASSERT_FALSE(pem);
    EXPECT_EQ(pem.error().kind, FailureKind::bad_configuration);
  }
}

}  // namespace
}  // namespace gatehouse::tls
