#include "proxy/upstream_link.h"

namespace gatehouse {
namespace {

using Speaks = Http2Pool::Speaks;

// Where the endpoint may choose. What changes the protocol begins in HTTP/1.1 nearly everywhere: few servers of HTTP/2
// take WebSockets there (RFC 8441).
bool wants_http1(const Worker& worker, const Service& service, const Endpoint& endpoint, const LinkWishes& wishes) {
  if (service.speech != UpstreamSpeech::by_alpn) return false;
  if (wishes.http1) return true;
  const Speaks speaks = worker.http2_pool.spoken_by(service, endpoint);
  return wishes.upgrade ? speaks != Speaks::http2_alone : speaks == Speaks::http1_please && !wishes.grpc;
}

// The client for which a connection is made. It may leave meanwhile.
class WaitingClient {
 public:
  void leave() {
    left_ = true;
    if (making_) making_->close();
  }
  bool left() const { return left_; }
  // What its leaving ends; null: nothing.
  void waits_for(UpstreamConnection* making) { making_ = making; }

 private:
  UpstreamConnection* making_ = nullptr;
  bool left_ = false;
};

// `client`: the only one that it is of use to; null: there may be others.
Awaitable<Result<UpstreamLink>> connect(Worker& worker, const Service& service, const Endpoint& endpoint,
                                        bool http1_only, WaitingClient* client) {
  if (client && client->left()) co_return Failure(FailureKind::client_gone);
  ServiceCounters& counters = worker.counters.of_service(service.name);
  UpstreamLink link;
  link.own = worker.pool.make(endpoint);
  if (client) client->waits_for(link.own.get());
  auto opened = co_await link.own->open(service, http1_only);
  if (client) client->waits_for(nullptr);
  if (client && client->left()) co_return Failure(FailureKind::client_gone);
  if (opened && link.own->speaks_http2()) {
    link.shared = worker.http2_pool.make(std::move(link.own), service);
    opened = co_await link.shared->start(service.timeouts.dial);
    if (opened && !link.shared->has_room()) {
      link.shared->retire();
      opened = Failure(FailureKind::connect_failed, endpoint.text() + " takes no HTTP/2 requests");
    }
  }
  if (!opened) {
    ++counters.failed_connects;
    // Our own lack of descriptors says nothing about the endpoint, nor that it does not speak what one client needs.
    const FailureKind kind = opened.error().kind;
    const bool of_endpoint = kind != FailureKind::internal && !(http1_only && kind == FailureKind::upgrade_refused);
    if (of_endpoint) worker.health.failed(endpoint);
    co_return opened.error();
  }
  ++counters.connects;
  worker.health.succeeded(endpoint);
  co_return link;
}

Awaitable<Result<UpstreamLink>> connect_once(Worker& worker, const Service& service, const Endpoint& endpoint,
                                             WaitingClient& client) {
  UpstreamLink link;
  auto waited = co_await worker.http2_pool.wait(service, endpoint);
  if (!waited) co_return waited.error();
  if (client.left()) co_return Failure(FailureKind::client_gone);
  if (*waited) {
    link.shared = std::move(*waited);
    co_return link;
  }
  Http2Pool::Dial dial(worker.http2_pool, service, endpoint);
  auto connected = co_await connect(worker, service, endpoint, false, nullptr);
  if (!connected)
    dial.failed(connected.error());
  else if (connected->shared)
    worker.http2_pool.put(connected->shared, service);
  else
    worker.http2_pool.learn(service, endpoint, Speaks::http1);
  co_return connected;
}

// HTTP/1.1 alone was not agreed on: what the endpoint chooses now tells what it speaks. Connections of before say
// nothing of that. `own` is what there was of HTTP/1.1.
Awaitable<Result<UpstreamLink>> ask_what_it_speaks(Worker& worker, const Service& service, const Endpoint& endpoint,
                                                   LinkWishes wishes, Result<UpstreamLink> own, WaitingClient& client) {
  auto chosen = co_await connect(worker, service, endpoint, false, &client);
  if (!chosen) co_return own;
  if (!chosen->shared) {
    worker.http2_pool.learn(service, endpoint, Speaks::http1);
    co_return chosen;
  }
  const bool carries = !wishes.websocket || chosen->shared->opens_tunnels();
  if (carries || !worker.http2_pool.take(service, endpoint))
    worker.http2_pool.put(chosen->shared, service);
  else
    chosen->shared->retire();
  if (carries) {
    worker.http2_pool.learn(service, endpoint, Speaks::http2_alone);
    co_return chosen;
  }
  co_return Failure(FailureKind::upgrade_refused,
                    "neither HTTP/1.1 nor WebSockets over HTTP/2 (RFC 8441) at " + endpoint.text());
}

// Servers that speak HTTP/2 alone refuse a handshake that offers HTTP/1.1, or agree on nothing, as old ones of HTTP/1.1
// do. Whatever else goes wrong with it says nothing about versions.
Awaitable<Result<UpstreamLink>> connect_for_http1(Worker& worker, const Service& service, const Endpoint& endpoint,
                                                  LinkWishes wishes, WaitingClient& client) {
  auto own = co_await connect(worker, service, endpoint, true, &client);
  const Speaks speaks = worker.http2_pool.spoken_by(service, endpoint);
  const bool asked_for = wishes.http1 || speaks == Speaks::http1 || speaks == Speaks::http1_please;
  const bool certain = own ? own->own->agreed() || asked_for : own.error().kind != FailureKind::upgrade_refused;
  if (certain) co_return own;
  if (speaks == Speaks::http2_alone)
    co_return co_await connect_once(worker, service, endpoint, client);  // learnt meanwhile
  co_return co_await ask_what_it_speaks(worker, service, endpoint, wishes, std::move(own), client);
}

Awaitable<Result<UpstreamLink>> make_link_for(WaitingClient& client, Worker& worker, const Service& service,
                                              const Endpoint& endpoint, LinkWishes wishes) {
  if (service.speech == UpstreamSpeech::http1) co_return co_await connect(worker, service, endpoint, false, &client);
  if (wants_http1(worker, service, endpoint, wishes))
    co_return co_await connect_for_http1(worker, service, endpoint, wishes, client);
  co_return co_await connect_once(worker, service, endpoint, client);
}

}  // namespace

UpstreamLink take_link(Worker& worker, const Service& service, const Endpoint& endpoint, const LinkWishes& wishes) {
  UpstreamLink link;
  const bool http1 = service.speech == UpstreamSpeech::http1 || wants_http1(worker, service, endpoint, wishes);
  if (!http1) link.shared = worker.http2_pool.take(service, endpoint);
  if (link.shared || service.speech == UpstreamSpeech::http2_in_clear) return link;
  // Those of refused upgrades may be there where HTTP/2 is spoken.
  if (http1 || worker.http2_pool.spoken_by(service, endpoint) == Speaks::http1)
    link.own = worker.pool.take_idle(service, endpoint);
  return link;
}

Awaitable<Result<UpstreamLink>> make_link(Worker& worker, const Service& service, const Endpoint& endpoint,
                                          LinkWishes wishes, Exchange& exchange) {
  WaitingClient client;
  exchange.when_gone([&client] { client.leave(); });
  Result<UpstreamLink> link;
  std::exception_ptr bug;  // no guard: where a worker ends, the exchange may be gone before this coroutine's frame
  try {
    link = co_await make_link_for(client, worker, service, endpoint, wishes);
  } catch (...) {
    bug = std::current_exception();
  }
  exchange.when_gone(nullptr);
  if (bug) std::rethrow_exception(bug);
  if (client.left()) co_return Failure(FailureKind::client_gone);
  co_return link;
}

}  // namespace gatehouse
