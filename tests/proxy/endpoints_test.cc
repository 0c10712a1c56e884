// Which endpoint a request goes to, and what happens when one does not answer.
#include "proxy/upstream/picker.h"
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

TEST(Endpoints, TakeTurns) {
  AnsweringUpstream a("a"), b("b"), c("c");
  TestProxy proxy(entry("web", {to(service({a.endpoint(), b.endpoint(), c.endpoint()}))}));
  std::string answers;
  for (int i = 0; i < 9; ++i) answers += proxy.ask(get("/")).body;
  EXPECT_EQ(answers, "abcabcabc");
  EXPECT_EQ(a.connections(), 1);
  EXPECT_EQ(a.requests(), 3);
}

TEST(Endpoints, NextOneIsTriedWhenOneRefusesEvenForPost) {
  Refusing dead;
  AnsweringUpstream alive("alive");
  TestProxy proxy(entry("web", {to(service({dead.endpoint(), alive.endpoint()}))}));
  const Message answer = proxy.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(answer.body, "alive");
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("attempts"), 2);
  EXPECT_EQ(line.at("endpoint").as_string(), alive.endpoint().text());
  EXPECT_EQ(line.at("bytesIn"), 5);
}

TEST(Endpoints, LeftOutAfterARefusalAndBackLater) {
  Upstream down;
  down.stop();
  AnsweringUpstream alive("alive");
  ManualClock clock;
  TestProxy proxy(entry("web", {to(service({down.endpoint(), alive.endpoint()}))}), {.clock = &clock});
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(proxy.ask(get("/")).body, "alive");
    EXPECT_EQ(proxy.log_line().at("attempts"), i == 0 ? 2 : 1);
  }
  EXPECT_EQ(proxy.metric("gatehouse_upstream_ejected_endpoints"), 1);
  down.listen_again();
  proxy.pass(1s);
  bool reached = false;
  for (int i = 0; i < 2 && !reached; ++i) {
    RawPeer client = proxy.connect();
    client.send(get("/"));
    reached = !client.readable_within(0) && down.pending(200);
    if (!reached) continue;
    RawPeer connection = down.accept();
    connection.read_message();
    connection.send(ok("back"));
    EXPECT_EQ(client.read_message().body, "back");
  }
  EXPECT_TRUE(reached);
  EXPECT_EQ(proxy.metric("gatehouse_upstream_ejected_endpoints"), 0);
}

TEST(Endpoints, AllRefusingIs502AndEachIsTriedOnce) {
  Refusing one, two;
  TestProxy proxy(entry("web", {to(service({one.endpoint(), two.endpoint()}))}));
  EXPECT_EQ(proxy.ask(get("/")).status(), 502);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure"), "connect_failed");
  EXPECT_EQ(line.at("attempts"), 2);
  // Even when all were left out they are tried: better than no attempt.
  EXPECT_EQ(proxy.ask(get("/")).status(), 502);
}

TEST(Endpoints, UnansweredPostIsNotRepeatedButGetIs) {
  Upstream closing;
  AnsweringUpstream alive("alive");
  TestProxy proxy(entry("web", {to(service({closing.endpoint(), alive.endpoint()}))}));
  for (const std::string method : {"POST", "GET"}) {
    RawPeer client = proxy.connect();
    client.send(method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    RawPeer connection = closing.accept();
    connection.read_message();
    connection.close();
    EXPECT_EQ(client.read_message().status(), method == "POST" ? 502 : 200);
    const bool next_is_alive = method == "POST";
    if (next_is_alive) {
      EXPECT_EQ(proxy.ask(get("/")).body, "alive");
    }
  }
}

TEST(Endpoints, StickyCookieKeepsTheClientWhereItIs) {
  AnsweringUpstream a("a"), b("b");
  auto sticky = service({a.endpoint(), b.endpoint()});
  sticky->sticky.emplace().name = "lb";
  TestProxy proxy(entry("web", {to(sticky)}));
  const Message first = proxy.ask(get("/"));
  const std::string cookie = first.field("set-cookie");
  ASSERT_TRUE(cookie.starts_with("lb=")) << cookie;
  const std::string pair = cookie.substr(0, cookie.find(';'));
  for (int i = 0; i < 4; ++i) {
    const Message again = proxy.ask(get("/", "Cookie: x=y; " + pair + "\r\n"));
    EXPECT_EQ(again.body, first.body);
    EXPECT_FALSE(again.has("set-cookie"));
  }
  EXPECT_TRUE(proxy.ask(get("/", "Cookie: lb=deadbeef\r\n")).has("set-cookie"));
}

TEST(Endpoints, StickyClientOfADeadEndpointMoves) {
  Refusing dead;
  AnsweringUpstream alive("alive");
  auto sticky = service({dead.endpoint(), alive.endpoint()});
  sticky->sticky.emplace().name = "lb";
  const std::string cookie = set_cookie(*sticky->sticky, dead.endpoint());
  TestProxy proxy(entry("web", {to(sticky)}));
  const Message answer = proxy.ask(get("/", "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n"));
  EXPECT_EQ(answer.body, "alive");
  EXPECT_TRUE(answer.has("set-cookie"));
}

TEST(Endpoints, UpstreamIsToldWhenTheClientLeavesWhileItThinks) {
  Upstream upstream;
  ManualClock clock;
  TestProxy proxy(entry("web", {to(service({upstream.endpoint()}))}), {.clock = &clock});
  RawPeer client = proxy.connect();
  client.send(get("/slow"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  client.close();
  EXPECT_LE(proxy.advance_until_readable(connection, 100ms), 10s);
  EXPECT_NE(connection.await_end(), Peer::End::none);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure"), "client_gone");
  EXPECT_EQ(line.at("attempts"), 1);
}

}  // namespace
}  // namespace gatehouse
