#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>

namespace gatehouse::tls {

Result<void> trust(ssl_ctx_st& context, const std::string& pem, Announce announce) {
  const BioHandle bio = reading_bio(pem);
  int count = 0;
  while (const X509Handle root{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), root.get());
    if (announce == Announce::yes) SSL_CTX_add_client_CA(&context, root.get());
    ++count;
  }
  const bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!whole) return openssl_failure(FailureKind::bad_configuration, "a root certificate is damaged");
  clear_errors();
  // Of the store, not of the context: a connection that goes on with another context takes its store along only.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(&context), X509_V_FLAG_PARTIAL_CHAIN);
  if (count == 0) return Failure(FailureKind::bad_configuration, "the PEM holds no root certificate");
  return {};
}

std::vector<std::string> trusted_by(const ssl_ctx_st& context) {
  const auto* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(&context));
  std::vector<std::string> authorities;
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    const X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (authority != nullptr && X509_digest(authority, EVP_sha256(), digest.data(), &size) == 1)
      authorities.emplace_back(digest.begin(), digest.begin() + size);
  }
  std::sort(authorities.begin(), authorities.end());
  return authorities;
}

}  // namespace gatehouse::tls
