// Certificates as clusters have them, which the product never makes: for addresses, and for clients.
#pragma once

#include "tls/certificate.h"
#include "tls/new_certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <string>

namespace gatehouse::tls {

// An authority, valid for a day around the real present.
inline CertificatePtr test_root(const std::string& name, const Certificate* issuer = nullptr) {
  const WallTime now = SystemClock().wall_now();
  return make_certificate({name, {}, now - std::chrono::hours(12), now + std::chrono::hours(12), true}, issuer).value();
}

// A leaf of `root`. `names`: "IP:127.0.0.1,DNS:kubernetes"; `usage`: serverAuth or clientAuth.
inline CertificatePtr signed_certificate(const Certificate& root, const std::string& common_name,
                                         const std::string& names, const std::string& usage) {
  KeyHandle key(EVP_EC_gen("P-256"));
  X509Handle leaf(X509_new());
  X509_set_version(leaf.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), 2);
  X509_gmtime_adj(X509_getm_notBefore(leaf.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(leaf.get()), 3600);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(root.leaf()));
  X509_set_pubkey(leaf.get(), key.get());
  const auto add = [&](int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    if (extension == nullptr) throw std::runtime_error(value);
    X509_add_ext(leaf.get(), extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (!names.empty()) add(NID_subject_alt_name, names);
  add(NID_ext_key_usage, usage);
  if (X509_sign(leaf.get(), root.key(), EVP_sha256()) <= 0) throw std::runtime_error("X509_sign");
  return Certificate::from_parts(std::move(leaf), nullptr, std::move(key)).value();
}

}  // namespace gatehouse::tls
