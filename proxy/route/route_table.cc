#include "proxy/route/route_table.h"

#include "base/sharded_map.h"
#include "proxy/route/path_index.h"
#include "proxy/route/precedence.h"
#include "proxy/route/print.h"

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <unordered_map>
#include <utility>

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

// All of one host. Shared by the tables in which it is the same.
struct HostRoutes {
  explicit HostRoutes(std::vector<HttpRoutePtr> given)
      : tls_options(tls_options_of(given)), routes(in_matching_order(std::move(given))) {
    if (needs_index(routes))
      ordinary = std::make_unique<const PathIndex>(those(routes, std::not_fn(has_explicit_priority)));
    for (const auto& route : routes) {
      owned_over_tls |= route->creates_host;
      owned_plain |= route->creates_host && !route->tls_only;
      special |= is_special(*route);
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

  const HostTlsOptions tls_options;
  const std::vector<HttpRoutePtr> routes;
  std::unique_ptr<const PathIndex> ordinary;  // of those without an explicit priority; null: look through `routes`
  std::unique_ptr<const PathIndex> prioritised;  // those with an explicit priority, when there are any
  bool owned_plain = false;  // has routes of its own, not only overlays
  bool owned_over_tls = false;
  bool special = false;  // some are: see is_special
};
using HostRoutesPtr = std::shared_ptr<const HostRoutes>;
using Hosts = ShardedMap<HostRoutesPtr>;  // by host_key

constexpr std::array levels{HostLevel::exact, HostLevel::wildcard, HostLevel::any};

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

// Each host's, in the order given.
std::vector<Hosts::Entry> by_host(const std::vector<HttpRoutePtr>& routes) {
  std::unordered_map<std::string_view, std::vector<HttpRoutePtr>> hosts;
  for (const auto& route : routes) hosts[host_key(route->host)].push_back(route);
  std::vector<Hosts::Entry> entries;
  entries.reserve(hosts.size());
  for (auto& [key, of_host] : hosts) entries.emplace_back(key, std::make_shared<const HostRoutes>(std::move(of_host)));
  return entries;
}

// How many hosts need to be looked at more closely; with none of them in a table nobody need look.
struct Counts {
  std::size_t special = 0;  // with an overlay or explicit priority; none: the first level that matches answers
  std::size_t with_tls_options = 0;

  void add(const HostRoutes& host) {
    special += host.special ? 1 : 0;
    with_tls_options += host.tls_options.named_by != nullptr ? 1 : 0;
  }
  void remove(const HostRoutes& host) {
    special -= host.special ? 1 : 0;
    with_tls_options -= host.tls_options.named_by != nullptr ? 1 : 0;
  }
};

}  // namespace

HostTlsOptions tls_options_of(std::span<const HttpRoutePtr> routes) {
  HostTlsOptions chosen;
  bool owned = false;
  for (const auto& route : routes) {
    if (!route->creates_host) continue;
    if (!std::exchange(owned, true)) chosen.owner = route->owner;
    if (!route->tls_options || route->owner != chosen.owner) continue;
    if (!chosen.named_by || route->tls_options->is_stricter_than(*chosen.options())) chosen.named_by = route.get();
  }
  return chosen;
}

struct RouteTable::Index {
  const HostRoutes* at(HostLevel level, std::string_view host) const;
  const HttpRoute* match(std::string_view host, std::string_view path, bool over_tls) const;

  Hosts hosts;
  Counts counts;
};

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
  const HostRoutesPtr* const found = hosts.find(host);
  return found == nullptr ? nullptr : found->get();
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
    if (best && counts.special == 0) return best;
    owned = candidates->owned(over_tls);
  }
  return best;
}

RouteTable::RouteTable(const std::vector<HttpRoutePtr>& routes) {
  auto entries = by_host(routes);
  Counts counts;
  for (const auto& [key, host] : entries) counts.add(*host);
  index_ = std::make_unique<const Index>(Index{Hosts(std::move(entries)), counts});
}
RouteTable::~RouteTable() = default;

std::shared_ptr<const RouteTable> RouteTable::changed(const std::shared_ptr<const RouteTable>& table,
                                                      const std::vector<std::string>& hosts,
                                                      const std::vector<HttpRoutePtr>& routes) {
  const Index& index = *table->index_;
  auto entries = by_host(routes);
  Counts counts = index.counts;
  for (const auto& [key, host] : entries) counts.add(*host);
  std::size_t there = 0;
  std::vector<std::string> keys;
  for (const std::string& host : hosts) {
    keys.emplace_back(host_key(host));
    const HostRoutesPtr* const before = index.hosts.find(keys.back());
    if (before == nullptr) continue;
    ++there;
    counts.remove(**before);
  }
  const bool same = there == entries.size() && std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
                      const HostRoutesPtr* const before = index.hosts.find(entry.first);
                      return before != nullptr && (*before)->routes == entry.second->routes;
                    });
  if (same) return table;
  auto next = std::make_shared<RouteTable>(std::vector<HttpRoutePtr>());
  next->index_ = std::make_unique<const Index>(Index{index.hosts.changed(keys, std::move(entries)), counts});
  return next;
}

const HttpRoute* RouteTable::match(std::string_view host, std::string_view path, bool over_tls) const {
  std::string storage;
  const auto normalised = normalised_path(path, storage);
  return normalised ? index_->match(host, *normalised, over_tls) : nullptr;
}

HostTlsOptions RouteTable::tls_options(std::string_view host) const {
  if (index_->counts.with_tls_options == 0) return {};
  const auto at = [&](HostLevel level) {
    const HostRoutes* const routes = index_->at(level, host);
    return routes && routes->owned_over_tls ? &routes->tls_options : nullptr;
  };
  const HostTlsOptions* const exact = at(HostLevel::exact);
  if (exact && exact->named_by) return *exact;
  const HostTlsOptions* const wildcard = at(HostLevel::wildcard);
  const bool inherits = wildcard && (!exact || exact->owner == wildcard->owner);
  return inherits && wildcard->named_by ? *wildcard : HostTlsOptions{};
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

bool RouteTable::empty() const { return index_->hosts.empty(); }

std::vector<HttpRoutePtr> RouteTable::routes() const {
  std::vector<HttpRoutePtr> all;
  index_->hosts.each([&](std::string_view, const HostRoutesPtr& host) {
    all.insert(all.end(), host->routes.begin(), host->routes.end());
  });
  return in_matching_order(std::move(all));  // each host's are in that order, which stays
}

bool RouteTable::same_routes(const RouteTable& other) const {
  bool same = index_->hosts.size() == other.index_->hosts.size();
  index_->hosts.each([&](std::string_view key, const HostRoutesPtr& host) {
    const HostRoutesPtr* const theirs = same ? other.index_->hosts.find(key) : nullptr;
    same = same && theirs != nullptr && (*theirs)->routes == host->routes;
  });
  return same;
}

std::string RouteTable::print() const { return print_routes(routes()); }

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
