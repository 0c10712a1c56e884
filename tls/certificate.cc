#include "tls/certificate.h"

#include "base/base64.h"
#include "tls/digest.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace gatehouse::tls {
namespace {

constexpr int min_security_bits = 112;  // NIST SP 800-57: RSA 2048, P-224 and up; OpenSSL's level 2
constexpr int max_chain = 32;

Failure bad(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

int refuse_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

struct Chain {
  X509Handle leaf;
  ChainHandle rest;
};

bool at_end_of_pem() {
  const unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

Result<Chain> read_chain(std::string_view pem) {
  const BioHandle bio = reading_bio(pem);
  Chain chain{nullptr, ChainHandle(sk_X509_new_null())};
  for (;;) {
    bool asked = false;
    X509Handle certificate(PEM_read_bio_X509(bio.get(), nullptr, refuse_password, &asked));
    if (!certificate) break;
    if (!chain.leaf)
      chain.leaf = std::move(certificate);
    else if (sk_X509_num(chain.rest.get()) >= max_chain)
      return bad("the chain has more than " + std::to_string(max_chain) + " certificates");
    else if (sk_X509_push(chain.rest.get(), certificate.get()) > 0)
      certificate.release();
  }
  const bool whole = at_end_of_pem();
  if (!whole) return openssl_failure(FailureKind::bad_configuration, "the certificate is damaged");
  clear_errors();
  if (!chain.leaf)
    return bad(pem.find("-----BEGIN ") == std::string_view::npos ? "the certificate is not PEM"
                                                                 : "the PEM holds no certificate");
  return chain;
}

constexpr std::size_t max_key_bytes = 64 * 1024;
constexpr int max_key_bits = 8192;  // a handshake with a longer one holds its thread for a second and more
constexpr std::string_view wrong_kind = "keys of this kind cannot be used for TLS (RSA, EC, Ed25519 can)";

// Finding out which of OpenSSL's decoders may take a key costs fifteen times as much as decoding one of P-256, so it is
// done once for all keys of a thread.
class KeyDecoder {
 public:
  KeyDecoder()
      : context_(OSSL_DECODER_CTX_new_for_pkey(&key_, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR, nullptr, nullptr)) {
    const auto refuse = [](char*, int, int, void*) { return -1; };
    if (context_ != nullptr) OSSL_DECODER_CTX_set_pem_password_cb(context_, refuse, nullptr);
  }
  ~KeyDecoder() { OSSL_DECODER_CTX_free(context_); }
  KeyDecoder(const KeyDecoder&) = delete;
  KeyDecoder& operator=(const KeyDecoder&) = delete;

  // Null: not so simple, or damaged.
  KeyHandle decode(std::string_view pem) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(pem.data());
    std::size_t size = pem.size();
    const bool decoded = context_ != nullptr && OSSL_DECODER_from_data(context_, &bytes, &size) == 1;
    clear_errors();
    KeyHandle key(std::exchange(key_, nullptr));
    return decoded ? std::move(key) : nullptr;
  }

 private:
  EVP_PKEY* key_ = nullptr;  // where the context puts it
  OSSL_DECODER_CTX* const context_;
};

// Before anything is computed with it: decoding a DSA key of thousands of bits, say, takes minutes.
bool may_serve_tls(std::string_view pkcs8_pem) {
  const BioHandle bio = reading_bio(pkcs8_pem);
  const auto free_key = [](PKCS8_PRIV_KEY_INFO* key) { PKCS8_PRIV_KEY_INFO_free(key); };
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, decltype(free_key)> key(
      PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio.get(), nullptr, nullptr, nullptr), free_key);
  const ASN1_OBJECT* kind = nullptr;
  if (!key || PKCS8_pkey_get0(&kind, nullptr, nullptr, nullptr, key.get()) != 1) return true;  // damaged: told as such
  constexpr std::array kinds{NID_rsaEncryption, NID_rsassaPss, NID_X9_62_id_ecPublicKey, NID_ED25519, NID_ED448};
  return std::find(kinds.begin(), kinds.end(), OBJ_obj2nid(kind)) != kinds.end();
}

// Of each private key in the text, for which of them will be read depends on what comes before.
bool keys_may_serve_tls(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN ", end = "-----";
  constexpr std::array others{std::string_view("EC PRIVATE KEY"), std::string_view("RSA PRIVATE KEY"),
                              std::string_view("ENCRYPTED PRIVATE KEY")};
  for (auto at = pem.find(begin); at != pem.npos; at = pem.find(begin, at + 1)) {
    const std::string_view rest = pem.substr(at + begin.size());
    const std::string_view label = rest.substr(0, rest.find(end));
    if (!label.ends_with("PRIVATE KEY")) continue;
    const bool fine = label == "PRIVATE KEY" ? may_serve_tls(pem.substr(at))
                                             : std::find(others.begin(), others.end(), label) != others.end();
    clear_errors();
    if (!fine) return false;
  }
  return true;
}

// The first thing in the text is a private key, as it nearly always is.
KeyHandle read_plain_key(std::string_view pem) {
  thread_local KeyDecoder decoder;
  constexpr std::array labels{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"};
  const std::string_view first = pem.substr(pem.find("-----BEGIN "));
  const bool plain = std::any_of(labels.begin(), labels.end(), [&](const std::string& label) {
    return first.starts_with("-----BEGIN " + label + "-----");
  });
  return plain ? decoder.decode(first) : nullptr;
}

Result<KeyHandle> read_key(std::string_view pem) {
  if (pem.find("-----BEGIN ") == std::string_view::npos) return bad("the private key is not PEM");
  if (pem.find("PRIVATE KEY-----") == std::string_view::npos) return bad("the PEM holds no private key");
  if (pem.size() > max_key_bytes) return bad("the file of the private key is larger than 64 KiB");
  if (!keys_may_serve_tls(pem)) return bad(std::string(wrong_kind));
  if (auto plain = read_plain_key(pem)) return plain;
  const BioHandle bio = reading_bio(pem);
  bool asked = false;
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &asked));
  if (asked) {
    clear_errors();
    return bad("the private key is encrypted; store it without a passphrase");
  }
  if (!key) return openssl_failure(FailureKind::bad_configuration, "the private key is damaged");
  clear_errors();
  return key;
}

