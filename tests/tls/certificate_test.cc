#include "tls/certificate.h"

#include "tests/doubles/tls/tls_peer.h"
#include "tls/new_certificate.h"

#include <gtest/gtest.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

using namespace std::chrono_literals;

CertificatePtr made(const std::vector<std::string>& names, WallTime not_after = test_now() + 24h) {
  return make_certificate({"the subject", hosts(names), test_now(), not_after, false}, nullptr).value();
}

std::string encrypted(const Certificate& certificate) {
  const BioHandle bio = writing_bio();
  std::string words = "secret";
  PEM_write_bio_PKCS8PrivateKey(bio.get(), certificate.key(), EVP_aes_256_cbc(), words.data(),
                                static_cast<int>(words.size()), nullptr, nullptr);
  return written(*bio);
}

// A certificate with an RSA key of any size.
std::pair<std::string, std::string> rsa_pem(unsigned bits) {
  const KeyHandle key(EVP_RSA_gen(bits));
  const X509Handle certificate(X509_new());
  X509_set_pubkey(certificate.get(), key.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const BioHandle chain = writing_bio(), secret = writing_bio();
  PEM_write_bio_X509(chain.get(), certificate.get());
  PEM_write_bio_PrivateKey_traditional(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {written(*chain), written(*secret)};
}

std::string problem_of(const std::string& chain, const std::string& key) {
  const auto parsed = Certificate::from_pem(chain, key);
  if (parsed) return "none";
  EXPECT_EQ(parsed.error().kind, FailureKind::bad_configuration);
  return parsed.error().detail;
}

TEST(Certificate, TellsItsNamesAndDates) {
  const auto written_out = made({"a.example", "*.b.example"});
  const auto certificate = Certificate::from_pem(written_out->pem(), written_out->key_pem()).value();
  EXPECT_EQ(certificate->names(), hosts({"a.example", "*.b.example"}));
  EXPECT_EQ(certificate->not_before(), test_now());
  EXPECT_EQ(certificate->not_after(), test_now() + 24h);
  EXPECT_EQ(certificate->fingerprint(), written_out->fingerprint());
  EXPECT_EQ(certificate->fingerprint().size(), 64u);
  EXPECT_EQ(certificate->subject(), "CN=the subject");
  EXPECT_EQ(certificate->issuer(), "CN=the subject");
}

TEST(Certificate, CoversItsNamesAndOneLabelUnderAWildcard) {
  const auto certificate = made({"a.example", "*.b.example"});
  EXPECT_TRUE(certificate->covers("a.example"));
  EXPECT_TRUE(certificate->covers("x.b.example"));
  EXPECT_FALSE(certificate->covers("b.example"));
  EXPECT_FALSE(certificate->covers("y.x.b.example"));
  EXPECT_FALSE(certificate->covers("x.a.example"));
}

TEST(Certificate, KeepsTheChainInOrder) {
  const auto root = make_certificate({"root", {}, test_now(), test_now() + 24h, true}, nullptr).value();
  const auto leaf =
      make_certificate({"leaf", hosts({"a.example"}), test_now(), test_now() + 1h, false}, root.get()).value();
  const auto whole = Certificate::from_pem(leaf->pem() + root->pem(), leaf->key_pem()).value();
  EXPECT_EQ(whole->pem(), leaf->pem() + root->pem());
  EXPECT_EQ(whole->issuer(), "CN=root");
  EXPECT_EQ(problem_of(root->pem() + leaf->pem(), leaf->key_pem()),
            "the private key does not belong to the first certificate");
}

TEST(Certificate, ReadsKeyAndChainFromOneFileInAnyOrder) {
  const auto certificate = made({"a.example"});
  const std::string key_first = certificate->key_pem() + certificate->pem();
  const std::string chain_first = "words before\n" + certificate->pem() + certificate->key_pem();
  EXPECT_EQ(problem_of(key_first, key_first), "none");
  EXPECT_EQ(problem_of(chain_first, chain_first), "none");
}

TEST(Certificate, SaysWhatIsWrong) {
  const auto good = made({"a.example"}), other = made({"a.example"});
  const std::string chain = good->pem(), key = good->key_pem();
  EXPECT_EQ(problem_of("nonsense", key), "the certificate is not PEM");
  EXPECT_EQ(problem_of("", key), "the certificate is not PEM");
  EXPECT_EQ(problem_of(key, key), "the PEM holds no certificate");
  EXPECT_EQ(problem_of(chain, "nonsense"), "the private key is not PEM");
  EXPECT_EQ(problem_of(chain, chain), "the PEM holds no private key");
  EXPECT_EQ(problem_of(chain, other->key_pem()), "the private key does not belong to the first certificate");
  EXPECT_EQ(problem_of(chain, encrypted(*good)), "the private key is encrypted; store it without a passphrase");
  std::string damaged = chain;
  damaged[100] = '!';
  EXPECT_TRUE(problem_of(damaged, key).starts_with("the certificate is damaged: "));
  EXPECT_TRUE(problem_of(chain.substr(0, 200), key).starts_with("the certificate is damaged: "));
  EXPECT_TRUE(problem_of(chain, key.substr(0, 100) + key.substr(110)).starts_with("the private key is damaged: "));
  EXPECT_EQ(problem_of(std::string(Certificate::max_pem_bytes + 1, 'x'), key), "larger than 1 MiB");
}

TEST(Certificate, RefusesWeakKeys) {
  const auto [chain, key] = rsa_pem(1024);
  EXPECT_EQ(problem_of(chain, key), "the key is too weak; RSA needs 2048 bits or more");
  const auto [strong_chain, strong_key] = rsa_pem(2048);
  EXPECT_EQ(problem_of(strong_chain, strong_key), "none");
}

// Who writes Secrets may write these. A DSA key of a megabyte would take hours to decode.
TEST(Certificate, LooksAtTheKindOfAKeyBeforeAnythingIsComputedWithIt) {
  const std::string good = made({"a.example"})->pem();
  const std::string dsa = "-----BEGIN PRIVATE KEY-----\nMBMCAQAwCwYHKoZIzjgEAQUABAF4\n-----END PRIVATE KEY-----\n";
  const std::string kind = "keys of this kind cannot be used for TLS (RSA, EC, Ed25519 can)";
  EXPECT_EQ(problem_of(good, dsa), kind);
  EXPECT_EQ(problem_of(good, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + dsa),
            kind);
  EXPECT_EQ(problem_of(good, "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"), kind);
  EXPECT_EQ(problem_of(good, dsa + std::string(64 * 1024, ' ')), "the file of the private key is larger than 64 KiB");
}

TEST(Certificate, HasAnEndEvenWhenItNeverExpires) {
  const KeyHandle key(EVP_EC_gen("P-256"));
  const X509Handle certificate(X509_new());
  X509_set_pubkey(certificate.get(), key.get());
  ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), "20200101000000Z");
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), "99991231235959Z");
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const BioHandle chain = writing_bio(), secret = writing_bio();
  PEM_write_bio_X509(chain.get(), certificate.get());
  PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const auto parsed = Certificate::from_pem(written(*chain), written(*secret)).value();
  EXPECT_GT(parsed->not_after(), test_now() + 24h * 365 * 100);
  EXPECT_TRUE(parsed->names().empty());
}

