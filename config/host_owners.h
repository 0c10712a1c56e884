// HostOwners: whose each host is, in one translation: of several namespaces that have rules for it, the one of the
// first Ingress in the total order. Its other Ingresses may serve it too. ◦
//
// Why: who may write an Ingress in any namespace could else add a longer path, a priority or a challenge's answer to
// another's host, and so take its pages or get a certificate for it.
#pragma once

#include "base/names.h"

#include <memory_resource>
#include <string_view>
#include <unordered_map>

namespace gatehouse {

class HostOwners {
 public:
  // Who asks: an Ingress, and the place of its source among the sources. The name outlives this.
  struct Asker {
    std::size_t source = 0;
    const ObjectName& ingress;
  };

  void reserve(std::size_t hosts) { owners_.reserve(hosts); }

  // The host is the asker's if it is nobody's. Its text outlives this.
  void take(std::string_view host, const Asker& asker) {
    owners_.try_emplace(host, Owner{asker.source, &asker.ingress});
  }

  // The Ingress that has it for another namespace; null: it is free, or the asker's. A rule without a host is nobody's:
  // it serves only what no other has.
  const ObjectName* other_owner(std::string_view host, const Asker& asker) const {
    const auto found = host.empty() ? owners_.end() : owners_.find(host);
    if (found == owners_.end()) return nullptr;
    const Owner& owner = found->second;
    return owner.source == asker.source && owner.ingress->ns == asker.ingress.ns ? nullptr : owner.ingress;
  }

 private:
  struct Owner {
    std::size_t source;
    const ObjectName* ingress;
  };
  std::pmr::monotonic_buffer_resource memory_;  // entries come and go together
  std::pmr::unordered_map<std::string_view, Owner> owners_{&memory_};
};

}  // namespace gatehouse
