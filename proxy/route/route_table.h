// RouteTable: which HTTP route answers (host, path). ★ Immutable, no I/O, no clock.
//
// Precedence (Kubernetes Ingress v1 HTTPIngressRuleValue, HTTPIngressPath):
//  1. host: exact before wildcard before any. A host that has routes of its own (creates_host) hides the wildcard
//     even where no path of it matches; any-host routes, the default backend among them, take what is left;
//  2. path within a host: Exact, then longest first (a Prefix measured without its trailing slash), Prefix before
//     regex on equal length;
//  3. the order in which the routes were given (the translator's total order).
// A route with an explicit priority competes across all of that as in Traefik: when one of two matching routes has
// one, the higher effective_priority() wins (precedence.h: a route without one counts the length of its rule), the
// more specific host on a tie. Overlays (creates_host=false, ACME solvers) come before everything on their own path.
// A tls_only route does not exist on plain HTTP.
//
// Where the owner of a host names TLS options (HttpRoute::tls_options) the strictest are the whole host's, since a
// handshake knows no path. A wildcard's hold for the names under it too that have none, unless these are another's. So
// that an owner is heard even where the path is another route's, routes of equal match may stand behind the first.
//
// Prefix compares whole path elements. Matching uses a normalised copy of the raw path (path_match.h); the forwarded
// path is never changed.
#pragma once

#include "proxy/route/path_match.h"
#include "proxy/route/route.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// Under which TLS options a host is to be asked for, where it has any of its own. Views into the table.
struct HostTlsOptions {
  const HttpRoute* named_by = nullptr;  // null: there are none
  std::string_view owner;  // whose the host is: that of the first route that is not an overlay

  const TlsOptions* options() const { return named_by == nullptr ? nullptr : named_by->tls_options.get(); }
};

// Of one host's routes in the translator's total order: the strictest that its owner's name, of equals the first.
HostTlsOptions tls_options_of(std::span<const HttpRoutePtr> routes);

class RouteTable {
 public:
  // Routes in the translator's total order. A regex that check_path_regex refuses must have been refused before:
  // here it matches nothing.
  explicit RouteTable(const std::vector<HttpRoutePtr>& routes);
  // Another table: `routes` in place of all that this one has for `hosts`, and no route of theirs is for another host.
  // Costs what these hosts cost, whatever else is in it. The very same table when that changes nothing.
  static std::shared_ptr<const RouteTable> changed(const std::shared_ptr<const RouteTable>& table,
                                                   const std::vector<std::string>& hosts,
                                                   const std::vector<HttpRoutePtr>& routes);
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // `host` normalised by host_of_authority (empty: none), `path` raw, without query. Null: no route, or a path that
  // has no normal form (who wants to answer 400 to that asks normalised_path first).
  // The pointer lives as long as the table.
  const HttpRoute* match(std::string_view host, std::string_view path, bool over_tls) const;

  // For the server name of a handshake, or the host of a request; normalised. Nothing but a look while no route of the
  // table names any.
  HostTlsOptions tls_options(std::string_view host) const;

  // A host named by at least one route of its own reachable over TLS, exact or by wildcard: specific enough to win
  // over a TCP route's SNI match. Overlays do not count.
  bool has_specific_tls_host(std::string_view host) const;
  // Some route reachable over TLS takes any host.
  bool has_any_tls_host() const;
  bool empty() const;

  // By host (exact, wildcard, any), each host's in matching order. Sorted when asked.
  std::vector<HttpRoutePtr> routes() const;
  // The very same routes, in the same order.
  bool same_routes(const RouteTable& other) const;

  // Every route in that order, one a line: golden files, `gatehouse routes`, /api/routes and the log agree.
  std::string print() const;

  // Why: one line per candidate route considered for the request, in order, saying match or why not.
  std::vector<std::string> explain(std::string_view host, std::string_view path, bool over_tls) const;

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

}  // namespace gatehouse
