#include "proxy/upstream/http2_pool.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

constexpr Duration belief = std::chrono::minutes(5);
constexpr int most_waits = 2;

}  // namespace

Http2Pool::PeerView::PeerView(const Service& service, const Endpoint& e)
    : PeerView(e, service.tls.get(), service.tls ? std::string_view(service.host) : std::string_view()) {}

Http2Pool::Peer::Peer(const Service& service, const Endpoint& e)
    : endpoint(e), tls(service.tls), host(service.tls ? service.host : "") {}

std::size_t Http2Pool::Hash::operator()(const PeerView& peer) const {
  const std::size_t address = EndpointHash()(peer.endpoint);
  return (address * 31 + std::hash<const void*>()(peer.tls)) * 31 + std::hash<std::string_view>()(peer.host);
}

Http2Pool::Dial::Outcome::Outcome(asio::io_context& io, std::size_t more) : ended(io, TimePoint::max()), places(more) {}

// Who dials has the first place.
Http2Pool::Dial::Dial(Http2Pool& pool, const Service& service, const Endpoint& endpoint)
    : pool_(pool), peer_(service, endpoint) {
  Entry& entry = pool.entries_[peer_];
  outcome_ = std::make_shared<Outcome>(pool.io_, entry.streams - 1);
  entry.dials.push_back(outcome_);
}

Http2Pool::Dial::~Dial() {
  outcome_->over = true;
  outcome_->ended.cancel();
  const auto entry = pool_.entries_.find(peer_);
  if (entry != pool_.entries_.end()) std::erase(entry->second.dials, outcome_);
}

std::shared_ptr<Http2Upstream> Http2Pool::make(std::unique_ptr<UpstreamConnection> link, const Service& service) {
  return std::make_shared<Http2Upstream>(io_.get_executor(), deadlines_, std::move(link), service.timeouts.keep_alive);
}

std::shared_ptr<Http2Upstream> Http2Pool::take(const Service& service, const Endpoint& endpoint) {
  const auto entry = entries_.find(PeerView(service, endpoint));
  if (entry == entries_.end()) return nullptr;
  auto& connections = entry->second.connections;
  std::erase_if(connections, [](const auto& connection) { return connection->leaving(); });
  const auto found = std::find_if(connections.begin(), connections.end(),
                                  [](const auto& connection) { return connection->has_room(); });
  return found == connections.end() ? nullptr : *found;
}

void Http2Pool::put(std::shared_ptr<Http2Upstream> connection, const Service& service) {
  Entry& entry = entry_of(service, connection->link().endpoint());
  if (entry.speaks == Speaks::http1) entry.speaks = Speaks::unknown;
  entry.streams = std::max<std::size_t>(connection->most_at_once(), 1);
  entry.connections.push_back(std::move(connection));
}

Http2Pool::Entry& Http2Pool::entry_of(const Service& service, const Endpoint& endpoint) {
  return entries_.try_emplace(Peer(service, endpoint)).first->second;
}

std::shared_ptr<Http2Pool::Dial::Outcome> Http2Pool::dial_of(const Entry& entry) {
  const auto found =
      std::find_if(entry.dials.begin(), entry.dials.end(), [](const auto& dial) { return dial->places > 0; });
  return found == entry.dials.end() ? nullptr : *found;
}

Awaitable<Result<std::shared_ptr<Http2Upstream>>> Http2Pool::wait(const Service& service, const Endpoint& endpoint) {
  error_code woken;
  for (int waits = 0; waits < most_waits; ++waits) {
    if (auto connection = take(service, endpoint)) co_return connection;
    const auto entry = entries_.find(PeerView(service, endpoint));
    if (entry == entries_.end() || spoken_by(entry->second) == Speaks::http1) co_return nullptr;
    const std::shared_ptr<Dial::Outcome> dial = dial_of(entry->second);
    if (!dial) co_return nullptr;
    --dial->places;
    while (!dial->over) co_await dial->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (dial->failure) co_return *dial->failure;
  }
  co_return take(service, endpoint);
}

Http2Pool::Speaks Http2Pool::spoken_by(const Entry& entry) const {
  if (entry.speaks == Speaks::unknown || deadlines_.now() >= entry.believed_until) return Speaks::unknown;
  return entry.speaks;
}

Http2Pool::Speaks Http2Pool::spoken_by(const Service& service, const Endpoint& endpoint) const {
  const auto entry = entries_.find(PeerView(service, endpoint));
  return entry == entries_.end() ? Speaks::unknown : spoken_by(entry->second);
}

void Http2Pool::learn(const Service& service, const Endpoint& endpoint, Speaks what) {
  Entry& entry = entry_of(service, endpoint);
  entry.speaks = what;
  entry.believed_until = deadlines_.now() + belief;
}

void Http2Pool::sweep() {
  for (auto& [peer, entry] : entries_)
    std::erase_if(entry.connections, [](const auto& connection) { return connection->leaving(); });
  std::erase_if(entries_, [this](const auto& known) {
    const Entry& entry = known.second;
    return entry.connections.empty() && entry.dials.empty() && spoken_by(entry) == Speaks::unknown;
  });
}

std::size_t Http2Pool::idle_count() const {
  std::size_t count = 0;
  for (const auto& [peer, entry] : entries_)
    count += static_cast<std::size_t>(
        std::count_if(entry.connections.begin(), entry.connections.end(),
                      [](const auto& connection) { return connection->idle() && !connection->leaving(); }));
  return count;
}

void Http2Pool::clear() {
  for (auto& [peer, entry] : entries_)
    for (const auto& connection : std::exchange(entry.connections, {})) connection->retire();
}

}  // namespace gatehouse
