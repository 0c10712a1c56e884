// What the parts of a translation share, and what each source of objects has for itself. Part of translation.
#pragma once

#include "config/certificate_wishes.h"
#include "config/class_filter.h"
#include "config/entry_point_choice.h"
#include "config/service_finder.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse {

using TcpRouteMap = std::unordered_map<std::string, TcpRoutePtr>;  // by name

// One Ingress of ours, from one translation to the next.
struct IngressPart {
  std::size_t source = 0;
  IngressDraftPtr draft = {};  // of all it says
  // In its place while it names hosts of others.
  IngressDraftPtr narrowed = {};
  std::vector<OthersHost> others_hosts = {};  // that `narrowed` was made without
  bool placed = false;  // its routes are in a table: they must not be written to any more
  std::vector<std::string> hosts = {};  // all it has to do with; known while Translator has an index
  Contribution given = {};  // by the last translation it took part in

  const ObjectName& name() const { return draft->ingress->meta.name; }
  IngressDraftPtr& in_force() { return narrowed ? narrowed : draft; }
};

// What one translation leaves to the next about one source.
struct SourceState {
  std::map<ObjectName, IngressPart> ingresses;  // those of ours
  std::shared_ptr<const HostClaims> claims;  // that the drafts were made by
  std::optional<ClassFilter> classes;  // that they were chosen by
  bool shared_hosts = true;  // that they were made by
  KnownServices services;
  TcpRouteMap tcp_routes;
  Contribution given;  // by its objects that are no Ingresses
  SecretMemory secrets;
};

// One source: an object of it sees Services, Secrets and IngressClasses of it and no other.
struct SourceParts {
  const kubernetes::ClusterObjects& objects;
  const ProviderRules& rules;
  SourceState& state;
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
};

}  // namespace gatehouse
