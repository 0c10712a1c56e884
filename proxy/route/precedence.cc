#include "proxy/route/precedence.h"

#include "proxy/route/path_match.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace gatehouse {
namespace {

constexpr std::size_t and_length = std::string_view(" && ").size();
constexpr std::size_t host_length = std::string_view("Host(``)").size();
constexpr std::size_t host_regexp_length = std::string_view("HostRegexp(`^[a-zA-Z0-9-]+\\.$`)").size();

std::size_t host_rule_length(const std::string& host) {
  if (!host.starts_with("*.")) return host_length + host.size();
  const auto dots = std::count(host.begin() + 2, host.end(), '.');  // each is written `\.`
  return host_regexp_length + host.size() - 2 + static_cast<std::size_t>(dots);
}

std::size_t path_rule_length(const HttpRoute& route) {
  static constexpr std::string_view matchers[] = {"Path(``)", "PathPrefix(``)", "PathRegexp(``)"};
  return matchers[static_cast<std::size_t>(route.path_kind)].size() + route.path.size();
}

enum class Tier : std::uint8_t { overlay, explicit_priority, default_priority };

// A route with what it is sorted by, computed once.
struct Sortable {
  const HttpRoute* route;
  std::uint64_t host;  // its first bytes, in the order of texts: most hosts differ there already
  HostLevel level;
  PathKind kind;
  Tier tier;
  std::uint32_t length;
  std::uint32_t given;
};

std::uint64_t first_bytes(std::string_view text) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < sizeof bytes; ++i)
    bytes = bytes << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  return bytes;
}

Sortable sortable(const HttpRoute& route, std::size_t given) {
  std::string storage;
  Sortable item{
      &route, first_bytes(route.host),          host_level(route.host), path_kind_of(route), Tier::default_priority,
      0,      static_cast<std::uint32_t>(given)};
  item.length = static_cast<std::uint32_t>(comparable_path(route, storage).size());
  if (!route.creates_host)
    item.tier = Tier::overlay;
  else if (route.priority != 0)
    item.tier = Tier::explicit_priority;
  return item;
}

bool same_host(const Sortable& a, const Sortable& b) { return a.host == b.host && a.route->host == b.route->host; }

bool comes_first(const Sortable& a, const Sortable& b) {
  if (a.level != b.level) return a.level < b.level;
  if (a.host != b.host) return a.host < b.host;
  if (const int order = a.route->host.compare(b.route->host); order != 0) return order < 0;
  if (a.tier != b.tier) return a.tier < b.tier;
  if (a.tier == Tier::explicit_priority && a.route->priority != b.route->priority)
    return a.route->priority > b.route->priority;
  const bool a_is_longer = a.length > b.length;
  const bool b_is_longer = b.length > a.length;
  return std::tuple(a.kind != PathKind::exact, b_is_longer, a.kind, a.given) <
         std::tuple(b.kind != PathKind::exact, a_is_longer, b.kind, b.given);
}

using Iterator = std::vector<Sortable>::iterator;

// One host's routes, sorted by comes_first: weaves the explicit priorities in among the others.
void append_host(Iterator next, Iterator end, std::vector<HttpRoutePtr>& given, std::vector<HttpRoutePtr>& ordered) {
  for (; next != end && next->tier == Tier::overlay; ++next) ordered.push_back(std::move(given[next->given]));
  Iterator other = std::find_if(next, end, [](const auto& item) { return item.tier == Tier::default_priority; });
  const Iterator explicit_end = other;
  while (next != explicit_end || other != end) {
    const bool outdone =
        next != explicit_end && (other == end || next->route->priority > default_priority(*other->route));
    ordered.push_back(std::move(given[(outdone ? next++ : other++)->given]));
  }
}

}  // namespace

std::int64_t default_priority(const HttpRoute& route) {
  if (route.host.empty() && route.path.empty()) return std::numeric_limits<std::int32_t>::min();
  std::size_t length = route.host.empty() ? 0 : host_rule_length(route.host);
  if (!route.path.empty()) length += path_rule_length(route) + (length > 0 ? and_length : 0);
  return static_cast<std::int64_t>(length);
}

std::int64_t effective_priority(const HttpRoute& route) {
  if (!route.creates_host) return std::numeric_limits<std::int64_t>::max();
  return route.priority != 0 ? route.priority : default_priority(route);
}

HostLevel host_level(std::string_view host) {
  if (host.empty()) return HostLevel::any;
  return host.starts_with("*.") ? HostLevel::wildcard : HostLevel::exact;
}

std::vector<HttpRoutePtr> in_matching_order(std::vector<HttpRoutePtr> routes) {
  std::vector<Sortable> items;
  items.reserve(routes.size());
  for (const auto& route : routes) items.push_back(sortable(*route, items.size()));
  std::sort(items.begin(), items.end(), comes_first);
  std::vector<HttpRoutePtr> ordered;
  ordered.reserve(items.size());
  for (auto next = items.begin(); next != items.end();) {
    const auto end = std::find_if(next, items.end(), [&](const auto& item) { return !same_host(*next, item); });
    append_host(next, end, routes, ordered);
    next = end;
  }
  return ordered;
}

}  // namespace gatehouse
