// IngressRouteTCP objects as TCP routes (facts: Traefik's CRD provider). Part of translation.
//
// What cannot be honoured is refused rather than served open: a route with middlewares (they may be allow-lists), a
// service that wants TLS to the upstream, a host name without tls.
#pragma once

#include "config/certificate_wishes.h"
#include "config/class_filter.h"
#include "config/entry_point_choice.h"
#include "config/service_finder.h"

#include <unordered_map>

namespace gatehouse {

using TcpRouteMap = std::unordered_map<std::string, TcpRoutePtr>;  // by name

struct TcpTranslation {
  std::vector<std::vector<TcpRoutePtr>> lists;  // per entry point, in the total order
  // Entry points that a catch-all route without TLS asks for by name. They carry raw TCP: no peeking, and Ingresses
  // that name no entry point stay away.
  EntryPointSet claimed = 0;
  TcpRouteMap routes;
  TcpRouteMap claims;  // by entry point, side, priority and match: who had it first
};

// What the parts of a translation share. All outlive it.
struct TranslationParts {
  const kubernetes::ClusterObjects& objects;
  const TranslationInput& input;
  const EntryPointChoice& entry_points;
  const ClassFilter& classes;
  ServiceFinder& services;
  CertificateChoice& certificates;
  CertificateWishes& wishes;
  std::vector<Problem>& problems;
};

TcpTranslation translate_tcp(const TranslationParts& parts, const TcpRouteMap& known);

}  // namespace gatehouse
