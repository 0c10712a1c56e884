// SecretFinder: the Secrets that the objects of one source name, with their certificates parsed. Part of translation;
// lives for one of them, its memory for all. A Secret that is missing or broken keeps its last good certificate as long
// as it is named.
#pragma once

#include "config/host_owners.h"
#include "config/kubernetes/objects.h"
#include "tls/certificate_store.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace gatehouse {

// A Secret that an object names, as last seen.
struct RememberedSecret {
  std::shared_ptr<const kubernetes::Secret> source;  // null: it was not there
  tls::CertificatePtr certificate;  // the last good one; null: there never was one
  std::string fault;  // what is wrong with the source; empty: nothing
  std::unordered_set<std::string_view> names;  // the certificate's, wildcards among them
  bool awaited = false;  // it is not known yet whether it is there
  std::size_t named = 0;  // by how many objects
  bool read = false;  // once at least
};

struct SecretMemory {
  std::map<ObjectName, RememberedSecret> known;
  std::set<ObjectName> awaited;  // of them
};
using SecretNames = std::set<ObjectName>;

class SecretFinder {
 public:
  // All arguments outlive it. `awaited`: see TranslationSource.
  SecretFinder(const kubernetes::ClusterObjects& objects, const std::function<bool(const ObjectName&)>& awaited,
               HostRights rights, SecretMemory& memory)
      : objects_(objects), awaited_(awaited), rights_(rights), memory_(memory) {}

  // Lives as long as the memory has it.
  const RememberedSecret& find(const ObjectName& name);
  // Whether it can be shown for all these hosts.
  bool serves(const ObjectName& name, const std::vector<HostName>& hosts);
  bool is_awaited(const ObjectName& name) { return find(name).awaited; }
  bool is_there(const ObjectName& name) { return find(name).source != nullptr; }
  bool has_certificate(const ObjectName& name) { return find(name).certificate != nullptr; }
  // Whether cert-manager made it.
  bool is_managed(const ObjectName& name);
  // Why objects of the namespace may not have certificates for the host.
  std::optional<HostRights::Refusal> refusal(const std::string& ns, const HostName& host) const {
    return rights_.refusal(ns, host.text());
  }

 private:
  const kubernetes::ClusterObjects& objects_;
  const std::function<bool(const ObjectName&)>& awaited_;
  const HostRights rights_;
  SecretMemory& memory_;
};

}  // namespace gatehouse
