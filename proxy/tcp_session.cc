#include "proxy/tcp_session.h"

#include "base/socket_options.h"
#include "proxy/proxy_protocol.h"
#include "proxy/relay.h"
#include "proxy/upstream/picker.h"

namespace gatehouse {
namespace {

constexpr std::chrono::seconds keep_alive_idle{30};  // dead peers of silent sessions are found in about 45 s

// What the session needs of its route, so that it pins no snapshot for the hours it may last.
struct Target {
  std::string route, service_name;
  std::shared_ptr<const Service> service;
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::none;
  Duration idle{};
};

Result<Target> choose_target(const ClientConnection& client, const TcpRoute& route) {
  const WeightedService* chosen = pick_service(route);
  if (!chosen || !chosen->service)
    return Failure(FailureKind::no_service, chosen ? chosen->missing : "no service has a weight");
  return Target{route.name, chosen->service->name, chosen->service, chosen->proxy_header,
                client.entry_point->timeouts.tcp_idle};
}

// Dials one endpoint after another; nothing has been promised to the client yet.
Awaitable<Result<std::unique_ptr<UpstreamConnection>>> dial(Worker& worker, const Service& service) {
  std::vector<Endpoint> tried;
  Failure last(FailureKind::no_endpoint, service.name);
  while (const Endpoint* endpoint = pick(
             service, [&](const Endpoint& e) { return worker.health.usable(e); }, tried)) {
    auto connection = worker.pool.make(*endpoint);
    auto opened = co_await connection->open(service);
    ServiceCounters& counters = worker.counters.of_service(service.name);
    if (opened) {
      ++counters.connects;
      worker.health.succeeded(*endpoint);
      co_return connection;
    }
    ++counters.failed_connects;
    if (opened.error().kind != FailureKind::internal) worker.health.failed(*endpoint);
    tried.push_back(*endpoint);
    last = opened.error();
  }
  co_return last;
}

Awaitable<Result<void>> run_session(ClientConnection& client, TcpRoutePtr route, SessionRecord& record,
                                    std::string& names) {
  Worker& worker = client.worker;
  auto target = choose_target(client, *route);
  route.reset();
  client.entry_point.reset();
  if (!target) co_return target.error();
  names = target->route + target->service_name;
  record.route = std::string_view(names).substr(0, target->route.size());
  record.service = std::string_view(names).substr(target->route.size());
  auto dialled = co_await dial(worker, *target->service);
  if (!dialled) co_return dialled.error();
  UpstreamConnection& upstream = **dialled;
  record.endpoint = upstream.endpoint();
  set_keep_alive(client.plain.socket().native_handle(), keep_alive_idle);
  set_keep_alive(upstream.plain().socket().native_handle(), keep_alive_idle);
  std::string first = write_proxy_header(target->proxy_header, client.peer, client.local);
  first.append(client.inbox.unread());
  client.inbox.consume(client.inbox.unread().size());
  client.inbox.release_if_empty();
  const RelayResult result = co_await relay(client.stream(), upstream.stream(), first, {}, RelayLimits{target->idle},
                                            worker.deadlines, worker.buffers);
  record.bytes_in = result.to_upstream;
  record.bytes_out = result.to_client;
  record.end = words(result.end);
  if (result.end == RelayResult::End::idle) co_return Failure(FailureKind::idle);
  co_return Result<void>();
}

}  // namespace

Awaitable<void> serve_tcp(ClientConnection& client, TcpRoutePtr route) {
  Worker& worker = client.worker;
  const TimePoint started = worker.clock.now();
  client.reading.clear();
  SessionRecord record;
  record.started = worker.clock.wall_now();
  record.entry_point = client.entry_point_name;
  record.client = client.peer_text;
  record.server_name = client.server_name;
  std::string names;
  ++client.counters.open_sessions;
  auto ended = co_await run_session(client, std::move(route), record, names);
  --client.counters.open_sessions;
  if (!ended) {
    record.failure = ended.error();
    if (record.end.empty()) record.end = row(record.failure->kind).name;
    client.stream().abort();  // a reset tells the client that it was not served
  }
  record.duration = worker.clock.now() - started;
  worker.record(record, client.counters);
}

}  // namespace gatehouse
