#include "proxy/route/route_table.h"

#include "proxy/route/path_index.h"
#include "proxy/route/precedence.h"
#include "proxy/route/print.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory_resource>
#include <span>
#include <unordered_map>

namespace gatehouse {
namespace {

// The routes that satisfy `condition`, in their order.
template <class Condition>
std::vector<const HttpRoute*> those(std::span<const HttpRoutePtr> routes, Condition condition) {
  std::vector<const HttpRoute*> chosen;
  for (const auto& route : routes)
    if (condition(*route)) chosen.push_back(route.get());
  return chosen;
}

bool has_explicit_priority(const HttpRoute& route) { return route.creates_host && route.priority != 0; }

// Overlays and explicit priorities break the rule that the first match on the way down is the answer.
bool is_special(const HttpRoute& route) { return !route.creates_host || has_explicit_priority(route); }

// Few routes are looked through as fast as a table is probed, and most hosts have few: 5,000 hosts take a megabyte
// less.
constexpr std::size_t few_routes = 4;

bool needs_index(std::span<const HttpRoutePtr> routes) {
  return routes.size() > few_routes || std::any_of(routes.begin(), routes.end(), [](const auto& route) {
           return has_explicit_priority(*route) || path_kind_of(*route) == PathKind::regex;
         });
}

bool path_matches(const HttpRoute& route, std::string_view path) {
  std::string storage;
  const std::string_view own = comparable_path(route, storage);
  return path_kind_of(route) == PathKind::exact ? path == own : prefix_covers(own, path);
}

struct HostRoutes {
  explicit HostRoutes(std::span<const HttpRoutePtr> in_order) : routes(in_order) {
    if (needs_index(routes))
      ordinary = std::make_unique<const PathIndex>(those(routes, std::not_fn(has_explicit_priority)));
    for (const auto& route : routes) {
      owned_over_tls |= route->creates_host;
      owned_plain |= route->creates_host && !route->tls_only;
    }
    auto chosen = those(routes, has_explicit_priority);
    if (!chosen.empty()) prioritised = std::make_unique<const PathIndex>(std::move(chosen));
  }
  bool owned(bool over_tls) const { return over_tls ? owned_over_tls : owned_plain; }

  // The first without an explicit priority that matches, in matching order.
  const HttpRoute* find(std::string_view path, bool over_tls) const {
    if (ordinary) return ordinary->find(path, over_tls);
    for (const auto& route : routes)
      if ((over_tls || !route->tls_only) && path_matches(*route, path)) return route.get();
    return nullptr;
  }

  std::span<const HttpRoutePtr> routes;
  std::unique_ptr<const PathIndex> ordinary;  // of those without an explicit priority; null: look through `routes`
  std::unique_ptr<const PathIndex> prioritised;  // those with an explicit priority, when there are any
  bool owned_plain = false;  // has routes of its own, not only overlays
  bool owned_over_tls = false;
};

constexpr std::array levels{HostLevel::exact, HostLevel::wildcard, HostLevel::any};

// `*.example.com` is kept as `.example.com`, which no host name begins with.
std::string_view host_key(std::string_view host) { return host.starts_with("*.") ? host.substr(1) : host; }

// A candidate against the best so far, which is of a more specific host or without explicit priority.
bool overtakes(const HttpRoute& candidate, const HttpRoute* best, bool hidden) {
  if (is_special(candidate) || (best && is_special(*best)))
    return !best || effective_priority(candidate) > effective_priority(*best);
  return !best && !hidden;
}

std::string verdict(const HttpRoute& route, bool path_matches, bool over_tls, const HttpRoute* chosen) {
  if (&route == chosen) return "chosen";
  if (!path_matches) return "path differs";
  if (route.tls_only && !over_tls) return "only over TLS";
  return chosen ? "matches, but another comes first" : "hidden by routes of the exact host";
}

std::size_t count_hosts(const std::vector<HttpRoutePtr>& in_order) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < in_order.size(); ++i) count += i == 0 || in_order[i]->host != in_order[i - 1]->host;
  return count;
}

}  // namespace

struct RouteTable::Index {
  explicit Index(std::vector<HttpRoutePtr> given);
  const HostRoutes* at(HostLevel level, std::string_view host) const;
  const HttpRoute* match(std::string_view host, std::string_view path, bool over_tls) const;

