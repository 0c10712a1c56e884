// Pool: this worker's connections to upstreams. ★ Keeps idle ones per endpoint, most recently used first, and dials new
// ones. Not thread-safe; outlives its connections.
#pragma once

#include "base/buffers.h"
#include "base/deadline.h"
#include "base/names.h"
#include "base/result.h"
#include "proxy/http/inbox.h"
#include "proxy/http/message.h"
#include "proxy/route/service.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse {

// One connection to one endpoint.
class UpstreamConnection {
 public:
  UpstreamConnection(asio::io_context& io, Deadlines& deadlines, Buffers& buffers, const Endpoint& endpoint);

  Stream& stream() { return tls_ ? *tls_ : static_cast<Stream&>(plain_); }
  PlainStream& plain() { return plain_; }
  const Endpoint& endpoint() const { return endpoint_; }

  // Connects, then TLS when the service asks for it, all within its dial limit.
  Awaitable<Result<void>> open(const Service& service);
  void close() { plain_.close(); }

  Inbox& inbox() { return inbox_; }

 private:
  friend class Pool;
  Endpoint endpoint_;
  PlainStream plain_;
  std::unique_ptr<Stream> tls_;
  Inbox inbox_;

 public:
  Deadline reading;  // limit on the answer
  StallLimit writing;  // limit on the upstream taking our bytes
  ResponseHead response;  // of the exchange in progress
  bool reused = false;  // has served before: it may have been closed by the upstream meanwhile

 private:
  std::shared_ptr<const tls::ClientContext> tls_context_;  // held, so that no other can have its address
  std::string tls_host_;
};

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
  static bool fits(const UpstreamConnection& connection, const Service& service);

  asio::io_context& io_;
  Deadlines& deadlines_;
  Buffers& buffers_;
  std::unordered_map<Endpoint, std::vector<std::unique_ptr<UpstreamConnection>>, EndpointHash> idle_;
};

}  // namespace gatehouse