bool can_serve_tls(const EVP_PKEY* key) {
  constexpr std::array kinds{EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_ED448};
  return std::find(kinds.begin(), kinds.end(), EVP_PKEY_get_base_id(key)) != kinds.end();
}

// OpenSSL refuses such a certificate only when the first client comes.
bool weakly_signed(X509* certificate) {
  int bits = 0;
  const bool self_signed = (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
  return !self_signed && X509_get_signature_info(certificate, nullptr, nullptr, &bits, nullptr) == 1 &&
         bits < min_security_bits;
}

std::optional<WallTime> time_of(const ASN1_TIME* text) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(text, &parts) != 1) return std::nullopt;
  const auto seconds = std::chrono::seconds(timegm(&parts));
  // "Never expires" is written as the year 9999, which the clock's type cannot hold.
  const auto latest = std::chrono::duration_cast<std::chrono::seconds>(WallTime::max().time_since_epoch());
  return WallTime(std::clamp(seconds, std::chrono::seconds(0), latest));
}

std::vector<HostName> dns_names(const X509* certificate) {
  std::vector<HostName> names;
  const auto free_names = [](GENERAL_NAMES* all) { GENERAL_NAMES_free(all); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free_names)> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)), free_names);
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(all.get(), i);
    if (entry->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(entry->d.dNSName));
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(entry->d.dNSName));
    auto name = HostName::parse_with_wildcard(std::string_view(text, size));
    if (name) names.push_back(*std::move(name));
  }
  clear_errors();
  return names;
}

