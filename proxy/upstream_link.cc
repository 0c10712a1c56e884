#include "proxy/upstream_link.h"

namespace gatehouse {
namespace {

using Speaks = Http2Pool::Speaks;

// Where the endpoint may choose. What changes the protocol begins in HTTP/1.1 nearly everywhere: few servers of HTTP/2
// take WebSockets there (RFC 8441).
bool wants_http1(const Worker& worker, const Service& service, const Endpoint& endpoint, bool upgrade) {
  if (service.speech != UpstreamSpeech::by_alpn) return false;
  const Speaks speaks = worker.http2_pool.spoken_by(endpoint);
  return speaks == Speaks::http1_please || (upgrade && speaks != Speaks::http2_alone);
}

Awaitable<Result<UpstreamLink>> connect(Worker& worker, const Service& service, const Endpoint& endpoint,
                                        bool http1_only) {
  ServiceCounters& counters = worker.counters.of_service(service.name);
  UpstreamLink link;
  link.own = worker.pool.make(endpoint);
  auto opened = co_await link.own->open(service, http1_only);
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
    const bool of_endpoint = kind != FailureKind::internal && !(http1_only && kind == FailureKind::upstream_tls_failed);
    if (of_endpoint) worker.health.failed(endpoint);
    co_return opened.error();
  }
  ++counters.connects;
  worker.health.succeeded(endpoint);
  co_return link;
}

Awaitable<Result<UpstreamLink>> connect_once(Worker& worker, const Service& service, const Endpoint& endpoint) {
  UpstreamLink link;
  auto waited = co_await worker.http2_pool.wait(service, endpoint);
  if (!waited) co_return waited.error();
  if (*waited) {
    link.shared = std::move(*waited);
    co_return link;
  }
  Http2Pool::Dial dial(worker.http2_pool, service, endpoint);
  auto connected = co_await connect(worker, service, endpoint, false);
  if (!connected)
    dial.failed(connected.error());
  else if (connected->shared)
    worker.http2_pool.put(connected->shared);
  else
    worker.http2_pool.learn(endpoint, Speaks::http1);
  co_return connected;
}

// Servers that speak HTTP/2 alone refuse a handshake that offers HTTP/1.1, or agree on nothing, as old ones of HTTP/1.1
// do: what such an endpoint says when it may choose tells them apart.
Awaitable<Result<UpstreamLink>> connect_for_http1(Worker& worker, const Service& service, const Endpoint& endpoint) {
  auto own = co_await connect(worker, service, endpoint, true);
  const bool certain = own ? own->own->agreed() : own.error().kind != FailureKind::upstream_tls_failed;
  if (certain || (own && worker.http2_pool.spoken_by(endpoint) == Speaks::http1)) co_return own;
  auto chosen = co_await connect_once(worker, service, endpoint);
  if (chosen && chosen->shared) worker.http2_pool.learn(endpoint, Speaks::http2_alone);
  co_return chosen;
}

}  // namespace

UpstreamLink take_link(Worker& worker, const Service& service, const Endpoint& endpoint, bool upgrade) {
  UpstreamLink link;
  if (service.speech != UpstreamSpeech::http1 && !wants_http1(worker, service, endpoint, upgrade))
    link.shared = worker.http2_pool.take(service, endpoint);
  if (!link.shared && service.speech != UpstreamSpeech::http2_in_clear)
    link.own = worker.pool.take_idle(service, endpoint);
  return link;
}

Awaitable<Result<UpstreamLink>> make_link(Worker& worker, const Service& service, const Endpoint& endpoint,
                                          bool upgrade) {
  if (service.speech == UpstreamSpeech::http1) return connect(worker, service, endpoint, false);
  if (wants_http1(worker, service, endpoint, upgrade)) return connect_for_http1(worker, service, endpoint);
  return connect_once(worker, service, endpoint);
}

}  // namespace gatehouse
