// 1xx answers and upgrades.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

constexpr std::string_view upgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
constexpr std::string_view switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";

struct Interim : testing::Test {
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))})};
  RawPeer client = proxy.connect();
};

TEST_F(Interim, FinalAnswerInsteadOfContinueEndsTheConnection) {
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  connection.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status(), 401);
  EXPECT_EQ(answer.body, "no");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(client.await_end(), Peer::End::closed);
}

TEST_F(Interim, ContinueNobodyAskedForIsKeptBack) {
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 100 Continue\r\n\r\n" + ok("stored"));
  EXPECT_EQ(client.read_message().status(), 200);
}

TEST_F(Interim, Http10ClientSeesNone) {
  client.send("GET / HTTP/1.0\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 103 Early Hints\r\n\r\n" + ok("page"));
  EXPECT_EQ(client.read_message().status(), 200);
}

TEST_F(Interim, FloodIsRefused) {
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  for (int i = 0; i < 100; ++i) connection.send("HTTP/1.1 102 Processing\r\n\r\n");
  int interims = 0;
  Message answer = client.read_message();
  for (; answer.status() == 102; answer = client.read_message()) ++interims;
  EXPECT_EQ(answer.status(), 502);
  EXPECT_LE(interims, 10);
  EXPECT_NE(connection.await_end(), Peer::End::none);
}

TEST_F(Interim, UpgradeOfAnyTokenIsTunnelledWithTheBytesRightAfterIt) {
  client.send(get("/exec", upgrade));
  RawPeer connection = upstream.accept();
  const Message request = connection.read_message();
  EXPECT_EQ(request.field("upgrade"), "SPDY/3.1");
  EXPECT_EQ(request.field("connection"), "Upgrade");
  connection.send(std::string(switching) + "first words");
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status(), 101);
  EXPECT_EQ(answer.field("upgrade"), "SPDY/3.1");
  EXPECT_EQ(answer.field("connection"), "Upgrade");
  EXPECT_EQ(client.read(11), "first words");
  client.send("question");
  EXPECT_EQ(connection.read(8), "question");
  connection.send("answer");
  EXPECT_EQ(client.read(6), "answer");
  client.shutdown_write();
  EXPECT_EQ(connection.await_end(), Peer::End::closed);
  connection.send("tail");
  connection.shutdown_write();
  EXPECT_EQ(client.read_to_end(), "tail");
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("status"), 101);
  EXPECT_EQ(line.at("bytesIn"), 8);
  EXPECT_EQ(line.at("bytesOut"), 21);
  EXPECT_EQ(line.at("service"), "test/service:80");
}

TEST_F(Interim, DeclinedUpgradeIsAnOrdinaryAnswer) {
  client.send(get("/", upgrade));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("no tunnel"));
  EXPECT_EQ(client.read_message().body, "no tunnel");
  client.send(get("/next"));
  EXPECT_EQ(connection.read_message().start_line, "GET /next HTTP/1.1");
}

TEST_F(Interim, SwitchingNobodyAskedForIs502) {
  for (const std::string_view fields : {"", "Upgrade: websocket\r\n"}) {
    RawPeer plain = proxy.connect();
    plain.send(get("/", fields));
    RawPeer connection = upstream.accept();
    EXPECT_FALSE(connection.read_message().has("upgrade"));
    connection.send(std::string(switching) + "evil");
    EXPECT_EQ(plain.read_message().status(), 502);
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

TEST_F(Interim, BytesBeforeTheUpgradeIsGrantedAreNeverTunnelled) {
  for (const bool together : {true, false}) {
    RawPeer hasty = proxy.connect();
    hasty.send(get("/ws", upgrade) + (together ? get("/smuggled") : ""));
    RawPeer connection = upstream.accept();
    EXPECT_EQ(connection.read_message().start_line, "GET /ws HTTP/1.1");
    if (!together) hasty.send(get("/smuggled"));
    connection.send(switching);
    EXPECT_EQ(hasty.read_message().status(), 400);
    EXPECT_EQ(hasty.await_end(), Peer::End::closed);
    EXPECT_EQ(connection.read_to_end(), "");
    EXPECT_FALSE(upstream.pending());
  }
}

TEST_F(Interim, UpgradeWithABodyIsNotPassedOn) {
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + std::string(upgrade) + "\r\nhi");
  const Message request = upstream.accept().read_message();
  EXPECT_FALSE(request.has("upgrade"));
  EXPECT_FALSE(request.has("connection"));
}

}  // namespace
}  // namespace gatehouse
