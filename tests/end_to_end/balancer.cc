#include "tests/end_to_end/balancer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace gatehouse::end_to_end {

Balancer::Balancer(std::uint16_t port, std::vector<Endpoint> servers)
    : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), port)), servers_(std::move(servers)) {
  asio::co_spawn(io_, accept(), asio::detached);
  thread_ = std::thread([this] { io_.run(); });
}

Balancer::~Balancer() {
  io_.stop();
  thread_.join();
}

Awaitable<void> Balancer::accept() {
  for (;;) {
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) asio::co_spawn(io_, serve(std::make_shared<tcp::socket>(std::move(socket))), asio::detached);
  }
}

Awaitable<void> Balancer::serve(Wire client) {
  const std::size_t first = turn_++;
  for (std::size_t tries = 0; tries < servers_.size(); ++tries) {
    const Endpoint& server = servers_[(first + tries) % servers_.size()];
    const auto upstream = std::make_shared<tcp::socket>(io_);
    const tcp::endpoint there(server.address, server.port);
    error_code error;
    co_await upstream->async_connect(there, asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    asio::co_spawn(io_, copy(upstream, client), asio::detached);
    co_return co_await copy(client, upstream);
  }
}

Awaitable<void> Balancer::copy(Wire from, Wire to) {
  std::array<char, 16384> bytes;
  error_code error;
  while (!error) {
    const auto count =
        co_await from->async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(*to, asio::buffer(bytes, count), asio::redirect_error(asio::use_awaitable, error));
  }
  error_code ignored;
  to->shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace gatehouse::end_to_end
