#include "proxy/upstream/pool.h"

namespace gatehouse {

std::unique_ptr<UpstreamConnection> Pool::take_idle(const Service& service, const Endpoint& endpoint) {
  const auto entry = idle_.find(endpoint);
  if (entry == idle_.end()) return nullptr;
  auto& idle = entry->second;
  for (std::size_t i = idle.size(); i-- > 0;) {
    if (!idle[i]->fits(service)) continue;
    auto connection = std::move(idle[i]);
    idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(i));
    if (connection->reading.expired() || !connection->stream().idle_and_open()) continue;
    connection->reading.clear();
    connection->reused = true;
    return connection;
  }
  return nullptr;
}

std::unique_ptr<UpstreamConnection> Pool::make(const Endpoint& endpoint) {
  return std::make_unique<UpstreamConnection>(io_, deadlines_, buffers_, endpoint);
}

void Pool::give_back(std::unique_ptr<UpstreamConnection> connection, const Service& service) {
  auto& idle = idle_[connection->endpoint()];
  if (idle.size() >= idle_per_endpoint) return;
  connection->inbox().release_if_empty();
  connection->reading.within(service.timeouts.keep_alive);
  idle.push_back(std::move(connection));
}

void Pool::sweep() {
  for (auto& [endpoint, idle] : idle_)
    std::erase_if(idle, [](const auto& connection) { return !connection->stream().idle_and_open(); });
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
}

std::size_t Pool::idle_count() const {
  std::size_t count = 0;
  for (const auto& [endpoint, idle] : idle_) count += idle.size();
  return count;
}

}  // namespace gatehouse
