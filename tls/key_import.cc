#include "tls/key_import.h"

#include "tls/openssl.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace gatehouse::tls {
namespace {

constexpr std::size_t max_der_bytes = 16 * 1024;  // RSA with 16384 bits has 9.3 KB

}  // namespace

Result<std::string> pkcs8_pem_from_der(std::string_view der) {
  if (der.empty() || der.size() > max_der_bytes)
    return Failure(FailureKind::bad_configuration, "the private key is empty or too large");
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = bytes + der.size();
  const KeyHandle key(d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(der.size())));
  if (!key) return openssl_failure(FailureKind::bad_configuration, "the private key is damaged");
  clear_errors();  // what was tried before the right form
  if (bytes != end) return Failure(FailureKind::bad_configuration, "bytes follow the private key");
  const BioHandle bio = writing_bio();
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_failure(FailureKind::bad_configuration, "the private key cannot be written as PKCS#8");
  return written(*bio);
}

}  // namespace gatehouse::tls
