#include "tests/doubles/kubernetes/authority.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace gatehouse::kubernetes::fake {
namespace {

void need(bool good) {
  if (!good) throw std::runtime_error("certificate: " + tls::take_error());
}

void extend(X509* certificate, X509* issuer, int extension, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
  need(made != nullptr);
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

tls::X509Handle draft(const std::string& common_name, EVP_PKEY* key) {
  tls::X509Handle certificate(X509_new());
  std::uint64_t serial = 0;
  need(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 365L * 24 * 3600);
  const auto* name = reinterpret_cast<const unsigned char*>(common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

std::string pem_of(X509* certificate) {
  const auto bio = tls::writing_bio();
  need(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return tls::written(*bio);
}

std::string pem_of(EVP_PKEY* key) {
  const auto bio = tls::writing_bio();
  need(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return tls::written(*bio);
}

}  // namespace

Authority::Authority() : key_(EVP_EC_gen("P-256")), certificate_(draft("kubernetes", key_.get())) {
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  extend(certificate_.get(), certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate_.get(), certificate_.get(), NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
  extend(certificate_.get(), certificate_.get(), NID_subject_key_identifier, "hash");
  need(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  pem_ = pem_of(certificate_.get());
}

PemPair Authority::sign(const std::string& common_name, const std::string& alternative_names) const {
  const tls::KeyHandle key(EVP_EC_gen("P-256"));
  const auto certificate = draft(common_name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  extend(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid");
  extend(certificate.get(), certificate_.get(), NID_key_usage, "critical,digitalSignature");
  extend(certificate.get(), certificate_.get(), NID_ext_key_usage,
         alternative_names.empty() ? "clientAuth" : "serverAuth");
  if (!alternative_names.empty())
    extend(certificate.get(), certificate_.get(), NID_subject_alt_name, alternative_names);
  need(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
  return {pem_of(certificate.get()), pem_of(key.get())};
}

}  // namespace gatehouse::kubernetes::fake
