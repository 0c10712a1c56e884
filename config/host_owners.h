// HostOwners: whose each host is, in one translation: of several namespaces that have rules for it, the one of the
// first Ingress in the total order. Its other Ingresses may serve it too. HostRights: that, and the operator's host
// claims, as one question. ◦
//
// Why: who may write an Ingress in any namespace could else add a longer path, a priority, a certificate or a
// challenge's answer to another's host, and so take its pages or get a certificate for it.
#pragma once

#include "base/names.h"
#include "config/host_claims.h"

#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse {

class HostOwners {
 public:
  void reserve(std::size_t hosts) { owners_.reserve(hosts); }

  // The host is the Ingress's if it is nobody's. Both texts outlive this. `source`: its place among the sources.
  void take(std::string_view host, std::size_t source, const ObjectName& ingress) {
    owners_.try_emplace(host, Owner{source, &ingress});
  }

  // The Ingress that has it for another namespace; null: it is free, or this one's. A rule without a host is nobody's:
  // it serves only what no other has.
  const ObjectName* other_owner(std::string_view host, std::size_t source, std::string_view ns) const {
    const auto found = host.empty() ? owners_.end() : owners_.find(host);
    if (found == owners_.end()) return nullptr;
    const Owner& owner = found->second;
    return owner.source == source && owner.ingress->ns == ns ? nullptr : owner.ingress;
  }

 private:
  struct Owner {
    std::size_t source;
    const ObjectName* ingress;
  };
  std::pmr::monotonic_buffer_resource memory_;  // entries come and go together
  std::pmr::unordered_map<std::string_view, Owner> owners_{&memory_};
};

// Of one source's objects. What it points to outlives it.
struct HostRights {
  const HostClaims* claims = nullptr;  // null: every host may be claimed
  const HostOwners* owners = nullptr;  // null: hosts may be shared
  std::size_t source = 0;

  const ObjectName* other_owner(std::string_view ns, std::string_view host) const {
    return owners == nullptr ? nullptr : owners->other_owner(host, source, ns);
  }
  // Why the namespace may not have the host (normalised, a wildcard, or empty for all); nothing: it may.
  struct Refusal {
    std::string words;
    std::string_view reason;
  };
  std::optional<Refusal> refusal(const std::string& ns, const std::string& host) const;
};

}  // namespace gatehouse
