// The annotations that routes and services obey, as one table: Traefik's, which GitLab's users set
// (traefik.ingress.kubernetes.io/…), and the same under our own prefix gatehouse.dev/, which wins where both stand.
// Key names are compared without regard to case, as Traefik does. Others' annotations are not looked at. ◦ pure
//
// Each is honoured, or ignored with a warning that says so, or, where ignoring it would open a door (middlewares may
// hold authentication and allow-lists), makes the object's routes answer 503 with an error.
#pragma once

#include "config/kubernetes/objects.h"
#include "config/problem.h"
#include "proxy/route/route.h"
#include "proxy/route/service.h"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

// What an Ingress's annotations ask of its routes.
struct RouteAnnotations {
  std::optional<std::vector<std::string>> entry_points;  // router.entrypoints
  std::int64_t priority = 0;                             // router.priority
  bool tls_only = false;                                 // router.tls
  std::string cert_resolver;                             // router.tls.certresolver
  std::optional<std::string> tls_options;  // router.tls.options: see tls_options_name
  // router.tls.domains.N.main and .sans: each one certificate's names, the main one first
  std::vector<std::vector<std::string>> domains;
  // cert-manager.io/issuer or cert-manager.io/cluster-issuer, which wins: cert-manager's own annotations, for to know
  // who is in charge of the certificates.
  std::string issuer;
  // router.pathmatcher, for pathType ImplementationSpecific. Nothing: a value we do not know; such paths are left out.
  std::optional<PathKind> specific_path = PathKind::prefix;
  std::string refusal;  // not empty: why the object's routes must not be served
};

// What a Service's annotations ask of the connections to it.
struct ServiceAnnotations {
  std::optional<bool> tls;  // service.serversscheme
  bool http2_in_clear = false;  // the same: h2c; then `tls` is false
  bool pass_host_header = true;  // service.passhostheader
  bool native_lb = false;  // service.nativelb
  std::optional<StickyCookie> sticky;  // service.sticky.cookie…; an empty name is for the caller to fill
  std::string refusal;
};

RouteAnnotations read_route_annotations(const kubernetes::Ingress& ingress, std::vector<Problem>& problems);
ServiceAnnotations read_service_annotations(const kubernetes::Service& service, std::vector<Problem>& problems);

// The TLS options that an annotation or a field names, without what Traefik says after an @ of where they come from
// (`mtls@file`, `gitlab-mtls@kubernetescrd`): here all come from the settings. Nothing: what is usual at the entry
// point, for an empty text and `default`.
std::optional<std::string> tls_options_name(std::string_view text);

// The names at the right of the prefix that either kind of object may carry, for documentation.
std::vector<std::string_view> known_annotations();

}  // namespace gatehouse
