#include "tls/digest.h"

#include "tls/openssl.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace gatehouse::tls {
namespace {

const EVP_MD* method(Hash hash) {
  switch (hash) {
    case Hash::sha1: return EVP_sha1();
    case Hash::sha256: return EVP_sha256();
    case Hash::sha384: return EVP_sha384();
    case Hash::sha512: return EVP_sha512();
  }
  throw std::logic_error("no such hash");
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string taken(const unsigned char* bytes, unsigned size, bool made, const char* what) {
  if (!made) throw std::runtime_error(std::string(what) + ": " + take_error());
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

std::string digest(Hash hash, std::string_view data) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const bool made = EVP_Digest(data.data(), data.size(), bytes, &size, method(hash), nullptr) == 1;
  return taken(bytes, size, made, "cannot make a digest");
}

std::string hmac(Hash hash, std::string_view key, std::string_view data) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  // A null key would mean "the key of the last call".
  const void* key_bytes = key.empty() ? "" : key.data();
  const bool made =
      HMAC(method(hash), key_bytes, static_cast<int>(key.size()), bytes_of(data), data.size(), bytes, &size) != nullptr;
  return taken(bytes, size, made, "cannot make a keyed digest");
}

std::string random_bytes(std::size_t n) {
  std::string bytes(n, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(n)) != 1)
    throw std::runtime_error("no random bytes: " + take_error());
  return bytes;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace gatehouse::tls
