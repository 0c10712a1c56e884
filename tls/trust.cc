#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

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

}  // namespace gatehouse::tls
