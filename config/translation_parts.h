// What the parts of a translation share, and what each source of objects has for itself. Part of translation.
#pragma once

#include "config/certificate_wishes.h"
#include "config/class_filter.h"
#include "config/entry_point_choice.h"
#include "config/service_finder.h"

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace gatehouse {

// Those of ours, in the order of ClusterObjects::ingresses.
using Drafts = std::vector<IngressDraftPtr>;
using TcpRouteMap = std::unordered_map<std::string, TcpRoutePtr>;  // by name

// What one translation leaves to the next about one source.
struct SourceMemory {
  Drafts drafts;
  std::shared_ptr<const HostClaims> claims;  // that the drafts were made by
  std::optional<ClassFilter> classes;  // that they were chosen by
  bool shared_hosts = true;  // that they were made by
  // In place of those that name hosts of others.
  struct Narrowed {
    std::shared_ptr<const kubernetes::Ingress> ingress;
    std::vector<std::string> others_hosts;
    IngressDraftPtr draft;
  };
  std::map<ObjectName, Narrowed> narrowed;
  std::shared_ptr<KnownServices> services = std::make_shared<KnownServices>();  // handed on from one to the next
  TcpRouteMap tcp_routes;
  SecretMemory secrets;
  std::shared_ptr<const SecretNames> secrets_in_use;
};

// One source: an object of it sees Services, Secrets and IngressClasses of it and no other.
struct SourceParts {
  const kubernetes::ClusterObjects& objects;
  const ProviderRules& rules;
  const SourceMemory& known;
  SourceMemory next;
  ClassFilter classes;
  HostRights rights;
  ServiceFinder services;
  SecretFinder secrets;
};

// All outlive it.
struct TranslationParts {
  const TranslationInput& input;
  const EntryPointChoice& entry_points;
  std::deque<SourceParts>& sources;
  HostOwners& owners;
  CertificateChoice& certificates;
  CertificateWishes& wishes;
  std::vector<Problem>& problems;
};

}  // namespace gatehouse
