// Route = match + what to do. The provider-neutral model: Ingress and IngressRouteTCP are translated into it;
// the data path does not know where a route came from.
#pragma once

#include "base/names.h"
#include "proxy/route/service.h"
#include "proxy/route/tls_options.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse {

// How a path is matched (Kubernetes HTTPIngressPath.pathType; Traefik's pathmatcher annotation).
enum class PathKind : std::uint8_t { exact, prefix, regex };

// One HTTP route of one host. Immutable; shared by the tables of several entry points and by successive snapshots.
struct HttpRoute {
  std::string name;    // "Ingress gitlab/webservice rule 0 path 0": for logs, /api/routes and `explain`
  std::string host;    // normalised; empty = any host; may be a wildcard
  PathKind path_kind = PathKind::prefix;
  std::string path;    // raw, as in the object; empty = every path
  std::int64_t priority = 0;  // explicit, as Traefik counts it (router.priority annotation); 0 = none
  bool tls_only = false;      // does not exist on plain HTTP (router.tls: "true")
  bool creates_host = true;   // false: an overlay (ACME solver): the other paths are left to less specific hosts
  std::string owner;          // whose it is; only an owner's own routes say what TLS options the host has
  TlsOptionsPtr tls_options;  // what it asks for by name; null: nothing
  std::shared_ptr<const Service> service;  // null: answered 503
  std::string missing;        // why there is no service, when there is none
};

using HttpRoutePtr = std::shared_ptr<const HttpRoute>;

}  // namespace gatehouse
