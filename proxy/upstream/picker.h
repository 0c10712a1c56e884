// Which endpoint of a service, and which service of a TCP route, comes next. No I/O; the only state is the turn
// counters in the snapshot.
#pragma once

#include "base/names.h"
#include "base/result.h"
#include "proxy/route/service.h"
#include "proxy/route/tcp_route.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

// The endpoint to try next, round robin over those not tried yet for which `is_usable(endpoint)` holds; when none of
// the untried is usable, round robin over the untried all the same. Null only when every endpoint was tried.
// Costs one relaxed increment while the endpoint whose turn it is can be used; the turns of one that cannot are
// spread over the others. The pointer lives as long as the service.
template <class IsUsable>
const Endpoint* pick(const Service& service, IsUsable is_usable, std::span<const Endpoint> already_tried);

// Smooth weighted round robin over the route's services: of any `total weight / gcd` picks in a row each service
// gets exactly its share, spread evenly. Null when all weights are 0. The chosen one may
// lack its service: its share of the connections is closed, as the share of one without endpoints is.
const WeightedService* pick_service(const TcpRoute& route);

// What the sticky cookie holds for this endpoint: 8 hex digits, the same on every replica and after a restart. Many
// addresses share each value, so it does not tell the address.
std::string sticky_value(const Endpoint& endpoint);

// The endpoint that the client's Cookie header (several fields joined by "; ") asks for, while the service has it.
// Null: the service is not sticky, or the first cookie of that name names none of its endpoints.
const Endpoint* sticky_endpoint(const Service& service, std::string_view cookie_header);

// The Set-Cookie header's value for a client that `endpoint` has answered; empty when it has it already, or the service
// is not sticky.
std::string new_sticky_cookie(const Service& service, std::string_view cookie_header, const Endpoint& endpoint);

// Whether a cookie can be written as configured: name a token (RFC 9110 §5.6.2), path and domain without controls,
// `;` or `,`, a known same_site (RFC 6265 §4.1.1).
Result<void> check_sticky_cookie(const StickyCookie& cookie);

// The value of the Set-Cookie header; empty for a cookie that check_sticky_cookie refuses.
std::string set_cookie(const StickyCookie& cookie, const Endpoint& endpoint);

template <class IsUsable>
const Endpoint* pick(const Service& service, IsUsable is_usable, std::span<const Endpoint> already_tried) {
  const std::span<const Endpoint> endpoints = service.endpoints;
  if (endpoints.empty()) return nullptr;
  const auto untried = [&](const Endpoint& endpoint) {
    return std::find(already_tried.begin(), already_tried.end(), endpoint) == already_tried.end();
  };
  const auto wanted = [&](const Endpoint& endpoint) { return untried(endpoint) && is_usable(endpoint); };
  const std::size_t turn = service.turn.fetch_add(1, std::memory_order_relaxed);
  const Endpoint& next = endpoints[turn % endpoints.size()];
  if (wanted(next)) return &next;

  const auto nth = [&](const auto& condition) -> const Endpoint* {
    const auto count = static_cast<std::size_t>(std::count_if(endpoints.begin(), endpoints.end(), condition));
    if (count == 0) return nullptr;
    auto left = turn / endpoints.size() % count;
    return &*std::find_if(endpoints.begin(), endpoints.end(),
                          [&](const Endpoint& endpoint) { return condition(endpoint) && left-- == 0; });
  };
  if (const Endpoint* usable = nth(wanted)) return usable;
  return nth(untried);
}

}  // namespace gatehouse
