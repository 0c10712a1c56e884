// The PROXY protocol from load balancers in front of us.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

const std::string v1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4321 443\r\n";
const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\x00\x71\x09\xc6\x33\x64\x01\x10\xe1\x01\xbb", 28);
const std::string v2_local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);

EntryDraft behind_balancer(EntryDraft draft, const std::string& balancer = "127.0.0.3") {
  draft.proxy_protocol = true;
  draft.proxy_protocol_from = ranges({balancer});
  return draft;
}

TEST(ClientProxyHeader, TrustedPeersNameTheClient) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry("web", {to(service({upstream.endpoint()}))})));
  for (const std::string& header : {v1, v2}) {
    RawPeer client = proxy.connect("web", 0, "127.0.0.3");
    client.send(header + get("/"));
    RawPeer connection = upstream.accept();
    const Message request = connection.read_message();
    EXPECT_EQ(request.field("x-forwarded-for"), "203.0.113.9");
    connection.send(ok("x", "Connection: close\r\n"));
    client.read_message();
    EXPECT_EQ(proxy.log_line().at("client"), "203.0.113.9");
  }
}

TEST(ClientProxyHeader, MayArriveInPieces) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry("web", {to(service({upstream.endpoint()}))})));
  RawPeer client = proxy.connect("web", 0, "127.0.0.3");
  for (const char c : v2) client.send({&c, 1});
  client.send(get("/"));
  EXPECT_EQ(upstream.accept().read_message().field("x-real-ip"), "203.0.113.9");
}

TEST(ClientProxyHeader, HealthChecksOfTheBalancerSpeakForThemselves) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry("web", {to(service({upstream.endpoint()}))})));
  RawPeer client = proxy.connect("web", 0, "127.0.0.3");
  client.send(v2_local + get("/"));
  EXPECT_EQ(upstream.accept().read_message().field("x-real-ip"), "127.0.0.3");
}

TEST(ClientProxyHeader, StrangersAreNeverBelieved) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry("web", {to(service({upstream.endpoint()}))})));
  for (const std::string& header : {v1, v2}) {
    RawPeer client = proxy.connect();
    client.send(header + get("/"));
    EXPECT_EQ(client.read_message().status(), 400);
    EXPECT_EQ(proxy.log_line().at("client"), "127.0.0.1");
  }
  EXPECT_FALSE(upstream.pending());
  RawPeer client = proxy.connect();
  client.send(get("/"));
  EXPECT_EQ(upstream.accept().read_message().field("x-real-ip"), "127.0.0.1");
}

TEST(ClientProxyHeader, MissingOrMalformedOnesClose) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry("web", {to(service({upstream.endpoint()}))})));
  for (const std::string& start :
       {get("/"), std::string("PROXY TCP4 1.2.3.4\r\n"), std::string("PROXY TCP4 ") + std::string(200, 'x')}) {
    RawPeer client = proxy.connect("web", 0, "127.0.0.3");
    client.send(start);
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(proxy.log_line().at("failure"), "bad_proxy_header");
  }
  EXPECT_FALSE(upstream.pending());
}

TEST(ClientProxyHeader, SilenceIsLimited) {
  ManualClock clock;
  TestProxy proxy(behind_balancer(entry("web", {})), {.clock = &clock});
  RawPeer client = proxy.connect("web", 0, "127.0.0.3");
  client.send("PROXY ");
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  EXPECT_GE(proxy.advance_until_readable(client), std::chrono::seconds(3));
  EXPECT_NE(client.await_end(), Peer::End::none);
  EXPECT_EQ(proxy.log_line().at("failure"), "bad_proxy_header");
}

// The route sees the real client, and so does the upstream that asks for a header of its own.
TEST(ClientProxyHeader, IsPassedOnToTcpUpstreams) {
  Upstream upstream;
  TestProxy proxy(behind_balancer(entry(
      "ssh", {},
      {tcp_to(service({upstream.endpoint()}), "ClientIP(`203.0.113.0/24`)", TcpTls::none, ProxyHeaderVersion::v1)})));
  RawPeer client = proxy.connect("ssh", 0, "127.0.0.3");
  client.send(v2 + "hello");
  RawPeer server = upstream.accept();
  EXPECT_EQ(server.read_until("\r\n"), v1);
  EXPECT_EQ(server.read(5), "hello");
  EXPECT_NE(proxy.connect("ssh").await_end(), Peer::End::none);
}

}  // namespace
}  // namespace gatehouse
