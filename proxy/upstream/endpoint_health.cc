#include "proxy/upstream/endpoint_health.h"

#include <algorithm>

namespace gatehouse {

void EndpointHealth::failed(const Endpoint& endpoint) {
  const TimePoint now = clock_.now();
  const auto [entry, first] = ejected_.try_emplace(endpoint, Ejection{{}, first_pause});
  Ejection& ejection = entry->second;
  if (!first && now < ejection.until) return;  // the same outage, seen by another request
  if (!first) ejection.pause = std::min(ejection.pause * 2, longest_pause);
  ejection.until = now + ejection.pause;
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
