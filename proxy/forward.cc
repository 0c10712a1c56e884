#include "proxy/forward.h"

#include "proxy/admin.h"
#include "proxy/http/error_page.h"
#include "proxy/http/grpc.h"
#include "proxy/relay.h"
#include "proxy/route_choice.h"
#include "proxy/upstream/attempt.h"
#include "proxy/upstream/http2_attempt.h"
#include "proxy/upstream/picker.h"
#include "proxy/upstream/retry.h"
#include "proxy/upstream_link.h"

namespace gatehouse {
namespace {

constexpr std::string_view acme_path = "/.well-known/acme-challenge/";

// What a certificate authority asks for (RFC 8555 §8.3), if its challenge is pending. It asks on the plain port, but
// follows redirections and comes through load balancers, so any entry point answers.
const std::string* challenge_answer(const Exchange& exchange, const tls::ChallengeBoard& board) {
  const RequestHead& request = exchange.request();
  if (board.empty() || (request.method != "GET" && request.method != "HEAD")) return nullptr;
  HostBuffer buffer;
  const auto host = host_of_authority(request.authority, buffer);
  return host ? board.http_answer_to_path(*host, request.path) : nullptr;
}

Awaitable<void> answer_challenge(Exchange& exchange, std::string answer, ExchangeRecord& record) {
  record.route = "ACME challenge";
  record.status = 200;
  std::vector<HeaderField> fields{{"Content-Type", "text/plain", HeaderId::other}};
  (void)co_await exchange.respond(record.status, std::move(fields), answer);
}

// Plain requests on an entry point that sends them elsewhere; ACME challenges and what a trusted load balancer
// already decrypted stay.
bool is_redirected(const Exchange& exchange, const EntryPoint& entry_point) {
  return entry_point.redirection && !exchange.request().path.starts_with(acme_path) &&
         client_scheme(exchange.request(), exchange.origin()) != entry_point.redirection->scheme;
}

// 301/302 let a browser's GET be GET; other methods need 308/307 to stay what they are.
std::uint16_t redirection_status(std::string_view method, bool permanent) {
  const bool safe = method == "GET" || method == "HEAD";
  if (permanent) return safe ? 301 : 308;
  return safe ? 302 : 307;
}

Awaitable<void> redirect(Exchange& exchange, const Redirection& to, ExchangeRecord& record) {
  const RequestHead& request = exchange.request();
  HostBuffer buffer;
  std::string location = to.scheme + "://";
  location.append(host_of_authority(request.authority, buffer).value_or(""));
  if (!to.port.empty()) location.append(":").append(to.port);
  location.append(request.target.starts_with('/') ? "" : "/").append(request.target == "*" ? "" : request.target);
  record.status = redirection_status(request.method, to.permanent);
  std::vector<HeaderField> fields{{"Location", location, HeaderId::other}};
  (void)co_await exchange.respond(record.status, std::move(fields), {});
}

// This answer is the last on the connection: HTTP/2 is told by GOAWAY, for the streams that are open go on.
void send_away(Exchange& exchange, const ClientConnection& client) {
  exchange.end_connection();
  if (client.wind_down) client.wind_down();
}

// The endpoint whose turn it is, or the one the client's cookie names.
const Endpoint* choose_endpoint(const Service& service, const RequestHead& request, const EndpointHealth& health,
                                std::span<const Endpoint> tried) {
  if (service.sticky && tried.empty())
    if (const Endpoint* kept = sticky_endpoint(service, request.find(HeaderId::cookie)); kept && health.usable(*kept))
      return kept;
  if (health.all_usable())
    return pick(
        service, [](const Endpoint&) { return true; }, tried);
  return pick(
      service, [&](const Endpoint& endpoint) { return health.usable(endpoint); }, tried);
}

// What a tunnel's record still needs when the snapshot it began with is long gone.
void keep_names(ExchangeRecord& record) {
  record.kept_names.append(record.route).append(record.service);
  const std::string_view names = record.kept_names;
  record.service = names.substr(record.route.size());
  record.route = names.substr(0, record.route.size());
}

// `upstream` and what it has sent beyond its head.
Awaitable<void> tunnel(Exchange& exchange, ClientConnection& client, std::shared_ptr<const EntryPoint>& entry_point,
                       Stream& upstream, std::string from_upstream, ExchangeRecord& record) {
  const RelayLimits limits{entry_point->timeouts.tunnel_idle};
  keep_names(record);
  entry_point.reset();
  const RelayResult result = co_await relay(exchange.tunnel(), upstream, {}, from_upstream, limits,
                                            client.worker.deadlines, client.worker.buffers);
  record.bytes_in += result.to_upstream;
  record.bytes_out += result.to_client;
}

// The way a request takes through its attempts.
struct Sending {
  Exchange& exchange;
  ClientConnection& client;
  std::shared_ptr<const EntryPoint>& entry_point;
  const Service& service;
  ExchangeRecord& record;
  std::string head;  // as it goes upstream
  std::optional<BodyPiece> first;  // what of the body was at hand
  RetryState state;
  LinkWishes wishes;
  bool keeps_endpoint = false;  // the next attempt is made at the same one
};

template <class AnyAttempt>
void note(ExchangeRecord& record, const AnyAttempt& attempt) {
  record.bytes_in = attempt.bytes_in();
  record.bytes_out = attempt.bytes_out();
  record.status = attempt.status_sent();
  record.grpc_status = attempt.grpc_status();
}

// One request's reset says nothing about the others.
void learn_version(Worker& worker, const Service& service, const Http2Upstream& upstream, FailureKind failure) {
  if (service.speech != UpstreamSpeech::by_alpn) return;
  const Endpoint& endpoint = upstream.link().endpoint();
  if (upstream.wants_http1())
    worker.http2_pool.learn(service, endpoint, Http2Pool::Speaks::http1_please);
  else if (failure == FailureKind::upgrade_refused)
    worker.http2_pool.learn(service, endpoint, Http2Pool::Speaks::unknown);
}

LinkWishes wishes_of(const RequestHead& request) {
  return {.upgrade = !request.upgrade.empty(),
          .websocket = request.method == "GET" && same_name(request.upgrade, "websocket"),
          .grpc = calls_grpc(request)};
}

// True when the exchange has been answered; else `sending.state` knows how it failed.
Awaitable<bool> try_http2(Sending& sending, std::shared_ptr<Http2Upstream> upstream) {
  Worker& worker = sending.client.worker;
  sending.record.upstream_protocol = "HTTP/2.0";
  Http2Attempt attempt(sending.exchange, upstream, sending.service, sending.head, sending.first);
  auto answered = co_await attempt.run();
  note(sending.record, attempt);
  if (worker.draining) upstream->retire();
  if (answered && sending.record.status == 101)
    co_await tunnel(sending.exchange, sending.client, sending.entry_point, attempt.tunnel(), {}, sending.record);
  if (answered) co_return true;
  const bool over_http1 =
      sending.service.speech == UpstreamSpeech::by_alpn && !sending.wishes.grpc && attempt.asks_for_http1();
  if (over_http1) sending.wishes.http1 = sending.keeps_endpoint = true;
  learn_version(worker, sending.service, *upstream, answered.error().kind);
  if (attempt.unprocessed() || over_http1)
    sending.state.failed_unprocessed(answered.error(), upstream->leaving(), attempt.body_lost());
  else
    sending.state.failed_after_sending(answered.error(), upstream->reused() && upstream->leaving(),
                                       attempt.body_lost());
  co_return false;
}

// Sends the request to one endpoint after another until one answers. Returns how it failed, if all did.
Awaitable<std::optional<Failure>> send_and_receive(Exchange& exchange, ClientConnection& client,
                                                   std::shared_ptr<const EntryPoint>& entry_point,
                                                   std::shared_ptr<const Service> service, ExchangeRecord& record) {
  Worker& worker = client.worker;
  const RequestHead& request = exchange.request();
  auto first = exchange.piece_now();
  if (!first) co_return first.error();
  Sending sending{exchange, client, entry_point, *service, record, {}, *first, {}, wishes_of(request)};
  RetryState& state = sending.state;
  sending.head.reserve(1024);
  write_upstream_request(sending.head, request, exchange.origin(), service->pass_host_header ? "" : service->host);
  std::vector<Endpoint> tried;
  const Endpoint* endpoint = nullptr;
  while (true) {
    if (!std::exchange(sending.keeps_endpoint, false))
      endpoint = choose_endpoint(*service, request, worker.health, tried);
    if (!endpoint)
      co_return state.last_failure ? *state.last_failure : Failure(FailureKind::no_endpoint, service->name);
    ++record.attempts;
    record.endpoint = *endpoint;
    Result<UpstreamLink> link = take_link(worker, *service, *endpoint, sending.wishes);
    if (!*link) link = co_await make_link(worker, *service, *endpoint, sending.wishes, exchange);
    bool answered = false;
    if (!link)
      state.failed_to_connect(link.error());
    else if (link->shared)
      answered = co_await try_http2(sending, std::move(link->shared));
    if (link && link->own) {
      UpstreamConnection& upstream = *link->own;
      record.upstream_protocol = "HTTP/1.1";
      Attempt attempt(exchange, upstream, *service, sending.head, *first);
      auto received = co_await attempt.run();
      note(record, attempt);
      answered = received.has_value();
      if (!answered) {
        state.failed_after_sending(received.error(), upstream.reused, attempt.body_lost());
      } else if (record.status == 101) {
        upstream.reading.clear();
        std::string from_upstream(upstream.inbox().unread());
        co_await tunnel(exchange, client, entry_point, upstream.stream(), std::move(from_upstream), record);
      } else if (attempt.reusable() && !worker.draining) {
        worker.pool.give_back(std::move(link->own), *service);
      }
    }
    if (answered) co_return std::nullopt;
    if (!may_retry(state, request, exchange.answer_begun())) co_return state.last_failure;
    // A pooled connection that had died says nothing about its endpoint.
    if (!state.stale_connection) tried.push_back(*endpoint);
  }
}

}  // namespace

Awaitable<void> refuse(Exchange& exchange, Failure failure, ExchangeRecord& record) {
  const std::uint16_t status = row(failure.kind).status;
  record.failure = std::move(failure);
  if (exchange.answer_begun() || status == 0 || status == 499) {
    exchange.break_off();
    co_return;
  }
  record.status = status;
  if (status == 400) exchange.end_connection();
  if (asks_for_grpc(exchange.request())) {
    record.status = 200;
    record.grpc_status = outcome_of_call(exchange.request(), status, {}, {});
    (void)co_await exchange.respond(200, grpc_refusal(exchange.request(), row(record.failure->kind)), {});
    co_return;
  }
  std::vector<HeaderField> fields{{"Content-Type", "text/plain; charset=utf-8", HeaderId::other}};
  if (status == 503) fields.push_back({"Retry-After", "1", HeaderId::other});
  const std::string page = error_page(record.failure->kind);
  (void)co_await exchange.respond(status, std::move(fields), page);
}

Awaitable<void> forward(Exchange& exchange, ClientConnection& client, std::shared_ptr<const EntryPoint>& entry_point,
                        ExchangeRecord& record) {
  Admin* const admin = entry_point->admin ? client.worker.admin : nullptr;
  if (admin && !is_outdated(client, *entry_point)) {
    co_await admin->answer(exchange, record);
    co_return;
  }
  if (const std::string* answer = challenge_answer(exchange, *client.worker.snapshot->challenges)) {
    co_await answer_challenge(exchange, *answer, record);
    co_return;
  }
  if (is_redirected(exchange, *entry_point)) {
    co_await redirect(exchange, *entry_point->redirection, record);
    co_return;
  }
  const RouteChoice choice = choose_route(exchange, client, *entry_point);
  if (choice.outdated) send_away(exchange, client);
  if (choice.refusal) {
    Failure failure = *choice.refusal;
    co_await refuse(exchange, std::move(failure), record);
    co_return;
  }
  const HttpRoute* route = choice.route;
  record.route = route->name;
  if (!route->service) {
    Failure failure(FailureKind::no_service, route->missing);
    co_await refuse(exchange, std::move(failure), record);
    co_return;
  }
  record.service = route->service->name;
  auto failure = co_await send_and_receive(exchange, client, entry_point, route->service, record);
  if (failure) co_await refuse(exchange, std::move(*failure), record);
}

}  // namespace gatehouse
