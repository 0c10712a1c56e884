#include "tls/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>
#include <limits>

namespace gatehouse::tls {

void Free::operator()(bio_st* bio) const { BIO_free(bio); }
void Free::operator()(evp_cipher_st* cipher) const { EVP_CIPHER_free(cipher); }
void Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void Free::operator()(stack_st_X509* chain) const { sk_X509_pop_free(chain, X509_free); }
void Free::operator()(x509_st* certificate) const { X509_free(certificate); }

std::string take_error() {
  const unsigned long code = ERR_peek_error();
  const char* words = ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  std::string text = code == 0 || words == nullptr ? "unknown error" : words;
  ERR_clear_error();
  return text;
}

void clear_errors() { ERR_clear_error(); }

Failure openssl_failure(FailureKind kind, std::string_view what) {
  return Failure(kind, std::string(what) + ": " + take_error());
}

BioHandle reading_bio(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  // An empty view may have a null pointer, which OpenSSL refuses.
  return BioHandle(BIO_new_mem_buf(text.empty() ? "" : text.data(), static_cast<int>(text.size())));
}

BioHandle writing_bio() { return BioHandle(BIO_new(BIO_s_mem())); }

std::string written(bio_st& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace gatehouse::tls
