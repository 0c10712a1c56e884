// Connections that serve more than one request: the client's (keep-alive, pipelining) and ours to the upstream (pool).
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(KeepAlive, ServesSeveralRequestsOnOneConnectionEachWay) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  client.send(get("/one"));
  RawPeer connection = upstream.accept();
  EXPECT_EQ(connection.read_message().start_line, "GET /one HTTP/1.1");
  connection.send(ok("first"));
  EXPECT_EQ(client.read_message().body, "first");

  client.send(get("/two"));
  EXPECT_EQ(connection.read_message().start_line, "GET /two HTTP/1.1");
  connection.send(ok("second"));
  EXPECT_EQ(client.read_message().body, "second");
  EXPECT_FALSE(upstream.pending());
}

TEST(KeepAlive, AnswersPipelinedRequestsInOrder) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/2") +
              "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + get("/4"));
  RawPeer connection = upstream.accept();
  const std::vector<std::pair<std::string, std::string>> expected{
      {"POST /1", "abc"}, {"GET /2", ""}, {"POST /3", "hi"}, {"GET /4", ""}};
  for (const auto& [start, body] : expected) {
    const Message request = connection.read_message();
    EXPECT_EQ(request.start_line, start + " HTTP/1.1");
    EXPECT_EQ(request.body, body);
    connection.send(ok("answer to " + start));
  }
  for (const auto& [start, body] : expected) EXPECT_EQ(client.read_message().body, "answer to " + start);
}

TEST(KeepAlive, ClosesAfterAnHttp10RequestUnlessAsked) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("kept"));
  EXPECT_EQ(client.read_message().field("connection"), "keep-alive");
  client.send("GET / HTTP/1.0\r\n\r\n");
  connection.read_message();
  connection.send(ok("last"));
  const Message last = client.read_message();
  EXPECT_EQ(last.body, "last");
  EXPECT_EQ(last.field("connection"), "close");
  EXPECT_EQ(client.await_end(), Peer::End::closed);
}

TEST(KeepAlive, EndsAfterTheConfiguredNumberOfRequests) {
  Upstream upstream;
  EntryDraft web = entry("web", {to(service({upstream.endpoint()}))});
  web.limits.requests_per_connection = 2;
  TestProxy proxy(std::move(web));
  RawPeer client = proxy.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  RawPeer connection = upstream.accept();
  for (int i = 0; i < 2; ++i) connection.read_message(), connection.send(ok(""));
  EXPECT_EQ(client.read_message().field("connection"), "");
  EXPECT_EQ(client.read_message().field("connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST(UpstreamPool, DoesNotReuseAConnectionTheUpstreamWantsClosed) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/"));
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(ok("x", "Connection: close\r\n"));
    EXPECT_EQ(client.read_message().field("connection"), "");
  }
}

TEST(UpstreamPool, DoesNotReuseAConnectionWithBytesNobodyAskedFor) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("x") + ok("poison"));
  EXPECT_EQ(client.read_message().body, "x");
  client.send(get("/"));
  RawPeer second = upstream.accept();
  second.read_message();
  second.send(ok("clean"));
  EXPECT_EQ(client.read_message().body, "clean");
}

TEST(UpstreamPool, AnswerNobodyAskedForIsNeverTheNextRequestsAnswer) {
  Upstream upstream;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}));
  RawPeer client = proxy.connect();
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("x"));
  EXPECT_EQ(client.read_message().body, "x");
  connection.send(ok("poison"));
  client.send(get("/"));
  ASSERT_TRUE(upstream.pending(1000));
  RawPeer second = upstream.accept();
  second.read_message();
  second.send(ok("clean"));
  EXPECT_EQ(client.read_message().body, "clean");
}

// The upstream closes an idle connection just as the next request is on its way: the check before reuse cannot see it.
struct StaleConnection : testing::Test {
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))})};
  RawPeer client = proxy.connect();
  RawPeer first = warm();

  RawPeer warm() {
    client.send(get("/"));
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(ok("warm"));
    client.read_message();
    return connection;
  }
};

TEST_F(StaleConnection, GetIsSentAgainWithoutTheClientNoticing) {
  client.send(get("/again"));
  first.read_message();
  first.reset();
  RawPeer second = upstream.accept();
  EXPECT_EQ(second.read_message().start_line, "GET /again HTTP/1.1");
  second.send(ok("fresh"));
  EXPECT_EQ(client.read_message().body, "fresh");
  proxy.log_line();
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("attempts"), 2);
  EXPECT_FALSE(line.contains("failure"));
  // It says nothing about the endpoint.
  EXPECT_EQ(proxy.metric("gatehouse_upstream_ejected_endpoints"), 0);
}

TEST_F(StaleConnection, PostIsNotSentTwice) {
  client.send("POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(first.read_message().body, "hi");
  first.close();
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_FALSE(upstream.pending());
}

TEST_F(StaleConnection, ClosedWhileIdleIsNotEvenTried) {
  first.close();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  RawPeer second = upstream.accept();
  EXPECT_EQ(second.read_message().body, "hi");
  second.send(ok("done"));
  EXPECT_EQ(client.read_message().body, "done");
}

}  // namespace
}  // namespace gatehouse
