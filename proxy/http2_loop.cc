#include "proxy/http2_loop.h"

#include "proxy/forward.h"
#include "proxy/http/http2_server.h"
#include "proxy/request_facts.h"

namespace gatehouse {
namespace {

Http2Link link_of(ClientConnection& client) {
  Worker& worker = client.worker;
  return {worker.io.get_executor(),
          client.stream(),
          client.plain,
          client.inbox,
          worker.deadlines,
          worker.requests,
          [&client] { return client.worker.costly.next(client.peer.address); },
          client.reading,
          client.writing,
          worker.clock,
          client.counters.http2_refusals};
}

constexpr std::uint32_t head_bytes_of_a_stream = 16 * 1024;  // on average, when all are open

constexpr std::uint32_t widest_stream_window = 4 * 1024 * 1024;  // half of it in 100 ms: 160 Mbit/s
constexpr std::uint32_t most_widened = 6 * 1024 * 1024;          // of a connection

Http2Terms terms_of(const EntryPoint& entry_point, Http2WindowShare& share) {
  const ClientTimeouts& timeouts = entry_point.timeouts;
  const ClientLimits& limits = entry_point.limits;
  Http2Terms terms;
  terms.limits.head_bytes = static_cast<std::uint32_t>(limits.head_bytes);
  terms.limits.streams = limits.http2_streams;
  const std::size_t heads = std::size_t{limits.http2_streams} * head_bytes_of_a_stream;
  terms.limits.heads_bytes = std::max(terms.limits.heads_bytes, heads);
  terms.limits.widest_stream_window = widest_stream_window;
  terms.limits.most_widened = most_widened;
  terms.limits.share = &share;
  terms.head = {limits.target_bytes, limits.fields};
  terms.head_bytes = limits.head_bytes;
  terms.head_time = timeouts.head;
  terms.keep_alive = timeouts.keep_alive;
  terms.body_idle = timeouts.body_idle;
  terms.write_idle = timeouts.write_idle;
  terms.requests = limits.requests_per_connection;
  return terms;
}

// Several run at once on one connection; each uses the snapshot that is in force when it begins.
Awaitable<void> serve_exchange(ClientConnection& client, Http2Exchange& exchange) {
  Worker& worker = client.worker;
  const TimePoint started = worker.clock.now();
  auto entry_point = worker.snapshot->find_entry_point(client.entry_point_name);
  const RequestHead& request = exchange.request();
  ExchangeRecord record = begin_record(client, request, "HTTP/2.0");
  const bool trusted = entry_point && is_trusted(client, *entry_point);
  const std::string address = entry_point ? resolve_client(client, *entry_point, request, trusted) : client.peer_text;
  record.client = address;
  exchange.set_origin({address, client.peer_text, trusted, client.tls != nullptr}, worker.date.at(record.started));
  if (!exchange.head())
    co_await refuse(exchange, exchange.head().error(), record);
  else if (!entry_point)
    co_await refuse(exchange, Failure(FailureKind::no_route, "the entry point is gone"), record);
  else
    co_await forward(exchange, client, entry_point, record);
  record.bytes_in = std::max(record.bytes_in, exchange.body_received());
  record.duration = worker.clock.now() - started;
  worker.record(record, client.counters);
}

}  // namespace

Awaitable<Result<void>> serve_http2(ClientConnection& client) {
  Http2Connection connection(link_of(client), terms_of(*client.entry_point, client.worker.http2_windows),
                             [&client](Http2Exchange& exchange) { return serve_exchange(client, exchange); });
  if (!client.refresh()) connection.drain();
  client.entry_point.reset();  // an open connection pins no old routes
  client.wind_down = [&connection] { connection.drain(); };
  const auto forget = [](ClientConnection* c) { c->wind_down = nullptr; };
  const std::unique_ptr<ClientConnection, decltype(forget)> wound(&client, forget);  // an exception passes here too
  co_return co_await connection.run();
}

}  // namespace gatehouse
