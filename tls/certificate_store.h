// Host → certificate: immutable, part of a snapshot. Lookups cost a few hash probes whatever the number of hosts.
#pragma once

#include "base/names.h"
#include "base/sharded_map.h"
#include "tls/certificate.h"
#include "tls/internal_ca.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::tls {

class CertificateStore {
 public:
  struct Entry {
    HostName host;  // exact or with a one-label wildcard
    CertificatePtr certificate;
  };
  struct Contents {
    std::vector<Entry> entries = {};  // of two for one host the first counts
    CertificatePtr default_certificate = {};  // may be null
    std::shared_ptr<const InternalCa> internal_ca = {};  // may be null
    std::vector<HostName> internal_hosts = {};  // the hosts internal_ca issues for; others never
    std::vector<HostName> bare_hosts = {};  // shown nothing, not even default_certificate, while nothing else fits
    bool strict_sni = false;  // never show default_certificate (Traefik sniStrict)
  };

  CertificateStore() = default;
  explicit CertificateStore(Contents contents);
  // Another store: what `contents` has for `hosts` (as HostName::text) in place of all that this one has for them.
  // Costs what they cost, whatever else is in it. The very same store when that changes nothing.
  static std::shared_ptr<const CertificateStore> changed(const std::shared_ptr<const CertificateStore>& store,
                                                         const std::vector<std::string>& hosts, Contents contents);
  bool operator==(const CertificateStore& other) const;

  // The certificate for `host` (normalised): the exact one, else the wildcard's, else null.
  const CertificatePtr* find(std::string_view host) const;
  // The configured host (it may be the wildcard that covers `host`) the internal CA may issue for, else null. Leaves
  // are made for what this returns, so there are never more of them than configured hosts.
  const HostName* may_issue(std::string_view host) const;
  // Whether `host` is one of the configured bare hosts: its handshake fails until it has a certificate.
  bool is_bare(std::string_view host) const;

  const CertificatePtr& default_certificate() const { return default_; }
  const std::shared_ptr<const InternalCa>& internal_ca() const { return internal_ca_; }
  bool strict_sni() const { return strict_sni_; }
  std::size_t size() const { return certificates_.size(); }

 private:
  template <class T>
  static const T* look_up(const ShardedMap<T>& map, std::string_view host);

  CertificatePtr default_;
  std::shared_ptr<const InternalCa> internal_ca_;
  bool strict_sni_ = false;
  // *.a.b is under .a.b
  ShardedMap<CertificatePtr> certificates_;
  ShardedMap<HostName> issuable_;
  ShardedMap<bool> bare_;
};

}  // namespace gatehouse::tls
