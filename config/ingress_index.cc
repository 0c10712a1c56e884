#include "config/ingress_index.h"

#include <algorithm>

namespace gatehouse {
namespace {

void sort_unique(auto& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

std::uint64_t key_of(std::string_view kind, std::size_t source, std::string_view ns, std::string_view name) {
  const std::hash<std::string_view> hash;
  return ((hash(kind) + source) * 31 + hash(ns)) * 31 + hash(name);
}
std::uint64_t key_of_service(std::size_t source, std::string_view ns, std::string_view name) {
  return key_of("Service", source, ns, name);
}
std::uint64_t key_of_secret(std::size_t source, std::string_view ns, std::string_view name) {
  return key_of("Secret", source, ns, name);
}

}  // namespace

std::vector<std::string> hosts_of(const IngressDraft& draft, const SecretMemory& secrets) {
  std::vector<std::string> hosts;
  const auto add = [&](const std::vector<std::string>& texts) {
    for (const std::string& text : texts)
      if (const auto host = HostName::parse_with_wildcard(text)) hosts.push_back(host->text());
  };
  for (const DraftRoute& at : draft.routes) hosts.push_back(at.route->host);
  for (const auto& names : draft.annotations().domains) add(names);
  if (draft.has_tls) {
    for (const auto& tls : draft.ingress->tls) {
      add(tls.hosts);
      if (!tls.hosts.empty() || tls.secret.empty()) continue;
      const auto secret = secrets.known.find({draft.ingress->meta.name.ns, tls.secret});
      if (secret != secrets.known.end())
        hosts.insert(hosts.end(), secret->second.names.begin(), secret->second.names.end());
    }
  }
  sort_unique(hosts);
  return hosts;
}

IngressIndex::Key IngressIndex::key_of_host(std::string_view host) { return key_of("host", 0, {}, host); }

std::vector<IngressIndex::Key> IngressIndex::keys_of(const IngressPart& part) {
  const kubernetes::Ingress& ingress = *part.draft->ingress;
  const std::string& ns = ingress.meta.name.ns;
  std::vector<Key> keys;
  for (const std::string& host : part.hosts) keys.push_back(key_of_host(host));
  for (const DraftRoute& at : part.draft->routes) keys.push_back(key_of_service(part.source, ns, at.backend->name));
  for (const auto& tls : ingress.tls)
    if (!tls.secret.empty()) keys.push_back(key_of_secret(part.source, ns, tls.secret));
  sort_unique(keys);
  return keys;
}

void IngressIndex::add(IngressPart& part) {
  for (const Key key : keys_of(part)) parts_[key].push_back(&part);
}

void IngressIndex::remove(IngressPart& part) {
  for (const Key key : keys_of(part)) {
    const auto found = parts_.find(key);
    if (found == parts_.end()) continue;
    std::erase(found->second, &part);
    if (found->second.empty()) parts_.erase(found);
  }
}

const std::vector<IngressPart*>& IngressIndex::find(Key key) const {
  static const std::vector<IngressPart*> none;
  const auto found = parts_.find(key);
  return found == parts_.end() ? none : found->second;
}

const std::vector<IngressPart*>& IngressIndex::of_service(std::size_t source, const ObjectName& name) const {
  return find(key_of_service(source, name.ns, name.name));
}

const std::vector<IngressPart*>& IngressIndex::of_secret(std::size_t source, const ObjectName& name) const {
  return find(key_of_secret(source, name.ns, name.name));
}

}  // namespace gatehouse
