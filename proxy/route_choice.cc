#include "proxy/route_choice.h"

#include <array>
#include <initializer_list>

namespace gatehouse {
namespace {

const TlsOptions& usual_options(const EntryPoint& entry_point) {
  return entry_point.tls.options ? *entry_point.tls.options : *tls_options_nobody_meets();
}

const TlsOptions& options_of_host(const HostTlsOptions& own, const EntryPoint& entry_point) {
  return own.named_by != nullptr ? *own.options() : usual_options(entry_point);
}

// What it names itself, or its owner does for the host. What others have named there is not for a route without a host,
// say, to be content with.
const TlsOptions& options_of_route(const HttpRoute& route, const HostTlsOptions& own, const EntryPoint& entry_point) {
  if (route.tls_options) return *route.tls_options;
  return route.owner == own.owner ? options_of_host(own, entry_point) : usual_options(entry_point);
}

// Those of a wildcard whose route answers for a name under it: the name may be another's, who has others or none, and a
// route with an explicit priority is chosen all the same.
HostTlsOptions options_of_routes_host(const HttpRoute* route, std::string_view host, const EntryPoint& entry_point) {
  const bool is_other = route != nullptr && !route->host.empty() && route->host != host;
  return is_other ? entry_point.http->tls_options(route->host) : HostTlsOptions{};
}

// What asks for a certificate is not served without TLS at all, but for a challenge's answer, which is anybody's to
// read.
std::optional<FailureKind> refusal_in_clear(std::initializer_list<HostTlsOptions> asked, const HttpRoute* route) {
  if (route != nullptr && !route->creates_host) return std::nullopt;
  for (const HostTlsOptions& own : asked) {
    if (own.named_by == nullptr || !own.options()->requires_certificate()) continue;
    return own.options()->can_be_met() ? FailureKind::misdirected_request : FailureKind::no_service;
  }
  return std::nullopt;
}

// In clear on an entry point that has come to speak nothing but TLS.
bool lacks_tls(const ClientConnection& client, const EntryPoint& entry_point) {
  return !client.tls && entry_point.tls.required;
}

bool checks_server_name(const ClientConnection& client, const EntryPoint& entry_point) {
  if (client.http2) return entry_point.check_server_name != ServerNameCheck::never;
  return entry_point.check_server_name == ServerNameCheck::always;
}

// A host that the certificate shown on this connection does not name (RFC 9110 §7.4): the client is to ask for it on a
// connection of its own. Without a server name the client has not said whom it meant.
bool is_misdirected(std::string_view host, const ClientConnection& client, const EntryPoint& entry_point) {
  if (!client.tls || client.server_name.empty() || !checks_server_name(client, entry_point)) return false;
  if (host == client.server_name) return false;
  Worker& worker = client.worker;
  const auto shown =
      worker.certificates.choose(*worker.snapshot->certificates, client.server_name, worker.clock.wall_now());
  return !shown || !shown->covers(host);
}

// A path that climbs above the root or holds %00 has no meaning at all.
Failure unroutable(std::string_view path) {
  std::string storage;
  if (!normalised_path(path, storage)) return Failure(FailureKind::bad_request, "the path has no normal form");
  return Failure(FailureKind::no_route);
}

}  // namespace

RouteChoice choose_route(const Exchange& exchange, const ClientConnection& client, const EntryPoint& entry_point) {
  const RequestHead& request = exchange.request();
  HostBuffer buffer;
  const auto named = host_of_authority(request.authority, buffer);
  const std::string_view host = named.value_or("");
  RouteChoice choice;
  choice.route = entry_point.http->match(host, request.path, exchange.origin().over_tls);
  const TlsOptions* const made_under = client.tls ? client.tls_options.get() : nullptr;
  const auto refusal = refusal_by_tls_options(made_under, entry_point, host, choice.route);
  if (refusal == FailureKind::no_service) {
    choice.refusal = Failure(*refusal, "the TLS options that are asked for are not there");
  } else if (refusal || lacks_tls(client, entry_point) || (named && is_misdirected(host, client, entry_point))) {
    choice.refusal = Failure(FailureKind::misdirected_request, client.server_name);
    choice.outdated = is_outdated(client, entry_point);
  } else if (!choice.route) {
    choice.refusal = unroutable(request.path);
  }
  return choice;
}

bool is_outdated(const ClientConnection& client, const EntryPoint& entry_point) {
  if (!client.tls) return lacks_tls(client, entry_point);
  return !client.tls_options->is_as_strict_as(tls_options_for(entry_point, client.server_name));
}

const TlsOptions& tls_options_for(const EntryPoint& entry_point, std::string_view host) {
  return options_of_host(entry_point.http->tls_options(host), entry_point);
}

// By the host, by the route and by the route's own host: those of another host, or of before, may have asked for less.
std::optional<FailureKind> refusal_by_tls_options(const TlsOptions* made_under, const EntryPoint& entry_point,
                                                  std::string_view host, const HttpRoute* route) {
  const HostTlsOptions own = entry_point.http->tls_options(host);
  const HostTlsOptions of_routes_host = options_of_routes_host(route, host, entry_point);
  if (made_under == nullptr) return refusal_in_clear({own, of_routes_host}, route);
  const TlsOptions& of_host = options_of_host(own, entry_point);
  std::array<const TlsOptions*, 3> asked{&of_host, &of_host, &of_host};
  if (route != nullptr) asked[1] = &options_of_route(*route, own, entry_point);
  if (of_routes_host.named_by != nullptr) asked[2] = of_routes_host.options();
  std::optional<FailureKind> refusal;
  for (const TlsOptions* options : asked) {
    if (!options->can_be_met()) return FailureKind::no_service;
    if (!made_under->is_as_strict_as(*options)) refusal = FailureKind::misdirected_request;
  }
  return refusal;
}

}  // namespace gatehouse
