#include "tls/signing_request.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

constexpr std::size_t max_common_name = 64;

struct FreeRequest {
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
  void operator()(STACK_OF(X509_EXTENSION) * extensions) const {
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  }
};

bool set_subject(X509_REQ* request, const std::string& name) {
  if (name.size() > max_common_name) return true;
  const auto* text = reinterpret_cast<const unsigned char*>(name.data());
  return X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8, text,
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

bool add_names(X509_REQ* request, const std::vector<HostName>& names) {
  // Names are of a harmless alphabet, so they cannot break out of OpenSSL's little language.
  std::string value;
  for (const HostName& name : names) value.append(value.empty() ? "DNS:" : ",DNS:").append(name.text());
  const std::unique_ptr<STACK_OF(X509_EXTENSION), FreeRequest> extensions(sk_X509_EXTENSION_new_null());
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, value.c_str());
  if (extension == nullptr || sk_X509_EXTENSION_push(extensions.get(), extension) <= 0) return false;
  return X509_REQ_add_extensions(request, extensions.get()) == 1;
}

std::string der_of(X509_REQ* request) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_REQ(request, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

Result<std::string> signing_request(const PrivateKey& key, const std::vector<HostName>& names, bool common_name) {
  if (names.empty()) return Failure(FailureKind::internal, "a signing request without names");
  const std::unique_ptr<X509_REQ, FreeRequest> request(X509_REQ_new());
  const EVP_MD* digest = key.type() == KeyType::p384 ? EVP_sha384() : EVP_sha256();
  const bool made = request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    (!common_name || set_subject(request.get(), names.front().text())) &&
                    X509_REQ_set_pubkey(request.get(), key.native()) == 1 && add_names(request.get(), names) &&
                    X509_REQ_sign(request.get(), key.native(), digest) > 0;
  std::string der = made ? der_of(request.get()) : std::string();
  if (der.empty()) return openssl_failure(FailureKind::internal, "cannot make a signing request");
  return der;
}

}  // namespace gatehouse::tls
