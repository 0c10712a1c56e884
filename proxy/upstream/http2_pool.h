// Http2Pool: this worker's shared connections to upstreams, and what it has learnt of the versions that endpoints
// speak. Not thread-safe. A connection lives on without it while it has streams.
#pragma once

#include "proxy/upstream/http2_upstream.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class Http2Pool {
  // Who is spoken to. Over TLS many may answer at one address: which of them, the server name says.
  struct PeerView {
    PeerView(const Service& service, const Endpoint& endpoint);
    PeerView(const Endpoint& e, const tls::ClientContext* t, std::string_view h) : endpoint(e), tls(t), host(h) {}
    bool operator==(const PeerView&) const = default;
    Endpoint endpoint;
    const tls::ClientContext* tls;
    std::string_view host;  // empty without TLS
  };
  struct Peer {
    Peer(const Service& service, const Endpoint& endpoint);
    operator PeerView() const { return {endpoint, tls.get(), host}; }
    Endpoint endpoint;
    std::shared_ptr<const tls::ClientContext> tls;  // held, so that no other can have its address
    std::string host;
  };

 public:
  // What an endpoint was found to speak where it could choose, asked for by the service's host. Believed for 5 minutes.
  enum class Speaks : std::uint8_t {
    unknown,
    http1,  // chose it over HTTP/2, or agrees on nothing
    http1_please,  // HTTP/2, and ended a connection to have HTTP/1.1 (HTTP_1_1_REQUIRED, RFC 9113 §7)
    http2_alone,  // did not agree on HTTP/1.1 alone, but right after that on HTTP/2
  };

  // Somebody is connecting; others that want the same wait for what becomes of it, as many as the connection will
  // probably take. Ends when it is destroyed.
  class Dial {
   public:
    Dial(Http2Pool& pool, const Service& service, const Endpoint& endpoint);
    ~Dial();
    Dial(const Dial&) = delete;
    Dial& operator=(const Dial&) = delete;
    void failed(Failure why) { outcome_->failure = std::move(why); }

   private:
    friend class Http2Pool;
    struct Outcome {
      Outcome(asio::io_context& io, std::size_t more);
      asio::steady_timer ended;  // never expires; cancelled when the dial has ended
      std::optional<Failure> failure;
      std::size_t places;  // for how many more it may do
      bool over = false;
    };
    Http2Pool& pool_;
    const Peer peer_;
    std::shared_ptr<Outcome> outcome_;
  };

  Http2Pool(asio::io_context& io, Deadlines& deadlines) : io_(io), deadlines_(deadlines) {}

  // Of a connection that is open and speaks HTTP/2. Not started, and nobody else has it yet.
  std::shared_ptr<Http2Upstream> make(std::unique_ptr<UpstreamConnection> link, const Service& service);

  // One with room for another stream, or null.
  std::shared_ptr<Http2Upstream> take(const Service& service, const Endpoint& endpoint);
  // `service`: what the connection was made for.
  void put(std::shared_ptr<Http2Upstream> connection, const Service& service);
  // Waits while somebody dials the same. Null: nobody does, or it is no use to wait; then the caller has to dial. The
  // failure of the dial that was waited for. Two dials are waited for at most.
  Awaitable<Result<std::shared_ptr<Http2Upstream>>> wait(const Service& service, const Endpoint& endpoint);

  Speaks spoken_by(const Service& service, const Endpoint& endpoint) const;
  // `what`: unknown forgets.
  void learn(const Service& service, const Endpoint& endpoint, Speaks what);

  // Forgets those that have ended, and what is no longer believed. Called now and then.
  void sweep();
  std::size_t idle_count() const;
  // Every connection closes when its last stream has ended, idle ones now (drain).
  void clear();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const PeerView& peer) const;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const PeerView& a, const PeerView& b) const { return a == b; }
  };
  struct Entry {
    std::vector<std::shared_ptr<Http2Upstream>> connections;
    std::vector<std::shared_ptr<Dial::Outcome>> dials;
    std::size_t streams = Http2Upstream::most_streams;  // that the last connection took at once
    Speaks speaks = Speaks::unknown;
    TimePoint believed_until;
  };

  Speaks spoken_by(const Entry& entry) const;
  Entry& entry_of(const Service& service, const Endpoint& endpoint);
  // One with a place left, or null.
  static std::shared_ptr<Dial::Outcome> dial_of(const Entry& entry);

  asio::io_context& io_;
  Deadlines& deadlines_;
  std::unordered_map<Peer, Entry, Hash, Equal> entries_;
};

}  // namespace gatehouse
