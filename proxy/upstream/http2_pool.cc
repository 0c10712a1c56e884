#include "proxy/upstream/http2_pool.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace gatehouse {

Http2Pool::Dial::Outcome::Outcome(asio::io_context& io, const Service& service)
    : ended(io, TimePoint::max()), tls(service.tls), host(service.host) {}

Http2Pool::Dial::Dial(Http2Pool& pool, const Service& service, const Endpoint& endpoint)
    : pool_(pool), endpoint_(endpoint), outcome_(std::make_shared<Outcome>(pool.io_, service)) {
  pool_.entries_[endpoint_].dials.push_back(outcome_);
}

Http2Pool::Dial::~Dial() {
  outcome_->over = true;
  outcome_->ended.cancel();
  const auto entry = pool_.entries_.find(endpoint_);
  if (entry == pool_.entries_.end()) return;
  std::erase(entry->second.dials, outcome_);
  if (outcome_->http1) entry->second.http1 = true;
}

std::shared_ptr<Http2Upstream> Http2Pool::make(std::unique_ptr<UpstreamConnection> link, const Service& service) {
  return std::make_shared<Http2Upstream>(io_.get_executor(), deadlines_, std::move(link), service.timeouts.keep_alive);
}

std::shared_ptr<Http2Upstream> Http2Pool::take(const Service& service, const Endpoint& endpoint) {
  const auto entry = entries_.find(endpoint);
  if (entry == entries_.end()) return nullptr;
  auto& connections = entry->second.connections;
  std::erase_if(connections, [](const auto& connection) { return connection->leaving(); });
  const auto found = std::find_if(connections.begin(), connections.end(), [&](const auto& connection) {
    return connection->has_room() && connection->link().fits(service);
  });
  return found == connections.end() ? nullptr : *found;
}

void Http2Pool::put(std::shared_ptr<Http2Upstream> connection) {
  Entry& entry = entries_[connection->link().endpoint()];
  entry.http1 = false;
  entry.connections.push_back(std::move(connection));
}

Awaitable<Result<std::shared_ptr<Http2Upstream>>> Http2Pool::wait(const Service& service, const Endpoint& endpoint) {
  while (true) {
    if (auto connection = take(service, endpoint)) co_return connection;
    const auto entry = entries_.find(endpoint);
    if (entry == entries_.end() || entry->second.http1) co_return nullptr;
    const auto& dials = entry->second.dials;
    const auto same = [&](const auto& dial) { return dial->tls == service.tls && dial->host == service.host; };
    const auto found = std::find_if(dials.begin(), dials.end(), same);
    if (found == dials.end()) co_return nullptr;
    const std::shared_ptr<Dial::Outcome> dial = *found;
    error_code woken;
    while (!dial->over) co_await dial->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (dial->failure) co_return *dial->failure;
  }
}

void Http2Pool::sweep() {
  for (auto& [endpoint, entry] : entries_)
    std::erase_if(entry.connections, [](const auto& connection) { return connection->leaving(); });
  std::erase_if(entries_,
                [](const auto& entry) { return entry.second.connections.empty() && entry.second.dials.empty(); });
}

std::size_t Http2Pool::idle_count() const {
  std::size_t count = 0;
  for (const auto& [endpoint, entry] : entries_)
    count += static_cast<std::size_t>(
        std::count_if(entry.connections.begin(), entry.connections.end(),
                      [](const auto& connection) { return connection->idle() && !connection->leaving(); }));
  return count;
}

void Http2Pool::clear() {
  for (auto& [endpoint, entry] : entries_)
    for (const auto& connection : std::exchange(entry.connections, {})) connection->retire();
}

}  // namespace gatehouse
