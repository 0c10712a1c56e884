// What bad requests, missing routes and failing upstreams get.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

struct Refusal : testing::Test {
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))})};

  // Sends and expects this status, a closed connection, and nothing at the upstream.
  void refused(std::string_view request, int status) {
    SCOPED_TRACE(std::string(request.substr(0, 100)));
    RawPeer client = proxy.connect();
    client.send(request);
    client.shutdown_write();
    const Message answer = client.read_message();
    EXPECT_EQ(answer.status(), status);
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(client.end(), Peer::End::closed);
    EXPECT_FALSE(upstream.pending());
    const auto line = proxy.log_line();
    EXPECT_EQ(line.at("status"), status);
    EXPECT_TRUE(line.contains("failure"));
  }
};

TEST_F(Refusal, MalformedHeadsNeverReachTheUpstream) {
  using namespace std::string_literals;
  const std::string next = get("/smuggled");
  for (const std::string& request : {
           "GET / HTTP/1.1\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"s,
           "GET / HTTP/1.1\nHost: a\n\n"s,
           "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"s,
           "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "get\r\n\r\n"s,
           "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"s + next,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"s,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"s,
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"s,
           "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"s,
           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s,
       })
    refused(request, 400);
}

TEST_F(Refusal, OtherProtocolsAndMethodsAreNamed) {
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  refused("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505);
  refused("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405);
  refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417);
}

TEST_F(Refusal, TooLargeHeads) {
  refused("GET /" + std::string(33 * 1024, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414);
  refused("GET /" + std::string(500 * 1024, 'x'), 414);
  refused(get("/", "X: " + std::string(80 * 1024, 'x') + "\r\n"), 431);
  refused(get("/", "X: " + std::string(900 * 1024, 'x') + "\r\n"), 431);
  std::string many;
  for (int i = 0; i < 128; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  refused(get("/", many), 431);
  EXPECT_EQ(proxy.metric(failures("uri_too_long")), 2);
  EXPECT_EQ(proxy.metric(failures("head_too_large")), 3);
}

TEST_F(Refusal, LargeHeadsWithinTheLimitsPass) {
  RawPeer client = proxy.connect();
  const std::string cookie(60 * 1024, 'c');
  client.send("GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: a\r\nCookie: " + cookie + "\r\n\r\n");
  RawPeer connection = upstream.accept();
  EXPECT_EQ(connection.read_message().field("cookie"), cookie);
  connection.send(ok("x", "Set-Cookie: " + cookie + "\r\n"));
  EXPECT_EQ(client.read_message().field("set-cookie"), cookie);
}

TEST_F(Refusal, MalformedChunkAfterGoodOnesBreaksTheUpstreamOff) {
  RawPeer client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("abc\r\n");
  client.send("3\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_message().status(), 400);
  EXPECT_EQ(connection.await_end(), Peer::End::reset);
  EXPECT_EQ(client.await_end(), Peer::End::closed);
}

TEST_F(Refusal, AnotherRequestMayFollowOneNobodyServes) {
  proxy.publish({entry("web", {to(service({upstream.endpoint()}), "a.example", "/here"),
                               to(nullptr, "a.example", "/missing"), to(service({}), "a.example", "/empty")})});
  RawPeer client = proxy.connect();
  client.send(get("/elsewhere") + get("/missing") + get("/empty") + get("/here"));
  const Message no_route = client.read_message();
  EXPECT_EQ(no_route.status(), 404);
  EXPECT_FALSE(no_route.has("connection"));
  EXPECT_EQ(client.read_message().status(), 503);
  EXPECT_EQ(client.read_message().field("retry-after"), "1");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("served"));
  EXPECT_EQ(client.read_message().body, "served");
  EXPECT_EQ(proxy.log_line().at("failure"), "no_route");
  EXPECT_EQ(proxy.log_line().at("failure"), "no_service");
  EXPECT_EQ(proxy.log_line().at("failure"), "no_endpoint");
}

TEST_F(Refusal, RefusedUploadIsReadToItsEnd) {
  proxy.publish({entry("web", {})});
  RawPeer client = proxy.connect();
  const std::string body(8 << 20, 'b');
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_TRUE(client.send(body));
  EXPECT_EQ(client.read_message().status(), 404);
  EXPECT_EQ(client.await_end(), Peer::End::closed);
}

TEST_F(Refusal, UpstreamThatClosesWithoutAnAnswerIs502) {
  RawPeer client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.close();
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("failure"), "upstream_closed");
}

TEST_F(Refusal, MalformedAnswersAre502) {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n"}) {
    SCOPED_TRACE(answer);
    RawPeer client = proxy.connect();
    client.send(get("/"));
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(answer);
    EXPECT_EQ(client.read_message().status(), 502);
    EXPECT_EQ(proxy.log_line().at("failure"), "bad_answer");
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

}  // namespace
}  // namespace gatehouse
