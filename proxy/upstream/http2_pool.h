// Http2Pool: this worker's shared connections to upstreams. Not thread-safe. A connection lives on without it while it
// has streams.
#pragma once

#include "proxy/upstream/http2_upstream.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class Http2Pool {
 public:
  // Somebody is connecting; the others that want the same wait for what becomes of it. Ends when it is destroyed.
  class Dial {
   public:
    Dial(Http2Pool& pool, const Service& service, const Endpoint& endpoint);
    ~Dial();
    Dial(const Dial&) = delete;
    Dial& operator=(const Dial&) = delete;
    void failed(Failure why) { outcome_->failure = std::move(why); }
    // The endpoint speaks HTTP/1.1: everybody needs a connection of their own.
    void found_http1() { outcome_->http1 = true; }

   private:
    friend class Http2Pool;
    struct Outcome {
      Outcome(asio::io_context& io, const Service& service);
      asio::steady_timer ended;  // never expires; cancelled when the dial has ended
      std::shared_ptr<const tls::ClientContext> tls;
      std::string host;
      std::optional<Failure> failure;
      bool over = false, http1 = false;
    };
    Http2Pool& pool_;
    const Endpoint endpoint_;
    std::shared_ptr<Outcome> outcome_;
  };

  Http2Pool(asio::io_context& io, Deadlines& deadlines) : io_(io), deadlines_(deadlines) {}

  // Of a connection that is open and speaks HTTP/2. Not started, and nobody else has it yet.
  std::shared_ptr<Http2Upstream> make(std::unique_ptr<UpstreamConnection> link, const Service& service);

  // One with room for another stream, or null.
  std::shared_ptr<Http2Upstream> take(const Service& service, const Endpoint& endpoint);
  void put(std::shared_ptr<Http2Upstream> connection);
  // Waits while somebody dials the same. Null: nobody does, or it is no use to wait; then the caller has to dial. The
  // failure of the dial that was waited for.
  Awaitable<Result<std::shared_ptr<Http2Upstream>>> wait(const Service& service, const Endpoint& endpoint);

  // Forgets those that have ended. Called now and then.
  void sweep();
  std::size_t idle_count() const;
  // Every connection closes when its last stream has ended, idle ones now (drain).
  void clear();

 private:
  struct Entry {
    std::vector<std::shared_ptr<Http2Upstream>> connections;
    std::vector<std::shared_ptr<Dial::Outcome>> dials;
    bool http1 = false;  // what the endpoint chose last
  };

  asio::io_context& io_;
  Deadlines& deadlines_;
  std::unordered_map<Endpoint, Entry, EndpointHash> entries_;
};

}  // namespace gatehouse