  using Hosts = std::pmr::unordered_map<std::string_view, HostRoutes>;
  // Of an entry of Hosts, and of its bucket.
  static constexpr std::size_t bytes_a_host = sizeof(Hosts::value_type) + 4 * sizeof(void*);

  std::vector<HttpRoutePtr> routes;
  std::size_t host_count;
  std::pmr::monotonic_buffer_resource memory;  // all at once: tables come and go with every change
  Hosts hosts;  // by host_key, a view into the route
  bool most_specific_wins = true;  // no overlay and no explicit priority: the first level that matches is the answer
};

RouteTable::Index::Index(std::vector<HttpRoutePtr> given)
    : routes(in_matching_order(std::move(given))),
      host_count(count_hosts(routes)),
      memory(std::max<std::size_t>(1, host_count) * bytes_a_host),
      hosts(&memory) {
  hosts.reserve(host_count);
  for (std::size_t first = 0; first < routes.size();) {
    std::size_t end = first;
    while (end < routes.size() && routes[end]->host == routes[first]->host) ++end;
    hosts.try_emplace(host_key(routes[first]->host), std::span(routes).subspan(first, end - first));
    first = end;
  }
  most_specific_wins = std::none_of(routes.begin(), routes.end(), [](const auto& route) { return is_special(*route); });
}

const HostRoutes* RouteTable::Index::at(HostLevel level, std::string_view host) const {
  if (level == HostLevel::wildcard) {
    const auto dot = host.find('.');
    if (dot == std::string_view::npos || dot == 0) return nullptr;
    host.remove_prefix(dot);
  } else if (level == HostLevel::any) {
    host = {};
  } else if (host.empty()) {
    return nullptr;
  }
  const auto found = hosts.find(host);
  return found == hosts.end() ? nullptr : &found->second;
}

const HttpRoute* RouteTable::Index::match(std::string_view host, std::string_view path, bool over_tls) const {
  const HttpRoute* best = nullptr;
  bool owned = false;
  for (const HostLevel level : levels) {
    const HostRoutes* const candidates = at(level, host);
    if (!candidates) continue;
    const bool hidden = owned && level == HostLevel::wildcard;
    const auto consider = [&](const HttpRoute* found) {
      if (found && overtakes(*found, best, hidden)) best = found;
    };
    consider(candidates->find(path, over_tls));
    if (candidates->prioritised) consider(candidates->prioritised->find(path, over_tls));
    if (best && most_specific_wins) return best;
    owned = candidates->owned(over_tls);
  }
  return best;
}

RouteTable::RouteTable(std::vector<HttpRoutePtr> routes) : index_(std::make_unique<const Index>(std::move(routes))) {}
RouteTable::~RouteTable() = default;

const HttpRoute* RouteTable::match(std::string_view host, std::string_view path, bool over_tls) const {
  std::string storage;
  const auto normalised = normalised_path(path, storage);
  return normalised ? index_->match(host, *normalised, over_tls) : nullptr;
}

bool RouteTable::has_specific_tls_host(std::string_view host) const {
  return std::any_of(levels.begin(), levels.end() - 1, [&](HostLevel level) {
    const HostRoutes* const routes = index_->at(level, host);
    return routes && routes->owned_over_tls;
  });
}

bool RouteTable::has_any_tls_host() const {
  const HostRoutes* const routes = index_->at(HostLevel::any, {});
  return routes && routes->owned_over_tls;
}

bool RouteTable::empty() const { return index_->routes.empty(); }

const std::vector<HttpRoutePtr>& RouteTable::routes() const { return index_->routes; }

std::string RouteTable::print() const { return print_routes(index_->routes); }

std::vector<std::string> RouteTable::explain(std::string_view host, std::string_view path, bool over_tls) const {
  std::string storage;
  const auto normalised = normalised_path(path, storage);
  if (!normalised) return {"the path climbs above the root or holds a malformed escape: no route"};
  const HttpRoute* const chosen = index_->match(host, *normalised, over_tls);
  std::vector<std::string> lines;
  for (const HostLevel level : levels) {
    const HostRoutes* const candidates = index_->at(level, host);
    if (!candidates) continue;
    for (const auto& route : candidates->routes) {
      const bool matches = PathIndex({route.get()}).find(*normalised, true) != nullptr;
      lines.push_back(print_route(*route) + ": " + verdict(*route, matches, over_tls, chosen));
    }
  }
  if (lines.empty()) lines.push_back("no route names this host");
  return lines;
}

}  // namespace gatehouse
