// IngressIndex: which Ingresses have to do with a host, a Service or a Secret. Part of translation. ◦ By hash: of two
// names with one hash both are told, and nobody minds an Ingress that is looked at for nothing.
#pragma once

#include "config/translation_parts.h"

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

// Every host whose routes or certificates may be others for what the Ingress says: of rules, spec.tls and annotations,
// or where spec.tls names none, those of its certificate as last seen. Each once.
std::vector<std::string> hosts_of(const IngressDraft& draft, const SecretMemory& secrets);

class IngressIndex {
 public:
  // Its hosts have been filled in. It stays where it is until it is removed, as it was added.
  void add(IngressPart& part);
  void remove(IngressPart& part);

  // In no order.
  const std::vector<IngressPart*>& of_host(std::string_view host) const { return find(key_of_host(host)); }
  const std::vector<IngressPart*>& of_service(std::size_t source, const ObjectName& name) const;
  const std::vector<IngressPart*>& of_secret(std::size_t source, const ObjectName& name) const;

 private:
  using Key = std::uint64_t;

  static Key key_of_host(std::string_view host);
  static std::vector<Key> keys_of(const IngressPart& part);
  const std::vector<IngressPart*>& find(Key key) const;

  std::unordered_map<Key, std::vector<IngressPart*>> parts_;
};

}  // namespace gatehouse
