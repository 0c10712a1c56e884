// IngressRouteTCP objects as TCP routes (facts: Traefik's CRD provider). Part of translation.
//
// What cannot be honoured is refused rather than served open: a route with middlewares (they may be allow-lists), a
// service that wants TLS to the upstream, a host name without tls, TLS options that are not there. An API server's
// object that would take all plain connections of a default entry point yields to older Ingresses of other namespaces.
#pragma once

#include "config/translation_parts.h"

#include <set>
#include <unordered_set>

namespace gatehouse {

struct TcpTranslation {
  std::vector<std::vector<TcpRoutePtr>> lists;  // per entry point, in the total order
  // Entry points that a catch-all route without TLS asks for by name. They carry raw TCP: no peeking, and Ingresses
  // that name no entry point stay away.
  EntryPointSet claimed = 0;
  TcpRouteMap claims;  // by entry point, side, priority and match: who had it first
  // What it depends on besides its own objects and the Secrets they name.
  std::unordered_set<std::string> hosts;
  std::set<ObjectName> services;
  bool on_oldest_ingress = false;
};

// Leaves the routes of each source, and what its objects contribute, in its memory.
TcpTranslation translate_tcp(const TranslationParts& parts);

}  // namespace gatehouse
