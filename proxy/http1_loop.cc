#include "proxy/http1_loop.h"

#include "proxy/forward.h"
#include "proxy/http/http1_server.h"
#include "proxy/request_facts.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {
namespace {

Http1Link link_of(ClientConnection& client) {
  const ClientTimeouts& timeouts = client.entry_point->timeouts;
  return {client.stream(),          client.plain,       client.inbox,
          client.reading,           client.writing,     client.worker.deadlines,
          client.worker.departures, timeouts.body_idle, timeouts.write_idle,
          &client.worker.draining};
}

// Between two requests: no block of memory, no snapshot is held. False when the connection is over. `served`: so far.
Awaitable<bool> wait_for_request(ClientConnection& client, std::uint32_t served) {
  if (!client.refresh()) co_return false;
  if (!client.inbox.unread().empty()) {  // pipelined: hundreds may be here already, and the other clients wait
    if (served % 16 == 0) co_await asio::post(asio::use_awaitable);
    co_return true;
  }
  client.inbox.release_if_empty();
  client.reading.within(client.entry_point->timeouts.keep_alive);
  client.entry_point.reset();
  client.idle = true;
  const error_code error = co_await client.stream().wait_readable();
  client.idle = false;
  client.reading.clear();
  if (error) co_return false;
  // Also while draining: what has arrived is served, and the answer says that it is the last.
  client.entry_point = client.worker.snapshot->find_entry_point(client.entry_point_name);
  co_return client.entry_point != nullptr;
}

// Has one request answered and recorded. `head`: how reading it went. True when another may follow.
Awaitable<bool> serve_exchange(ClientConnection& client, RequestHead& request, Result<bool> head, bool last) {
  Worker& worker = client.worker;
  const TimePoint started = worker.clock.now();
  if (!head) request = RequestHead{};
  // What holds now is what it is judged by, however long its head, or the handshake before, took.
  auto newest = worker.snapshot->find_entry_point(client.entry_point_name);
  const bool gone = !newest;
  if (!gone) client.entry_point = std::move(newest);
  ExchangeRecord record = begin_record(client, request, request.minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1");
  const bool trusted = is_trusted(client, *client.entry_point);
  const std::string address = resolve_client(client, *client.entry_point, request, trusted);
  record.client = address;
  const Origin origin{address, client.peer_text, trusted, client.tls != nullptr};
  const Http1Link link = link_of(client);
  Http1Exchange exchange(link, request, origin, worker.date.at(record.started), head && !last && !worker.draining);
  if (!head)
    co_await refuse(exchange, head.error(), record);
  else if (gone)
    co_await refuse(exchange, Failure(FailureKind::no_route, "the entry point is gone"), record);
  else
    co_await forward(exchange, client, client.entry_point, record);
  record.bytes_in = std::max(record.bytes_in, exchange.body_received());
  record.duration = worker.clock.now() - started;
  worker.record(record, client.counters);
  // The client expects the connection to go on and may have sent more: a plain close would be a reset, and that can
  // take the answer away.
  const bool unexpected_end =
      exchange.answer_begun() && !exchange.reusable() && request.keep_alive && record.status != 101;
  if (exchange.must_linger() || unexpected_end) co_await linger(link, worker.clock);
  client.inbox.release_head();
  co_return exchange.reusable();
}

}  // namespace

Awaitable<void> serve_http1(ClientConnection& client) {
  // The first request is owed at once: a connection that says nothing is closed after the head's limit.
  for (std::uint32_t served = 1;; ++served) {
    if (served > 1 && !co_await wait_for_request(client, served)) co_return;
    const EntryPoint& entry_point = *client.entry_point;
    RequestHead request;
    request.fields.reserve(16);
    const HeadLimits limits{entry_point.limits.target_bytes, entry_point.limits.fields};
    auto head = co_await read_request_head(link_of(client), entry_point.timeouts.head, entry_point.limits.head_bytes,
                                           limits, request);
    const bool silent = head ? !*head : head.error().kind == FailureKind::head_timeout && client.inbox.unread().empty();
    if (silent) co_return;
    const bool last = entry_point.limits.requests_per_connection == served;
    if (!co_await serve_exchange(client, request, std::move(head), last)) co_return;
  }
}

}  // namespace gatehouse
