#include "proxy/upstream/pool.h"

#include "base/socket_options.h"
#include "tls/client_context.h"
#include "tls/handshake.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {
namespace {

Awaitable<Result<void>> connect(PlainStream& plain, const Endpoint& endpoint, const Deadline& limit) {
  Socket& socket = plain.socket();
  const asio::ip::tcp::endpoint address(endpoint.address, endpoint.port);
  error_code error;
  socket.open(asio::generic::stream_protocol(address.protocol()), error);
  if (error) co_return Failure(FailureKind::internal, error.message());
  socket.non_blocking(true, error);
  set_no_delay(socket.native_handle());
  const asio::generic::stream_protocol::endpoint generic(address);
  co_await socket.async_connect(generic, asio::redirect_error(asio::use_awaitable, error));
  if (limit.expired()) co_return Failure(FailureKind::connect_timeout, endpoint.text());
  if (error) co_return Failure(FailureKind::connect_failed, endpoint.text() + ": " + error.message());
  co_return Result<void>();
}

}  // namespace

UpstreamConnection::UpstreamConnection(asio::io_context& io, Deadlines& deadlines, Buffers& buffers,
                                       const Endpoint& endpoint)
    : endpoint_(endpoint),
      plain_(Socket(io)),
      inbox_(plain_, buffers),
      reading(deadlines, plain_),
      writing(deadlines, plain_) {}

Awaitable<Result<void>> UpstreamConnection::open(const Service& service) {
  reading.within(service.timeouts.dial);
  auto connected = co_await connect(plain_, endpoint_, reading);
  if (!connected) co_return connected.error();
  if (service.tls) {
    std::string name = service.host.empty() ? endpoint_.address.to_string() : service.host;
    auto tls = co_await tls::connect_tls(plain_, service.tls, std::move(name));
    if (!tls) co_return Failure(FailureKind::upstream_tls_failed, endpoint_.text() + ": " + describe(tls.error()));
    tls_ = std::move(*tls);
    inbox_.attach(*tls_);
    tls_context_ = service.tls;
    tls_host_ = service.host;
  }
  reading.clear();
  co_return Result<void>();
}

bool Pool::fits(const UpstreamConnection& connection, const Service& service) {
  return connection.tls_context_ == service.tls && (!service.tls || connection.tls_host_ == service.host);
}

std::unique_ptr<UpstreamConnection> Pool::take_idle(const Service& service, const Endpoint& endpoint) {
  const auto entry = idle_.find(endpoint);
  if (entry == idle_.end()) return nullptr;
  auto& idle = entry->second;
  for (std::size_t i = idle.size(); i-- > 0;) {
    if (!fits(*idle[i], service)) continue;
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
