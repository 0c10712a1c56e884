// A load balancer: hands connections to servers in turn, those that refuse passed over.
#pragma once

#include "base/asio.h"
#include "tests/doubles/proxy/peer.h"

#include <boost/asio/ip/tcp.hpp>

#include <thread>
#include <vector>

namespace gatehouse::end_to_end {

class Balancer {
 public:
  Balancer(std::uint16_t port, std::vector<Endpoint> servers);
  ~Balancer();
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;

 private:
  using tcp = asio::ip::tcp;
  using Wire = std::shared_ptr<tcp::socket>;

  Awaitable<void> accept();
  Awaitable<void> serve(Wire client);
  static Awaitable<void> copy(Wire from, Wire to);

  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  const std::vector<Endpoint> servers_;
  std::size_t turn_ = 0;
  std::thread thread_;
};

}  // namespace gatehouse::end_to_end
