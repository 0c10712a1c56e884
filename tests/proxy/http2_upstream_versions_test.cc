// Which version an HTTPS upstream is spoken to in: it chooses, and what it says of that is remembered for a while.
#include "tests/doubles/proxy/http2_upstreams.h"

#include <openssl/ssl.h>

namespace gatehouse {
namespace {

using namespace h2;

constexpr std::uint32_t http_1_1_required = 13;
constexpr std::string_view grpc_request =
    "POST /a.B/C HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/grpc\r\nContent-Length: 3\r\n\r\nabc";

struct Http2UpstreamsByAlpn : Http2UpstreamLimits {
  Http2UpstreamsByAlpn() { proxy.publish_and_wait({cleartext({to(https(upstream.endpoint()))})}); }
  // With a server that takes these; none: it knows nothing of ALPN.
  Result<std::unique_ptr<TlsPeer>> handshake(std::vector<std::string> alpn) {
    tls::ServerPolicy policy;
    policy.alpn = std::move(alpn);
    return TlsPeer::accept(upstream.accept(), tls::make_server_context(policy, nullptr).value(),
                           tls::make_self_signed({}, SystemClock().wall_now()).value());
  }
  std::unique_ptr<TlsPeer> accept(std::vector<std::string> alpn) { return handshake(std::move(alpn)).value(); }
  // Grants the WebSocket that the client has asked for as one that speaks HTTP/2 alone, which is known from then on.
  std::unique_ptr<ServerEnd> grant_by_http2_alone(RawPeer& client) {
    EXPECT_FALSE(handshake({"h2"}));
    auto server = std::make_unique<ServerEnd>(accept({"h2"}), setting(connect_protocol, 1));
    server->send(answer_head(server->request(), "200"));
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    return server;
  }
  // The same server is another one when it comes back.
  void end_tunnel(ServerEnd& server, RawPeer& client) {
    server.close();
    client.await_end();
  }
};

TEST_F(Http2UpstreamsByAlpn, Http2IsSpokenWhereItIsChosen) {
  RawPeer client = ask(gatehouse::get("/"));
  ServerEnd server(accept({"h2", "http/1.1"}));
  const std::uint32_t stream = server.request();
  EXPECT_EQ(server.so_far(stream).fields.at(":scheme"), "https");
  server.send(answered(stream, "two"));
  EXPECT_EQ(client.read_message().body, "two");
}

TEST_F(Http2UpstreamsByAlpn, Http1IsSpokenWhereHttp2IsNotChosen) {
  RawPeer client = ask(gatehouse::get("/")), other = ask(gatehouse::get("/"));
  for (int i = 0; i < 2; ++i) {  // each has a connection of its own
    auto server = accept({"http/1.1"});
    EXPECT_EQ(server->read_message().start_line, "GET / HTTP/1.1");
    server->send(ok("one", "Connection: close\r\n"));
  }
  EXPECT_EQ(client.read_message().body, "one");
  EXPECT_EQ(other.read_message().body, "one");
}

TEST_F(Http2UpstreamsByAlpn, AnUpgradeGetsAConnectionThatCanBeUpgraded) {
  RawPeer client = ask(gatehouse::get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  auto server = accept({"h2", "http/1.1"});
  EXPECT_EQ(server->read_message().field("upgrade"), "websocket");
  server->send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
  EXPECT_EQ(client.read(5), "hello");
}

// There is no HTTP/1.1 to upgrade from: what is known of that is kept.
TEST_F(Http2UpstreamsByAlpn, AWebSocketToWhoSpeaksHttp2AloneIsAnExtendedConnect) {
  RawPeer client = ask(websocket_request());
  EXPECT_FALSE(handshake({"h2"}));  // HTTP/1.1 was offered
  ServerEnd server(accept({"h2"}), setting(connect_protocol, 1));
  const std::uint32_t stream = server.request();
  EXPECT_EQ(server.so_far(stream).fields.at(":protocol"), "websocket");
  server.send(answer_head(stream, "200") + frame(data, 0, stream, "hello"));
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(client.read(5), "hello");
  RawPeer another = ask(websocket_request());
  const std::uint32_t beside = server.request();
  server.send(answer_head(beside, "200"));
  EXPECT_TRUE(another.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  EXPECT_FALSE(upstream.pending());
}

TEST_F(Http2UpstreamsByAlpn, AWebSocketThatNoVersionCarriesIsRefusedWithTheReason) {
  RawPeer client = ask(websocket_request());
  EXPECT_FALSE(handshake({"h2"}));
  ServerEnd server(accept({"h2"}));
  EXPECT_EQ(client.read_message().status(), 502);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure").as_string(), "upgrade_refused");
  EXPECT_NE(line.at("detail").as_string().find("RFC 8441"), std::string::npos);
  RawPeer plain = ask(gatehouse::get("/"));  // the connection serves others
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(plain.read_message().body, "fine");
}

TEST_F(Http2UpstreamsByAlpn, WhoSpokeHttp2AloneIsBelievedWhenItChoosesHttp1) {
  RawPeer client = ask(websocket_request());
  end_tunnel(*grant_by_http2_alone(client), client);
  RawPeer another = ask(websocket_request());
  auto changed = accept({"http/1.1"});  // both are offered
  EXPECT_EQ(changed->read_message().field("upgrade"), "websocket");
  RawPeer third = ask(websocket_request());
  auto known = accept({"h2", "http/1.1"});  // it has no choice any more
  EXPECT_EQ(known->read_message().field("upgrade"), "websocket");
}

TEST_F(Http2UpstreamsByAlpn, WhoSpokeHttp2AloneIsAskedAnewWhenItTakesNoWebSockets) {
  RawPeer client = ask(websocket_request());
  end_tunnel(*grant_by_http2_alone(client), client);
  RawPeer another = ask(websocket_request());
  ServerEnd changed(accept({"h2", "http/1.1"}));
  auto asked_again = accept({"h2", "http/1.1"});
  EXPECT_EQ(asked_again->read_message().field("upgrade"), "websocket");
}

TEST_F(Http2UpstreamsByAlpn, WhoSpokeHttp2AloneIsAskedAnewAfterAWhile) {
  RawPeer client = ask(websocket_request());
  const auto server = grant_by_http2_alone(client);
  proxy.pass(std::chrono::minutes(5) + std::chrono::seconds(1));
  RawPeer another = ask(websocket_request());
  auto asked_again = accept({"h2", "http/1.1"});
  EXPECT_EQ(asked_again->read_message().field("upgrade"), "websocket");
}

// Servers that do not insist on agreeing are of two kinds.
TEST_F(Http2UpstreamsByAlpn, WhoAgreesOnNothingIsAskedWhatItSpeaks) {
  RawPeer client = ask(websocket_request());
  auto undecided = accept({});
  ServerEnd server(accept({"h2"}), setting(connect_protocol, 1));
  const std::uint32_t stream = server.request();
  EXPECT_EQ(server.so_far(stream).fields.at(":protocol"), "websocket");
}

TEST_F(Http2UpstreamsByAlpn, WhoKnowsNothingOfAlpnSpeaksHttp1) {
  RawPeer client = ask(websocket_request());
  auto undecided = accept({});
  auto server = accept({});
  EXPECT_EQ(server->read_message().field("upgrade"), "websocket");
  RawPeer another = ask(websocket_request());
  auto once = accept({});  // it is known now
  EXPECT_EQ(once->read_message().field("upgrade"), "websocket");
}

// One path's wish is not the endpoint's.
TEST_F(Http2UpstreamsByAlpn, ARequestIsAskedOverHttp1WhereItsResetSaysSo) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server(accept({"h2", "http/1.1"}));
  server.send(h2::reset(server.request(), http_1_1_required));
  auto asked_again = accept({"http/1.1"});
  const Message request = asked_again->read_message();
  EXPECT_EQ(request.start_line, "POST / HTTP/1.1");
  EXPECT_EQ(request.body, "abc");
  asked_again->send(ok("done"));
  EXPECT_EQ(client.read_message().body, "done");
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 2);
  client.send(gatehouse::get("/"));
  server.send(answered(server.request(), "here"));
  EXPECT_EQ(client.read_message().body, "here");
}

// HTTP/1.1 is of no use to it.
TEST_F(Http2UpstreamsByAlpn, AGrpcCallWhoseResetAsksForHttp1Fails) {
  RawPeer client = ask(grpc_request);
  ServerEnd server(accept({"h2", "http/1.1"}));
  server.send(h2::reset(server.request(), http_1_1_required));
  EXPECT_EQ(client.read_message().field("grpc-status"), "14");
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 1);
  client.send(grpc_request);
  server.send(answered(server.request(), "here"));
  EXPECT_EQ(client.read_message().body, "here");
  EXPECT_FALSE(upstream.pending());
}

// To gRPC-Web it is.
TEST_F(Http2UpstreamsByAlpn, AGrpcWebCallWhoseResetAsksForHttp1IsAskedOverIt) {
  RawPeer client = ask(
      "POST /a.B/C HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/grpc-web\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server(accept({"h2", "http/1.1"}));
  server.send(h2::reset(server.request(), http_1_1_required));
  auto asked_again = accept({"http/1.1"});
  EXPECT_EQ(asked_again->read_message().start_line, "POST /a.B/C HTTP/1.1");
}

TEST_F(Http2UpstreamsByAlpn, Http1IsSpokenForAWhileWhereAGoawayAsksForIt) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server(accept({"h2", "http/1.1"}));
  ASSERT_NE(server.request(), 0u);
  server.send(frame(goaway, 0, 0, number(0) + number(http_1_1_required)));
  auto asked_again = accept({});  // that it does not know ALPN changes nothing
  EXPECT_EQ(asked_again->read_message().start_line, "POST / HTTP/1.1");
  asked_again->send(ok("done"));
  EXPECT_EQ(client.read_message().body, "done");
  client.send(gatehouse::get("/"));
  EXPECT_EQ(asked_again->read_message().start_line, "GET / HTTP/1.1");
  asked_again->send(ok("again"));
  EXPECT_EQ(client.read_message().body, "again");
  RawPeer call = ask(grpc_request);  // has no use for HTTP/1.1
  ServerEnd calls(accept({"h2", "http/1.1"}));
  calls.send(answered(calls.request(), "call"));
  EXPECT_EQ(call.read_message().body, "call");
  proxy.pass(std::chrono::minutes(5) + std::chrono::seconds(1));
  RawPeer later = ask(gatehouse::get("/"));
  ServerEnd fresh(accept({"h2", "http/1.1"}));
  fresh.send(answered(fresh.request(), "two"));
  EXPECT_EQ(later.read_message().body, "two");
}

// One address, as of a load balancer outside: each host behind it speaks what it speaks.
TEST_F(Http2UpstreamsByAlpn, WhatAHostSpeaksIsNotWhatItsNeighbourDoes) {
  const auto host = https(upstream.endpoint()), neighbour = https(upstream.endpoint());
  neighbour->tls = host->tls;
  neighbour->host = "b.example";
  proxy.publish_and_wait({cleartext({to(host), to(neighbour, "b.example")})});
  RawPeer client = ask(gatehouse::get("/"));
  ServerEnd server(accept({"h2", "http/1.1"}));
  ASSERT_NE(server.request(), 0u);
  server.send(frame(goaway, 0, 0, number(0) + number(http_1_1_required)));
  auto asked_again = accept({"h2", "http/1.1"});
  EXPECT_EQ(asked_again->read_message().start_line, "GET / HTTP/1.1");
  RawPeer other = ask("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n");
  ServerEnd beside(accept({"h2", "http/1.1"}));
  beside.send(answered(beside.request(), "two"));
  EXPECT_EQ(other.read_message().body, "two");
  RawPeer third = ask(gatehouse::get("/"));
  auto believed = accept({"h2", "http/1.1"});
  EXPECT_EQ(believed->read_message().start_line, "GET / HTTP/1.1");
}

// It stays open and idle; nobody who would rather have HTTP/2 gets it.
TEST_F(Http2UpstreamsByAlpn, ARefusedUpgradesConnectionIsForUpgrades) {
  RawPeer client = ask(websocket_request());
  auto refusing = accept({"http/1.1"});
  EXPECT_EQ(refusing->read_message().field("upgrade"), "websocket");
  refusing->send(ok("no"));
  EXPECT_EQ(client.read_message().body, "no");
  RawPeer call = ask(grpc_request);
  ServerEnd server(accept({"h2", "http/1.1"}));
  server.send(answered(server.request(), "call"));
  EXPECT_EQ(call.read_message().body, "call");
  client.send(websocket_request());
  EXPECT_EQ(refusing->read_message().field("upgrade"), "websocket");
}

// What is shared already says nothing about why a handshake failed.
TEST_F(Http2UpstreamsByAlpn, AHandshakeCutOffSaysNothingAboutVersions) {
  RawPeer plain = ask(gatehouse::get("/"));
  ServerEnd server(accept({"h2", "http/1.1"}));
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(plain.read_message().body, "fine");
  RawPeer client = ask(websocket_request());
  upstream.accept().reset();
  EXPECT_EQ(client.read_message().status(), 502);
  RawPeer another = ask(websocket_request());
  auto willing = accept({"http/1.1"});
  EXPECT_EQ(willing->read_message().field("upgrade"), "websocket");
}

TEST_F(Http2UpstreamsByAlpn, Http2ThatWasNotOfferedIsNotSpoken) {
  RawPeer client = ask(websocket_request());
  const auto context = tls::make_server_context({}, nullptr).value();
  const auto choose = [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char*, unsigned,
                         void*) {
    *chosen = reinterpret_cast<const unsigned char*>("h2");
    *size = 2;
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_alpn_select_cb(context->native(), choose, nullptr);
  auto server =
      TlsPeer::accept(upstream.accept(), context, tls::make_self_signed({}, SystemClock().wall_now()).value());
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "upstream_tls_failed");
}

// A body that is gone cannot be sent again, in no version.
TEST_F(Http2UpstreamsByAlpn, WhatCannotBeSentAgainIsNotAskedOverHttp1) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc");
  ServerEnd server(accept({"h2", "http/1.1"}));
  const std::uint32_t stream = server.request();
  server.await(data);
  client.send("d");
  server.await(data);
  server.send(h2::reset(stream, http_1_1_required));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 1);
}

}  // namespace
}  // namespace gatehouse
