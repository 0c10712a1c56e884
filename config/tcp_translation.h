// IngressRouteTCP objects as TCP routes (facts: Traefik's CRD provider). Part of translation.
//
// What cannot be honoured is refused rather than served open: a route with middlewares (they may be allow-lists), a
// service that wants TLS to the upstream, a host name without tls.
#pragma once

#include "config/translation_parts.h"

namespace gatehouse {

struct TcpTranslation {
  std::vector<std::vector<TcpRoutePtr>> lists;  // per entry point, in the total order
  // Entry points that a catch-all route without TLS asks for by name. They carry raw TCP: no peeking, and Ingresses
  // that name no entry point stay away.
  EntryPointSet claimed = 0;
  TcpRouteMap claims;  // by entry point, side, priority and match: who had it first
};

// Leaves the routes of each source in its memory.
TcpTranslation translate_tcp(const TranslationParts& parts);

}  // namespace gatehouse
