#include "tls/new_certificate.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

constexpr std::size_t max_common_name = 64;

bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);  // positive, always 16 bytes
  BIGNUM* number = BN_bin2bn(bytes.data(), bytes.size(), nullptr);
  const bool set = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  if (common_name.empty() || common_name.size() > max_common_name) return true;
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text,
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool set_dates(X509* certificate, const NewCertificate& wanted) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), WallTime::clock::to_time_t(wanted.not_before)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), WallTime::clock::to_time_t(wanted.not_after)) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// A critical extension with the digest as an OCTET STRING (RFC 8737 §3).
bool add_acme_identifier(X509* certificate, const std::string& digest) {
  constexpr const char* identifier = "1.3.6.1.5.5.7.1.31";
  const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> object(OBJ_txt2obj(identifier, 1), ASN1_OBJECT_free);
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(ASN1_OCTET_STRING_new(),
                                                                                    ASN1_OCTET_STRING_free);
  std::string der = {0x04, static_cast<char>(digest.size())};
  der += digest;
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  if (!object || !value || ASN1_OCTET_STRING_set(value.get(), bytes, static_cast<int>(der.size())) != 1) return false;
  X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 1, value.get());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

std::string alternative_names(const NewCertificate& wanted) {
  // A certificate without subject carries its names critically (RFC 5280 §4.2.1.6).
  std::string text = wanted.common_name.size() > max_common_name ? "critical" : "";
  for (const HostName& name : wanted.names) text.append(text.empty() ? "DNS:" : ",DNS:").append(name.text());
  return text;
}

bool add_extensions(X509* certificate, X509* issuer, const NewCertificate& wanted) {
  const bool authority = wanted.authority;
  const auto add = [&](int nid, const std::string& value) { return add_extension(certificate, issuer, nid, value); };
  return add(NID_basic_constraints, authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
         add(NID_key_usage, authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
         (authority || add(NID_ext_key_usage, "serverAuth")) && add(NID_subject_key_identifier, "hash") &&
         add(NID_authority_key_identifier, "keyid") &&
         (wanted.names.empty() || add(NID_subject_alt_name, alternative_names(wanted))) &&
         (wanted.acme_identifier.empty() || add_acme_identifier(certificate, wanted.acme_identifier));
}

}  // namespace

Result<CertificatePtr> make_certificate(const NewCertificate& wanted, const Certificate* issuer) {
  KeyHandle key(EVP_EC_gen("P-256"));
  X509Handle certificate(X509_new());
  X509* signer = issuer != nullptr ? issuer->leaf() : certificate.get();
  EVP_PKEY* signing_key = issuer != nullptr ? issuer->key() : key.get();
  const bool made = key && certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    set_serial(certificate.get()) && set_subject(certificate.get(), wanted.common_name) &&
                    X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer)) == 1 &&
                    set_dates(certificate.get(), wanted) && X509_set_pubkey(certificate.get(), key.get()) == 1 &&
                    add_extensions(certificate.get(), signer, wanted) &&
                    X509_sign(certificate.get(), signing_key, EVP_sha256()) > 0;
  if (!made) return openssl_failure(FailureKind::internal, "cannot make a certificate");
  return Certificate::from_parts(std::move(certificate), nullptr, std::move(key));
}

}  // namespace gatehouse::tls
