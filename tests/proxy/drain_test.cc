// drain() and stop(): how a server ends.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

#include <future>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

struct Drain : testing::Test {
  Upstream upstream;
  TestProxy proxy{TestProxy::Setup{.workers = 2}};
  std::promise<void> done;
  std::future<void> drained = done.get_future();

  void SetUp() override {
    proxy.publish({entry("web", {to(service({upstream.endpoint()}))}),
                   entry("ssh", {}, {tcp_to(service({upstream.endpoint()}))})});
  }
  void drain() {
    proxy.server().drain([this] { done.set_value(); });
  }
  bool is_done() { return drained.wait_for(20s) == std::future_status::ready; }
};

TEST_F(Drain, NothingToWaitFor) {
  drain();
  EXPECT_TRUE(is_done());
  EXPECT_TRUE(proxy.server().draining());
  EXPECT_TRUE(proxy.server().stop().empty());
}

TEST_F(Drain, IdleConnectionsEndAndNewOnesAreRefused) {
  RawPeer client = proxy.connect();
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("x"));
  client.read_message();
  const Endpoint address = proxy.address("web");
  drain();
  EXPECT_EQ(client.await_end(), Peer::End::closed);
  EXPECT_EQ(connection.await_end(), Peer::End::closed);
  EXPECT_TRUE(is_done());
  EXPECT_THROW(RawPeer::connect(address), std::runtime_error);
}

TEST_F(Drain, RequestUnderWayIsAnsweredWithCloseAndSessionsAreWaitedFor) {
  RawPeer client = proxy.connect();
  client.send(get("/slow"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  RawPeer session = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  session.send("x");
  EXPECT_EQ(server.read(1), "x");
  drain();
  connection.send(ok("late"));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(client.await_end(), Peer::End::closed);
  client.close();

  session.send("y");
  EXPECT_EQ(server.read(1), "y");
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
  session.close();
  server.close();
  EXPECT_TRUE(is_done());
}

TEST_F(Drain, StopCutsWhatIsLeftAndSaysWhatThatWas) {
  RawPeer one = proxy.connect("ssh"), two = proxy.connect("ssh");
  RawPeer one_up = upstream.accept(), two_up = upstream.accept();
  drain();
  const auto cut = proxy.server().stop();
  ASSERT_EQ(cut.size(), 2u);
  EXPECT_EQ(cut.front().entry_point, "ssh");
  EXPECT_TRUE(cut.front().peer.starts_with("127.0.0.1:")) << cut.front().peer;
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
}

TEST_F(Drain, StopEndsEverythingAtOnce) {
  RawPeer idle = proxy.connect();
  RawPeer busy = proxy.connect();
  busy.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  RawPeer busy_up = upstream.accept();
  busy_up.read_until("abc");
  RawPeer session = proxy.connect("ssh");
  RawPeer session_up = upstream.accept();
  EXPECT_EQ(proxy.await_open("web", 2), 2);
  proxy.server().stop();
  EXPECT_NE(idle.await_end(), Peer::End::none);
  EXPECT_NE(busy.await_end(), Peer::End::none);
  EXPECT_NE(session.await_end(), Peer::End::none);
}

}  // namespace
}  // namespace gatehouse
