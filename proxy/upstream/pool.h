// Pool: this worker's connections to upstreams that serve one exchange at a time (HTTP/1.1). ★ Keeps idle ones per
// endpoint, most recently used first, and dials new ones. Not thread-safe; outlives its connections.
#pragma once

#include "proxy/upstream/upstream_connection.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class Pool {
 public:
  Pool(asio::io_context& io, Deadlines& deadlines, Buffers& buffers)
      : io_(io), deadlines_(deadlines), buffers_(buffers) {}

  // An idle connection that still looks alive, or null. Looking is never skipped: bytes nobody asked for must not
  // become the next request's answer.
  std::unique_ptr<UpstreamConnection> take_idle(const Service& service, const Endpoint& endpoint);
  // A new one, not yet open.
  std::unique_ptr<UpstreamConnection> make(const Endpoint& endpoint);
  // Keeps a connection whose last exchange ended cleanly. It closes itself after the service's keep-alive limit.
  void give_back(std::unique_ptr<UpstreamConnection> connection, const Service& service);
  // Forgets idle connections that were closed meanwhile. Called now and then.
  void sweep();
  std::size_t idle_count() const;
  // Every idle connection is closed (drain).
  void clear() { idle_.clear(); }

 private:
  static constexpr std::size_t idle_per_endpoint = 256;

  asio::io_context& io_;
  Deadlines& deadlines_;
  Buffers& buffers_;
  std::unordered_map<Endpoint, std::vector<std::unique_ptr<UpstreamConnection>>, EndpointHash> idle_;
};

}  // namespace gatehouse
