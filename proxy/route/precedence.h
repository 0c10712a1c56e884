// Which of several matching HTTP routes comes first. Plain functions over the route model.
#pragma once

#include "proxy/route/route.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace gatehouse {

// The priority Traefik gives a route that asks for none: the length of the rule it would have written
// (facts: Host(`h`) && PathPrefix(`/p`)); the global default backend comes last of all.
std::int64_t default_priority(const HttpRoute& route);

// What a route counts when one of the two compared has an explicit priority: its own or the default; an overlay
// counts more than anything.
std::int64_t effective_priority(const HttpRoute& route);

// How specifically a route names its host.
enum class HostLevel : std::uint8_t { exact, wildcard, any };
HostLevel host_level(std::string_view host);

// Sorted by host (exact, wildcard, any; then by name) and, within each host, in matching order:
// overlays, then Exact before the others, longest first, Prefix before regex, order given. Those with an explicit
// priority come highest first, each before the first other route that it outdoes by effective_priority: where that
// other does not match, a later one may still outdo it, which one list cannot show.
std::vector<HttpRoutePtr> in_matching_order(std::vector<HttpRoutePtr> routes);

}  // namespace gatehouse