TEST(Certificate, IsCalledForRenewalAsTheRfcSays) {  // RFC 9773 §4.1
  const KeyHandle key(EVP_EC_gen("P-256"));
  const X509Handle certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_set_pubkey(certificate.get(), key.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), 0x87654321);
  const unsigned char identifier[] = {0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3,
                                      0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4};
  AUTHORITY_KEYID* authority = AUTHORITY_KEYID_new();
  authority->keyid = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(authority->keyid, identifier, sizeof identifier);
  X509_add1_ext_i2d(certificate.get(), NID_authority_key_identifier, authority, 0, X509V3_ADD_DEFAULT);
  AUTHORITY_KEYID_free(authority);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const BioHandle chain = writing_bio(), secret = writing_bio();
  PEM_write_bio_X509(chain.get(), certificate.get());
  PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const auto parsed = Certificate::from_pem(written(*chain), written(*secret)).value();
  EXPECT_EQ(parsed->renewal_id(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  EXPECT_FALSE(parsed->issued_by("anybody"));
  EXPECT_EQ(parsed->der().size(), static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
}

TEST(Certificate, HasNoNameForRenewalWithoutAnAuthority) {
  const auto [chain, secret] = rsa_pem(2048);
  EXPECT_EQ(Certificate::from_pem(chain, secret).value()->renewal_id(), "");
}

}  // namespace
}  // namespace gatehouse::tls
