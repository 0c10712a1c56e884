// Which certificate a client gets. One per worker (not thread-safe): it keeps the leaves made on demand by the
// internal CA, so that they survive snapshots.
#pragma once

#include "tls/certificate_store.h"

#include <string>
#include <unordered_map>

namespace gatehouse::tls {

class CertificateChooser {
 public:
  static constexpr std::size_t max_leaves = 10'000;

  // For the server name a client sent (normalised; empty when it sent none): the store's exact certificate, its
  // wildcard, a leaf of the internal CA (made now unless a fresh one is kept), the default certificate. Null when
  // nothing fits, or the host is a bare one or strict_sni forbids the default: the handshake then ends with
  // unrecognized_name.
  // A kept leaf is replaced when a third of its lifetime is left, or when the CA is another one.
  CertificatePtr choose(const CertificateStore& store, std::string_view server_name, WallTime now);

  std::size_t kept_leaves() const { return leaves_.size(); }

 private:
  struct Leaf {
    std::shared_ptr<const InternalCa> issuer;
    CertificatePtr certificate;
  };

  CertificatePtr internal_leaf(const CertificateStore& store, const HostName& host, WallTime now);

  std::unordered_map<std::string, Leaf> leaves_;
};

}  // namespace gatehouse::tls
