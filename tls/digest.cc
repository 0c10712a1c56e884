#include "tls/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <stdexcept>

namespace gatehouse::tls {
namespace {

using Bytes = std::array<unsigned char, EVP_MAX_MD_SIZE>;

const EVP_MD* algorithm(Hash hash) {
  switch (hash) {
    case Hash::sha1: return EVP_sha1();
    case Hash::sha384: return EVP_sha384();
    case Hash::sha512: return EVP_sha512();
    case Hash::sha256: break;
  }
  return EVP_sha256();
}

std::string text_of(const Bytes& bytes, unsigned size) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

}  // namespace

std::string digest(Hash hash, std::string_view data) {
  Bytes bytes;
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), bytes.data(), &size, algorithm(hash), nullptr) != 1)
    throw std::runtime_error("no digest");
  return text_of(bytes, size);
}

std::string hmac(Hash hash, std::string_view key, std::string_view data) {
  Bytes bytes;
  unsigned size = 0;
  // A null key means "the one before" to OpenSSL.
  const char* const key_bytes = key.empty() ? "" : key.data();
  if (HMAC(algorithm(hash), key_bytes, static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(data.data()), data.size(), bytes.data(), &size) == nullptr)
    throw std::runtime_error("no message authentication");
  return text_of(bytes, size);
}

std::string random_bytes(std::size_t n) {
  std::string bytes(n, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(n)) != 1)
    throw std::runtime_error("no random bytes");
  return bytes;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const char* const end = text.data() + i + 2;
    const auto [stopped, error] = std::from_chars(text.data() + i, end, value, 16);
    if (error != std::errc() || stopped != end) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace gatehouse::tls
