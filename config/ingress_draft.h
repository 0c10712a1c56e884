// IngressDraft: what one Ingress says, read on its own: hosts and paths checked as the API server checks them,
// annotations understood, hosts its namespace may not claim left out, routes with names but without services. It
// depends on nothing but the object and the host claims, so it is made once and kept as long as these stay. Part of
// translation.
#pragma once

#include "config/annotations.h"
#include "config/host_owners.h"

#include <memory>
#include <vector>

namespace gatehouse {

struct DraftRoute {
  HttpRoutePtr route;  // with the service it was last bound to
  const kubernetes::IngressBackend* backend = nullptr;  // of the Ingress
  int line = 0;
  bool is_default = false;  // takes what the host's rules leave
  kubernetes::ServiceObjectsPtr bound_to = nullptr;  // see FoundService::source
};

struct IngressDraft {
  std::shared_ptr<const kubernetes::Ingress> ingress;
  std::shared_ptr<const RouteAnnotations> asked;  // null: it has no annotation of ours
  std::vector<DraftRoute> routes;  // in the object's order, the default backend's last
  std::vector<Problem> problems;
  WallTime age;  // as age_of says
  // spec.tls without the hosts it may not have; null: it may have all.
  std::shared_ptr<const std::vector<kubernetes::IngressTls>> narrowed_tls;
  // So that of those without, which are most, the object need not be looked at again: ten thousand are nowhere near the
  // processor.
  bool has_tls = false;
  bool is_challenge_solver = false;

  const RouteAnnotations& annotations() const;
  const std::vector<kubernetes::IngressTls>& tls() const { return narrowed_tls ? *narrowed_tls : ingress->tls; }
};

using IngressDraftPtr = std::shared_ptr<const IngressDraft>;

// What an Ingress may not have, whatever it says.
struct DraftTerms {
  HostRights rights = {};
  // router.priority counts on wildcard hosts and without a host too, where it overtakes others' hosts.
  bool far_priorities = true;
};
IngressDraftPtr draft_ingress(std::shared_ptr<const kubernetes::Ingress> ingress, const DraftTerms& terms);
// A host that a draft names and the Ingress that has it. With them among the terms it would be another draft.
struct OthersHost {
  std::string host;
  ObjectName owner;
  bool operator==(const OthersHost&) const = default;
};
std::vector<OthersHost> others_hosts(const IngressDraft& draft, const HostRights& rights);

// Made by cert-manager to answer an HTTP-01 challenge (its label, and challenge paths only): such an Ingress may come
// without a class.
bool is_challenge_solver(const kubernetes::Ingress& ingress);

}  // namespace gatehouse
