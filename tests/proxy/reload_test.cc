// publish(): a new snapshot takes hold of what comes next and touches nothing that is under way.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace gatehouse {
namespace {

constexpr std::string_view switching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

TEST(Reload, NextRequestOfAnExistingConnectionSeesTheNewRoutes) {
  AnsweringUpstream old_one("old"), new_one("new");
  TestProxy proxy(TestProxy::Setup{.workers = 2});
  proxy.publish({entry("web", {to(service({old_one.endpoint()}))})});
  RawPeer client = proxy.connect();
  const auto ask = [&] {
    client.send(get("/"));
    return client.read_message();
  };
  EXPECT_EQ(ask().body, "old");
  proxy.publish({entry("web", {to(service({new_one.endpoint()}))})});
  EXPECT_EQ(ask().body, "new");
  proxy.publish({entry("web", {})});
  EXPECT_EQ(ask().status(), 404);
  proxy.publish({entry("web", {to(service({old_one.endpoint()}))})});
  EXPECT_EQ(ask().body, "old");
}

TEST(Reload, WhatIsUnderWayGoesOn) {
  Upstream upstream;
  const auto both = [&] {
    return std::vector{entry("web", {to(service({upstream.endpoint()}))}),
                       entry("ssh", {}, {tcp_to(service({upstream.endpoint()}))})};
  };
  TestProxy proxy;
  proxy.publish(both());

  RawPeer session = proxy.connect("ssh");
  RawPeer session_up = upstream.accept();
  RawPeer tunnel = proxy.connect();
  tunnel.send(get("/ws", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  RawPeer tunnel_up = upstream.accept();
  tunnel_up.read_message();
  tunnel_up.send(switching);
  EXPECT_EQ(tunnel.read_message().status(), 101);
  RawPeer upload = proxy.connect();
  upload.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  RawPeer upload_up = upstream.accept();
  upload_up.read_until("abc");

  for (int i = 0; i < 20; ++i) proxy.publish(i % 2 == 0 ? std::vector<EntryDraft>{} : both());
  proxy.publish({});
  EXPECT_EQ(proxy.metric("gatehouse_snapshot_generation"), 22);

  session.send("ssh");
  EXPECT_EQ(session_up.read(3), "ssh");
  session_up.send("SSH");
  EXPECT_EQ(session.read(3), "SSH");
  tunnel.send("ws");
  EXPECT_EQ(tunnel_up.read(2), "ws");
  tunnel_up.send("WS");
  EXPECT_EQ(tunnel.read(2), "WS");
  upload.send("def");
  EXPECT_EQ(upload_up.read(3), "def");
  upload_up.send(ok("stored"));
  EXPECT_EQ(upload.read_message().body, "stored");
  EXPECT_EQ(upload.await_end(), Peer::End::closed);  // its entry point is gone
}

TEST(Reload, OldSnapshotIsFreedWhileSessionsLiveOn) {
  Upstream upstream;
  TestProxy proxy;
  auto route = tcp_to(service({upstream.endpoint()}));
  const std::weak_ptr<const TcpRoute> watched = route;
  proxy.publish({entry("ssh", {}, {std::move(route)})});
  RawPeer client = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  server.send("hi");
  EXPECT_EQ(client.read(2), "hi");
  for (int i = 0; i < 12 && !watched.expired(); ++i) {
    proxy.publish({});
    proxy.ask_admin("/ping");
  }
  EXPECT_TRUE(watched.expired());
  client.send("ho");
  EXPECT_EQ(server.read(2), "ho");
}

TEST(Reload, EntryPointsComeAndGo) {
  AnsweringUpstream upstream("here");
  TestProxy proxy(TestProxy::Setup{.workers = 2});
  const auto web = [&](const std::string& name) { return entry(name, {to(service({upstream.endpoint()}))}); };
  proxy.publish({web("web")});
  const Endpoint first = proxy.address("web");
  proxy.publish({web("web"), web("extra")});
  EXPECT_EQ(proxy.address("web"), first);
  RawPeer client = proxy.connect("extra");
  client.send(get("/"));
  EXPECT_EQ(client.read_message().body, "here");
  const Endpoint extra = proxy.address("extra");
  proxy.publish({web("web")});
  EXPECT_EQ(proxy.server().bound().count("extra"), 0u);
  proxy.metric("gatehouse_snapshot_generation");  // every worker has got there
  EXPECT_THROW(RawPeer::connect(extra), std::runtime_error);
  EXPECT_EQ(proxy.ask(get("/")).body, "here");
}

TEST(Reload, TakenPortIsReportedAndTriedAgain) {
  AnsweringUpstream upstream("here");
  auto blocker = std::make_unique<Upstream>();
  const auto entries = [&, port = blocker->endpoint().port] {
    std::vector both{entry("web", {to(service({upstream.endpoint()}))}),
                     entry("taken", {to(service({upstream.endpoint()}))})};
    both[1].addresses[0].port = port;
    return both;
  };
  const Endpoint wanted = blocker->endpoint();
  TestProxy proxy;
  const auto problems = proxy.publish(entries());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("taken"), std::string::npos);
  EXPECT_NE(problems[0].find(wanted.text()), std::string::npos);
  EXPECT_NE(problems[0].find("in use"), std::string::npos);
  EXPECT_EQ(proxy.ask(get("/")).body, "here");
  blocker.reset();
  EXPECT_TRUE(proxy.publish(entries()).empty());
  RawPeer client = RawPeer::connect(wanted);
  client.send(get("/"));
  EXPECT_EQ(client.read_message().body, "here");
}

TEST(Reload, NoRequestFailsWhileRoutesChange) {
  AnsweringUpstream upstream("here");
  TestProxy proxy(TestProxy::Setup{.workers = 2});
  const auto entries = [&](int i) {
    return std::vector{entry(
        "web", {to(service({upstream.endpoint()})), to(service({upstream.endpoint()}), "h" + std::to_string(i))})};
  };
  proxy.publish(entries(0));
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  const Endpoint address = proxy.address("web");
  const auto steady = [&](bool keep_alive) {
    std::optional<RawPeer> client;
    while (!stop) {
      if (!client || !keep_alive) client.emplace(RawPeer::connect(address));
      client->send(get("/"));
      ++(client->read_message().body == "here" ? good : bad);
    }
  };
  std::thread one(steady, true), two(steady, false);
  for (int i = 1; i <= 200 || good < 200; ++i) proxy.publish(entries(i));
  stop = true;
  one.join();
  two.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GE(good, 200);
}

}  // namespace
}  // namespace gatehouse