std::string sha256_hex(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string words_of(const X509_NAME* name) {
  const BioHandle bio = writing_bio();
  X509_NAME_print_ex(bio.get(), name, 0,
                     (XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  return written(*bio);
}

}  // namespace

Result<CertificatePtr> Certificate::from_pem(std::string_view chain_pem, std::string_view key_pem) {
  if (chain_pem.size() > max_pem_bytes || key_pem.size() > max_pem_bytes) return bad("larger than 1 MiB");
  auto chain = read_chain(chain_pem);
  if (!chain) return chain.error();
  auto key = read_key(key_pem);
  if (!key) return key.error();
  return from_parts(std::move(chain->leaf), std::move(chain->rest), *std::move(key));
}

Result<CertificatePtr> Certificate::from_parts(X509Handle leaf, ChainHandle chain, KeyHandle key) {
  if (!can_serve_tls(key.get())) return bad(std::string(wrong_kind));
  if (EVP_PKEY_get_bits(key.get()) > max_key_bits) return bad("the key is too long; RSA may have 8192 bits");
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    clear_errors();
    return bad("the private key does not belong to the first certificate");
  }
  if (EVP_PKEY_get_security_bits(key.get()) < min_security_bits)
    return bad("the key is too weak; RSA needs 2048 bits or more");
  bool weak = weakly_signed(leaf.get());
  for (int i = 0; i < sk_X509_num(chain.get()); ++i) weak = weak || weakly_signed(sk_X509_value(chain.get(), i));
  if (weak) return bad("a certificate is signed with a weak digest such as SHA-1");
  if (!time_of(X509_get0_notBefore(leaf.get())) || !time_of(X509_get0_notAfter(leaf.get()))) {
    clear_errors();
    return bad("the certificate's dates are malformed");
  }
  return CertificatePtr(new Certificate(std::move(leaf), std::move(chain), std::move(key)));
}

Certificate::Certificate(X509Handle leaf, ChainHandle chain, KeyHandle key)
    : leaf_(std::move(leaf)),
      chain_(std::move(chain)),
      key_(std::move(key)),
      names_(dns_names(leaf_.get())),
      not_before_(*time_of(X509_get0_notBefore(leaf_.get()))),
      not_after_(*time_of(X509_get0_notAfter(leaf_.get()))),
      fingerprint_(sha256_hex(leaf_.get())) {}

bool Certificate::covers(std::string_view host) const {
  return std::any_of(names_.begin(), names_.end(), [host](const HostName& name) {
    return name.text() == host || wildcard_covers(name.text(), host);
  });
}

std::string Certificate::subject() const { return words_of(X509_get_subject_name(leaf_.get())); }

std::string Certificate::issuer() const { return words_of(X509_get_issuer_name(leaf_.get())); }

bool Certificate::issued_by(std::string_view common_name) const {
  const int above = sk_X509_num(chain_.get());  // -1 without a chain
  const X509* top = above > 0 ? sk_X509_value(chain_.get(), above - 1) : leaf_.get();
  const X509_NAME* issuer_name = X509_get_issuer_name(top);
  const int at = X509_NAME_get_index_by_NID(issuer_name, NID_commonName, -1);
  if (at < 0) return false;
  return bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(issuer_name, at))) == common_name;
}

std::string Certificate::renewal_id() const {
  const ASN1_OCTET_STRING* authority = X509_get0_authority_key_id(leaf_.get());
  if (authority == nullptr || ASN1_STRING_length(authority) <= 0) return {};
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf_.get()), &der);
  // Tag and a length byte come before the content: a serial number has at most 20 bytes (RFC 5280 §4.1.2.2).
  const bool plain = size > 2 && der[1] == size - 2;
  std::string serial = plain ? std::string(reinterpret_cast<char*>(der) + 2, static_cast<std::size_t>(size) - 2) : "";
  OPENSSL_free(der);
  return serial.empty() ? std::string() : base64url(bytes_of(authority)) + "." + base64url(serial);
}

std::string Certificate::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(leaf_.get(), &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(bytes);
  return der;
}

std::string Certificate::pem() const {
  const BioHandle bio = writing_bio();
  PEM_write_bio_X509(bio.get(), leaf_.get());
  for (int i = 0; i < sk_X509_num(chain_.get()); ++i) PEM_write_bio_X509(bio.get(), sk_X509_value(chain_.get(), i));
  return written(*bio);
}

std::string Certificate::key_pem() const {
  const BioHandle bio = writing_bio();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return written(*bio);
}

}  // namespace gatehouse::tls
