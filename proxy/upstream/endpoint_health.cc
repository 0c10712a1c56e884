#include "proxy/upstream/endpoint_health.h"

#include <algorithm>

namespace gatehouse {

void EndpointHealth::failed(const Endpoint& endpoint) {
  const auto [entry, first] = ejected_.try_emplace(endpoint, Ejection{{}, first_pause});
  if (!first) entry->second.pause = std::min(entry->second.pause * 2, longest_pause);
  entry->second.until = clock_.now() + entry->second.pause;
}

bool EndpointHealth::usable(const Endpoint& endpoint) const {
  const auto entry = ejected_.find(endpoint);
  return entry == ejected_.end() || clock_.now() >= entry->second.until;
}

void EndpointHealth::sweep() {
  std::erase_if(ejected_,
                [now = clock_.now()](const auto& entry) { return now > entry.second.until + 10 * longest_pause; });
}

}  // namespace gatehouse
