#include "tls/private_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

namespace gatehouse::tls {
namespace {

constexpr std::size_t max_pem_bytes = 64 * 1024;

Failure bad(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

bool is_rsa(KeyType type) { return type != KeyType::p256 && type != KeyType::p384; }

std::size_t coordinate_size(KeyType type) { return type == KeyType::p384 ? 48 : 32; }

KeyHandle generate(KeyType type) {
  switch (type) {
    case KeyType::p256: return KeyHandle(EVP_EC_gen("P-256"));
    case KeyType::p384: return KeyHandle(EVP_EC_gen("P-384"));
    case KeyType::rsa2048: return KeyHandle(EVP_RSA_gen(2048));
    case KeyType::rsa3072: return KeyHandle(EVP_RSA_gen(3072));
    case KeyType::rsa4096: return KeyHandle(EVP_RSA_gen(4096));
  }
  return nullptr;
}

std::optional<KeyType> type_of(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    if (bits < 2048 || bits > 8192) return std::nullopt;
    return bits < 3072 ? KeyType::rsa2048 : bits < 4096 ? KeyType::rsa3072 : KeyType::rsa4096;
  }
  std::array<char, 32> group{};
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) != 1)
    return std::nullopt;
  const std::string_view name(group.data());
  if (name == "prime256v1" || name == "P-256") return KeyType::p256;
  if (name == "secp384r1" || name == "P-384") return KeyType::p384;
  return std::nullopt;
}

// Big-endian, with leading zeros up to `size`.
std::string number(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) {
    clear_errors();
    return {};
  }
  std::string bytes(std::max(size, static_cast<std::size_t>(BN_num_bytes(value))), '\0');
  BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_free(value);
  return bytes;
}

// ECDSA's DER signature as r || s.
std::string raw_signature(std::string_view der, std::size_t size) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
  std::string raw(2 * size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, static_cast<int>(size));
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + size, static_cast<int>(size));
  ECDSA_SIG_free(signature);
  return raw;
}

int refuse_password(char*, int, int, void*) { return -1; }

}  // namespace

std::optional<KeyType> parse_key_type(std::string_view text) {
  std::string word;
  for (const char c : text)
    if (c != '-' && word.size() < 8) word += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (word == "EC256" || word == "P256") return KeyType::p256;
  if (word == "EC384" || word == "P384") return KeyType::p384;
  if (word == "RSA2048") return KeyType::rsa2048;
  if (word == "RSA3072") return KeyType::rsa3072;
  if (word == "RSA4096") return KeyType::rsa4096;
  return std::nullopt;
}

Result<PrivateKey> PrivateKey::make(KeyType type) {
  KeyHandle key = generate(type);
  if (!key) return openssl_failure(FailureKind::internal, "cannot make a key");
  return PrivateKey(std::move(key), type);
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.size() > max_pem_bytes) return bad("the key is larger than 64 KiB");
  const BioHandle bio = reading_bio(pem);
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr));
  if (!key) return openssl_failure(FailureKind::bad_configuration, "the private key cannot be read");
  clear_errors();
  const auto type = type_of(key.get());
  clear_errors();
  if (!type) return bad("the key is of a kind that is not used here (P-256, P-384 and RSA from 2048 to 8192 bits are)");
  return PrivateKey(std::move(key), *type);
}

std::string PrivateKey::pem() const {
  const BioHandle bio = writing_bio();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return written(*bio);
}

PrivateKey::PublicParts PrivateKey::public_parts() const {
  PublicParts parts;
  if (is_rsa(type_)) {
    parts.modulus = number(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0);
    parts.exponent = number(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0);
    return parts;
  }
  parts.curve = type_ == KeyType::p384 ? "P-384" : "P-256";
  parts.x = number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, coordinate_size(type_));
  parts.y = number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_size(type_));
  return parts;
}

std::string_view PrivateKey::jws_algorithm() const {
  if (is_rsa(type_)) return "RS256";
  return type_ == KeyType::p384 ? "ES384" : "ES256";
}

Result<std::string> PrivateKey::sign(std::string_view data) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* digest = type_ == KeyType::p384 ? EVP_sha384() : EVP_sha256();
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  std::size_t size = 0;
  std::string signature;
  bool signed_well = EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
                     EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size()) == 1;
  signature.resize(size);
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  signed_well = signed_well && EVP_DigestSign(context.get(), out, &size, bytes, data.size()) == 1;
  if (!signed_well) return openssl_failure(FailureKind::internal, "cannot sign");
  signature.resize(size);
  return is_rsa(type_) ? signature : raw_signature(signature, coordinate_size(type_));
}

}  // namespace gatehouse::tls
