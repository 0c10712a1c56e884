#include "proxy/connection.h"

#include "base/socket_options.h"
#include "proxy/http1_loop.h"
#include "proxy/http2_loop.h"
#include "proxy/proxy_protocol.h"
#include "proxy/tcp_session.h"
#include "tls/client_hello.h"
#include "tls/handshake.h"

#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>

namespace gatehouse {
namespace {

constexpr char tls_record = 0x16;
constexpr Duration goodbye = std::chrono::seconds(5);

Endpoint endpoint_of(const Socket::endpoint_type& raw) {
  if (raw.protocol().family() != AF_INET && raw.protocol().family() != AF_INET6) return {};
  asio::ip::tcp::endpoint address;
  address.resize(raw.size());
  std::memcpy(address.data(), raw.data(), raw.size());
  return {unmapped(address.address()), address.port()};
}

// Says why a connection ended before it became a request or a session.
void record_failure(ClientConnection& client, Failure failure) {
  SessionRecord record;
  record.started = client.worker.clock.wall_now();
  record.entry_point = client.entry_point_name;
  record.client = client.peer_text;
  record.server_name = client.server_name;
  record.end = row(failure.kind).name;
  record.failure = std::move(failure);
  client.worker.record(record, client.counters);
}

// Reads more of what the client says first. Nothing is lost: the bytes stay unread in the inbox.
Awaitable<Result<bool>> gather(ClientConnection& client, FailureKind too_late) {
  const auto read = co_await client.inbox.gather(tls::ClientHelloReader::max_bytes);
  if (client.reading.expired()) co_return Failure(too_late);
  if (!read) co_return Failure(FailureKind::client_gone, read.error().message());
  co_return *read > 0;
}

// A load balancer's word about the real client, where one is expected.
Awaitable<Result<void>> read_proxy_header(ClientConnection& client) {
  const EntryPoint& entry_point = *client.entry_point;
  if (!entry_point.proxy_protocol) co_return Result<void>();
  if (!entry_point.proxy_protocol_from_all && !entry_point.proxy_protocol_from.contains(client.peer.address))
    co_return Result<void>();  // unlisted peers speak for themselves; their bytes are never taken for a header
  client.reading.within(entry_point.timeouts.proxy_header);
  while (true) {
    if (!client.inbox.unread().empty()) {
      auto header = gatehouse::read_proxy_header(client.inbox.unread());
      if (!header) co_return header.error();
      if (header->size > 0) {
        client.inbox.consume(header->size);
        if (header->source) client.peer = *header->source;
        if (header->destination) client.local = *header->destination;
        client.peer_text = client.peer.address.to_string();
        break;
      }
    }
    auto more = co_await gather(client, FailureKind::bad_proxy_header);
    if (!more) co_return more.error();
    if (!*more) co_return Failure(FailureKind::bad_proxy_header, "the client closed");
  }
  client.reading.clear();
  co_return Result<void>();
}

TcpConnectionFacts facts_of(const ClientConnection& client, const tls::ClientHello* hello) {
  TcpConnectionFacts facts;
  facts.client = client.peer.address;
  if (hello) facts.sni = hello->server_name, facts.alpn = hello->alpn;
  return facts;
}

// What the first bytes, or none of them, say a connection is.
struct Protocol {
  enum class Kind : std::uint8_t { http, https, tcp, tcp_over_tls } kind = Kind::http;
  TcpRoutePtr route;  // with the tcp kinds
};

// A TCP route's own, or else the entry point's; a host's own are chosen by the server name.
TlsOptionsPtr usual_options(const EntryPoint& entry_point, const Protocol& protocol) {
  return protocol.route && protocol.route->tls_options ? protocol.route->tls_options : entry_point.tls.options;
}

// What costs a worker most, and its memory, waits for the client's first byte, and then for its turn.
Awaitable<Result<void>> wait_for_handshake(ClientConnection& client) {
  client.reading.within(client.entry_point->timeouts.handshake);
  error_code error = co_await client.plain.wait_readable();
  if (!error) co_await client.worker.costly.next(client.peer.address);
  if (client.reading.expired()) co_return Failure(FailureKind::handshake_timeout);
  // Who has given up meanwhile costs nothing more.
  if (error || client.plain.peer_gone())
    co_return Failure(FailureKind::handshake_failed, "closed before the handshake");
  co_return Result<void>();
}

// False: a certificate authority has seen the answer to its challenge, and nothing else is to be said.
Awaitable<Result<bool>> start_tls(ClientConnection& client, const Protocol& protocol) {
  Worker& worker = client.worker;
  const EntryPoint& entry_point = *client.entry_point;
  client.tls_options = usual_options(entry_point, protocol);
  if (!client.tls_options || !client.tls_options->can_be_met())
    co_return Failure(FailureKind::handshake_failed, "the TLS options of the entry point cannot be used");
  const bool carries_http = protocol.kind == Protocol::Kind::https;
  const auto context = [http2 = carries_http && entry_point.tls.http2](const TlsOptions& options) {
    return http2 ? options.with_http2 : options.without_http2;
  };
  // What was read to look at it is put back for the handshake to read.
  client.plain.unread(client.inbox.unread());
  client.inbox.consume(client.inbox.unread().size());
  client.inbox.release_if_empty();
  auto ready = co_await wait_for_handshake(client);
  if (!ready) co_return ready.error();
  const SnapshotPtr snapshot = worker.snapshot;
  tls::ChooseContext own_context = [&](std::string_view server_name) -> std::shared_ptr<const tls::ServerContext> {
    const HostTlsOptions own = carries_http ? entry_point.http->tls_options(server_name) : HostTlsOptions{};
    // Of a host whose options cannot be met nothing is served; its clients are told so.
    if (own.named_by == nullptr || !own.options()->can_be_met()) return nullptr;
    client.tls_options = own.named_by->tls_options;
    return context(*client.tls_options);
  };
  tls::ChooseCertificate choose = [&](std::string_view server_name) {
    const tls::CertificateStore& store = *snapshot->certificates;
    if (client.tls_options->sni_strict && !store.find(server_name) && !store.may_issue(server_name))
      return tls::CertificatePtr();
    return worker.certificates.choose(store, server_name, worker.clock.wall_now());
  };
  auto usual = context(*client.tls_options);
  auto accepted = co_await tls::accept_tls(client.plain, std::move(usual), std::move(choose), snapshot->challenges,
                                           std::move(own_context));
  if (!accepted && client.reading.expired()) co_return Failure(FailureKind::handshake_timeout);
  if (!accepted) co_return accepted.error();
  client.reading.clear();
  client.tls = std::move(accepted->stream);
  client.server_name = std::move(accepted->server_name);
  client.inbox.attach(*client.tls);
  ++client.counters.handshakes;
  if (accepted->resumed) ++client.counters.resumed_handshakes;
  client.http2 = accepted->alpn == "h2";
  co_return !accepted->validates;
}

Protocol tcp_protocol(const std::shared_ptr<const EntryPoint>& entry_point, const TcpRoute& route) {
  const auto kind = route.tls == TcpTls::terminate ? Protocol::Kind::tcp_over_tls : Protocol::Kind::tcp;
  return {kind, TcpRoutePtr(entry_point, &route)};
}

Awaitable<Result<tls::ClientHello>> read_client_hello(ClientConnection& client) {
  using Verdict = tls::ClientHelloReader::Verdict;
  client.reading.within(client.entry_point->timeouts.handshake);
  tls::ClientHelloReader reader;
  std::size_t fed = 0;
  while (true) {
    const Verdict verdict = reader.feed(client.inbox.unread().substr(fed));
    fed = client.inbox.unread().size();
    if (verdict == Verdict::complete) break;
    // Fail closed: a name that cannot be read never falls back to a laxer route.
    if (verdict != Verdict::need_more) co_return Failure(FailureKind::handshake_failed, reader.problem());
    auto more = co_await gather(client, FailureKind::handshake_timeout);
    if (!more) co_return more.error();
    if (!*more) co_return Failure(FailureKind::handshake_failed, "the ClientHello is cut short");
  }
  client.reading.clear();
  co_return reader.hello();
}

// A certificate authority that looks for the answer to a pending challenge (RFC 8737): it must not end up at an
// upstream, even where the host's connections are passed through.
bool validates_challenge(const ClientConnection& client, const tls::ClientHello& hello) {
  return hello.alpn.size() == 1 && hello.alpn.front() == tls::challenge_protocol &&
         client.worker.snapshot->challenges->tls_answer(hello.server_name) != nullptr;
}

// A TLS connection on an entry point that also has TLS routes for TCP: the most specific host decides.
Result<Protocol> choose_by_server_name(const ClientConnection& client, const tls::ClientHello& hello) {
  const auto& entry_point = client.entry_point;
  const TcpConnectionFacts facts = facts_of(client, &hello);
  const RouteTable& http = *entry_point->http;
  const bool https = entry_point->tls.options != nullptr;
  if (https && validates_challenge(client, hello)) return Protocol{Protocol::Kind::https, {}};
  if (https && http.has_specific_tls_host(facts.sni)) return Protocol{Protocol::Kind::https, {}};
  if (const TcpRoute* route = entry_point->tcp->match_tls(facts, true)) return tcp_protocol(entry_point, *route);
  if (https && http.has_any_tls_host()) return Protocol{Protocol::Kind::https, {}};
  if (const TcpRoute* route = entry_point->tcp->match_tls(facts, false)) return tcp_protocol(entry_point, *route);
  if (https && (entry_point->tls.required || !entry_point->tcp->has_tls())) return Protocol{Protocol::Kind::https, {}};
  return Failure(FailureKind::no_route, hello.server_name.empty() ? "no server name" : hello.server_name);
}

// Whether the client begins with HTTP/2's preface (RFC 9113 §3.4), which no HTTP/1 request can.
Awaitable<Result<bool>> begins_http2(ClientConnection& client) {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  client.reading.within(client.entry_point->timeouts.head);
  if (client.inbox.unread().empty() && co_await client.stream().wait_readable()) co_return false;
  while (true) {
    const std::string_view bytes = client.inbox.unread().substr(0, preface.size());
    if (!preface.starts_with(bytes)) break;
    if (bytes.size() == preface.size()) co_return true;
    auto more = co_await gather(client, FailureKind::head_timeout);
    if (!more) co_return more.error();
    if (!*more) break;
  }
  client.reading.clear();
  co_return false;
}

// With TLS the handshake has agreed on the version; without, an HTTP/2 client knows before (RFC 9113 §3.3).
Awaitable<Result<void>> serve_http(ClientConnection& client) {
  if (!client.tls && client.entry_point->http2_cleartext) {
    auto begins = co_await begins_http2(client);
    if (client.reading.expired() && client.inbox.unread().empty()) co_return Result<void>();  // it never spoke
    if (!begins) co_return begins.error();
    client.http2 = *begins;
  }
  if (client.http2) co_return co_await serve_http2(client);
  co_await serve_http1(client);
  co_return Result<void>();
}

// Waits for the first bytes. False: silence, which means that the server is to speak first.
Awaitable<Result<bool>> sniff(ClientConnection& client, Duration limit) {
  if (!client.inbox.unread().empty()) co_return true;
  client.reading.within(limit);
  const error_code error = co_await client.stream().wait_readable();
  if (client.reading.expired()) co_return false;
  if (error) co_return Failure(FailureKind::client_gone, error.message());
  auto more = co_await gather(client, FailureKind::head_timeout);
  client.reading.clear();
  if (more && !*more) co_return Failure(FailureKind::client_gone);
  co_return more;
}

// A client may have been silent for long, and a TCP session is never looked at again. False: the entry point is gone.
bool to_what_holds_now(ClientConnection& client) {
  client.refresh();
  return client.entry_point != nullptr;
}

Failure no_entry_point() { return Failure(FailureKind::no_route, "the entry point is gone"); }

// Several protocols on one port: the first byte decides between TLS and plain.
Awaitable<Result<Protocol>> choose_by_first_bytes(ClientConnection& client) {
  const TcpRoute* plain = client.entry_point->tcp->match_plain(facts_of(client, nullptr));
  const ClientTimeouts& limits = client.entry_point->timeouts;
  auto spoke = co_await sniff(client, plain ? limits.sniff : limits.handshake);
  if (!spoke) co_return spoke.error();
  if (!to_what_holds_now(client)) co_return no_entry_point();
  const auto entry_point = client.entry_point;
  plain = entry_point->tcp->match_plain(facts_of(client, nullptr));
  if (!*spoke && !plain) co_return Failure(FailureKind::head_timeout);
  if (*spoke && client.inbox.unread().front() == tls_record) {
    if (entry_point->tcp->has_tls()) {
      auto hello = co_await read_client_hello(client);
      if (!hello) co_return hello.error();
      client.server_name = hello->server_name;
      if (!to_what_holds_now(client)) co_return no_entry_point();
      co_return choose_by_server_name(client, *hello);
    }
    if (entry_point->tls.options) co_return Protocol{Protocol::Kind::https, {}};
  }
  if (plain) co_return tcp_protocol(entry_point, *plain);
  if (entry_point->tls.required) co_return Failure(FailureKind::no_protocol, "plain bytes where TLS is required");
  co_return Protocol{Protocol::Kind::http, {}};
}

// An entry point that carries one protocol never looks at the first bytes.
Awaitable<Result<Protocol>> choose_protocol(ClientConnection& client) {
  const EntryPoint& entry_point = *client.entry_point;
  const TcpRouteTable& tcp = *entry_point.tcp;
  if (tcp.has_plain() && !tcp.has_tls() && !entry_point.tls.required && entry_point.http->empty()) {
    const TcpRoute* route = tcp.match_plain(facts_of(client, nullptr));
    if (!route) co_return Failure(FailureKind::no_route, "no TCP route for this client");
    co_return tcp_protocol(client.entry_point, *route);
  }
  if (tcp.empty() && entry_point.tls.required) co_return Protocol{Protocol::Kind::https, {}};
  if (tcp.empty() && !entry_point.tls.options) co_return Protocol{Protocol::Kind::http, {}};
  co_return co_await choose_by_first_bytes(client);
}

Awaitable<Result<void>> serve(ClientConnection& client, Protocol protocol) {
  using Kind = Protocol::Kind;
  if (protocol.kind == Kind::https || protocol.kind == Kind::tcp_over_tls) {
    auto started = co_await start_tls(client, protocol);
    if (!started) co_return started.error();
    if (!*started) co_return Result<void>();
  }
  if (protocol.kind == Kind::tcp || protocol.kind == Kind::tcp_over_tls)
    co_await serve_tcp(client, std::move(protocol.route));
  else
    co_return co_await serve_http(client);
  co_return Result<void>();
}

}  // namespace

ClientConnection::ClientConnection(Worker& w, Socket socket, std::shared_ptr<const EntryPoint> entry)
    : worker(w),
      plain(std::move(socket)),
      reading(w.deadlines, plain),
      writing(w.deadlines, plain),
      inbox(plain, w.buffers),
      entry_point(std::move(entry)),
      entry_point_name(entry_point->name),
      counters(w.counters.entry_points[entry_point_name]) {
  error_code ignored;
  set_no_delay(plain.socket().native_handle());
  peer = endpoint_of(plain.socket().remote_endpoint(ignored));
  local = endpoint_of(plain.socket().local_endpoint(ignored));
  peer_text = peer.address.to_string();
  next = worker.connections;
  if (next) next->previous = this;
  worker.connections = this;
  ++worker.connection_count;
  ++counters.connections;
  ++counters.open_connections;
}

ClientConnection::~ClientConnection() {
  (previous ? previous->next : worker.connections) = next;
  if (next) next->previous = previous;
  --worker.connection_count;
  --counters.open_connections;
  worker.left();
}

bool ClientConnection::refresh() {
  entry_point = worker.snapshot->find_entry_point(entry_point_name);
  return entry_point && !worker.draining;
}

Awaitable<void> serve_connection(Worker& worker, Socket socket, std::shared_ptr<const EntryPoint> entry_point) {
  ClientConnection client(worker, std::move(socket), std::move(entry_point));
  auto served = co_await read_proxy_header(client);
  if (served) {
    auto protocol = co_await choose_protocol(client);
    if (protocol)
      served = co_await serve(client, std::move(*protocol));
    else
      served = protocol.error();
  }
  if (!served) record_failure(client, served.error());
  // Polite for TLS (close_notify), and a FIN for all.
  if (!served || !client.tls) co_return;
  client.writing.within(goodbye);
  co_await client.tls->shutdown_write();
}

}  // namespace gatehouse
