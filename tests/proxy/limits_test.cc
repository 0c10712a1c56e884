// Every wait has a limit, and the limits are about progress.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

#include <spdlog/sinks/ostream_sink.h>

#include <sys/resource.h>
#include <sys/socket.h>

#include <optional>
#include <sstream>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

struct Limits : testing::Test {
  ManualClock clock;
  Upstream upstream;
  std::shared_ptr<Service> target = service({upstream.endpoint()});
  TestProxy proxy{TestProxy::Setup{.clock = &clock}};

  EntryDraft web() { return entry("web", {to(target)}); }
  RawPeer connect_with(std::string_view bytes) {
    RawPeer client = proxy.connect();
    client.send(bytes);
    return client;
  }
};

TEST_F(Limits, HeadThatDoesNotArriveIs408) {
  proxy.publish({web()});
  RawPeer client = connect_with("GET / HTTP/1.1\r\nHost:");
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  const Duration waited = proxy.advance_until_readable(client);
  EXPECT_GE(waited, 10s);
  EXPECT_LE(waited, 11s);
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status(), 408);
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_EQ(client.await_end(), Peer::End::closed);
  EXPECT_EQ(proxy.log_line().at("failure"), "head_timeout");
  EXPECT_EQ(proxy.metric(failures("head_timeout")), 1);
}

// A byte now and then does not put the head's limit off.
TEST_F(Limits, DribbledHeadIs408) {
  proxy.publish({web()});
  RawPeer client = connect_with("GET / HTTP/1.1\r\n");
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  Duration waited{};
  for (; !client.readable_within(5) && waited < 1min; waited += 1s) {
    client.send("X");
    proxy.pass(1s);
  }
  EXPECT_LE(waited, 13s);
  EXPECT_EQ(client.read_message().status(), 408);
}

TEST_F(Limits, SilentConnectionIsClosedWithoutAWord) {
  proxy.publish({web()});
  RawPeer client = proxy.connect();
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  EXPECT_GE(proxy.advance_until_readable(client), 10s);
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(client.end(), Peer::End::closed);
  EXPECT_EQ(proxy.await_open("web", 0), 0);
  EXPECT_EQ(proxy.metric(failures("head_timeout")), -1) << "probes of load balancers are no failures";
}

TEST_F(Limits, StalledBodyIs408AndTheUpstreamIsBrokenOff) {
  proxy.publish({web()});
  RawPeer client = connect_with("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  RawPeer connection = upstream.accept();
  connection.read_until("abc");
  for (int i = 0; i < 3; ++i) {  // progress puts it off
    proxy.pass(50s);
    client.send("d");
    EXPECT_EQ(connection.read(1), "d");
  }
  const Duration waited = proxy.advance_until_readable(client, 1s);
  EXPECT_GE(waited, 59s);
  EXPECT_LE(waited, 65s);
  EXPECT_EQ(client.read_message().status(), 408);
  EXPECT_EQ(connection.await_end(), Peer::End::reset);
  EXPECT_EQ(proxy.log_line().at("failure"), "body_stalled");
  EXPECT_EQ(proxy.metric(failures("body_stalled")), 1);
}

TEST_F(Limits, UploadMayTakeTenMinutes) {
  proxy.publish({web()});
  RawPeer client = connect_with("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  for (int i = 0; i < 12; ++i) {
    proxy.pass(50s);
    client.send("d");
    EXPECT_EQ(connection.read(1), "d");
  }
  connection.send(ok("all here"));
  EXPECT_EQ(client.read_message().body, "all here");
}

TEST_F(Limits, AnswerMayTrickleForAnHour) {
  proxy.publish({web()});
  RawPeer client = connect_with(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n");
  client.read_until("\r\n\r\n");
  for (int i = 0; i < 60; ++i) {
    proxy.pass(1min);
    connection.send("d");
    ASSERT_EQ(client.read(1), "d") << "after " << i << " minutes";
  }
  EXPECT_EQ(proxy.log_line().at("status"), 200);
}

TEST_F(Limits, IdleKeepAliveConnectionIsClosed) {
  proxy.publish({web()});
  RawPeer client = connect_with(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("x"));
  client.read_message();
  EXPECT_EQ(proxy.metric("gatehouse_upstream_idle_connections"), 1);
  const Duration pooled = proxy.advance_until_readable(connection, 1s);
  EXPECT_GE(pooled, 59s);
  EXPECT_LE(pooled, 75s);
  EXPECT_EQ(connection.await_end(), Peer::End::closed);
  EXPECT_GE(pooled + proxy.advance_until_readable(client, 1s), 179s);
  EXPECT_EQ(client.await_end(), Peer::End::closed);
}

TEST_F(Limits, UpstreamMayThinkForTenMinutes) {
  proxy.publish({web()});
  RawPeer client = connect_with("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
  RawPeer connection = upstream.accept();
  connection.read_message();
  for (int s = 0; s < 600; ++s) proxy.pass(1s);
  proxy.ask_admin("/metrics");
  connection.send(ok("thought"));
  EXPECT_EQ(client.read_message().body, "thought");
}

TEST_F(Limits, UpstreamThatDoesNotAnswerIs504) {
  target->timeouts.answer = 2min;
  proxy.publish({web()});
  RawPeer client = connect_with(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  const Duration waited = proxy.advance_until_readable(client, 1s);
  EXPECT_GE(waited, 119s);
  EXPECT_LE(waited, 125s);
  EXPECT_EQ(client.read_message().status(), 504);
  EXPECT_NE(connection.await_end(), Peer::End::none);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure"), "answer_timeout");
  EXPECT_EQ(line.at("attempts"), 1);
  // The client's connection is fine.
  client.send(get("/again"));
  RawPeer second = upstream.accept();
  EXPECT_EQ(second.read_message().start_line, "GET /again HTTP/1.1");
}

TEST_F(Limits, AnswerThatStallsIsBrokenOff) {
  target->timeouts.idle = 1min;
  proxy.publish({web()});
  RawPeer client = connect_with(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_EQ(client.read_until("abc").substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_GE(proxy.advance_until_readable(client, 1s), 59s);
  EXPECT_EQ(client.await_end(), Peer::End::reset);
}

TEST_F(Limits, ClientThatStopsReadingIsCutOff) {
  proxy.publish({web()});
  RawPeer client = proxy.connect("web", 64 * 1024);
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string block(1 << 20, 'x');
  while (connection.send_what_fits(block, 200) == block.size()) {
  }
  const Duration waited = proxy.advance_until_readable(connection, 1s);
  EXPECT_GE(waited, 59s);
  EXPECT_LE(waited, 130s);
  EXPECT_EQ(proxy.log_line().at("failure"), "reading_stalled");
  EXPECT_EQ(proxy.metric(failures("reading_stalled")), 1);
}

TEST_F(Limits, UpstreamThatDoesNotAcceptIs504) {
  // A listener whose queue is full drops what comes next.
  ASSERT_EQ(::listen(upstream.descriptor(), 0), 0);
  std::vector<RawPeer> queued;
  queued.push_back(RawPeer::connect(upstream.endpoint()));
  target->timeouts.dial = 5s;
  proxy.publish({web()});
  RawPeer client = connect_with(get("/"));
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  const Duration waited = proxy.advance_until_readable(client);
  EXPECT_GE(waited, 5s);
  EXPECT_LE(waited, 7s);
  EXPECT_EQ(client.read_message().status(), 504);
  EXPECT_EQ(proxy.log_line().at("failure"), "connect_timeout");
}

TEST_F(Limits, ConnectionsBeyondTheLimitAreClosedAtOnce) {
  EntryDraft few = web();
  few.limits.connections = 2;
  proxy.publish({std::move(few)});
  RawPeer one = proxy.connect(), two = proxy.connect();
  EXPECT_EQ(proxy.await_open("web", 2), 2);
  EXPECT_NE(proxy.connect().await_end(), Peer::End::none);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_refused_connections_total{entrypoint=\"web\"}"), 1);
  one.close();
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  RawPeer three = connect_with(get("/"));
  upstream.accept().read_message();
}

// What the server has logged; read it after the server has stopped.
struct SeenLog {
  std::ostringstream text;
  Logger logger = std::make_shared<spdlog::logger>("seen", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));

  std::size_t count(const std::string& words) const {
    const std::string all = text.str();
    std::size_t found = 0;
    for (auto at = all.find(words); at != std::string::npos; at = all.find(words, at + 1)) ++found;
    return found;
  }
};

TEST(Shortage, ClientsWaitWhileThoseInsideAreServed) {
  ManualClock clock;
  SeenLog log;
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))}),
                  TestProxy::Setup{.clock = &clock, .most_connections = 2, .log = log.logger}};
  RawPeer one = proxy.connect();
  one.send(get("/one"));
  RawPeer connection = upstream.accept();
  const auto answer = [&](std::string_view to, std::string_view body) {
    EXPECT_EQ(connection.read_message().start_line, "GET " + std::string(to) + " HTTP/1.1");
    connection.send(ok(body));
  };
  answer("/one", "1");
  EXPECT_EQ(one.read_message().body, "1");
  RawPeer two = proxy.connect("web", 0, "127.0.0.2");
  two.send(get("/two"));
  answer("/two", "2");
  EXPECT_EQ(two.read_message().body, "2");

  RawPeer three = proxy.connect("web", 0, "127.0.0.3");
  three.send(get("/three"));
  EXPECT_GE(proxy.await_metric("gatehouse_entrypoint_accept_pauses_total{entrypoint=\"web\"}", 1), 1);
  proxy.pass(1s);
  one.send(get("/still"));
  answer("/still", "inside");
  EXPECT_EQ(one.read_message().body, "inside");
  EXPECT_FALSE(three.readable_within(0));
  EXPECT_EQ(proxy.ask_admin("/ping").status(), 200) << "the admin entry point accepts all the same";
  two.close();
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  proxy.pass(1s);
  answer("/three", "3");
  EXPECT_EQ(three.read_message().body, "3");
  proxy.server().stop();
  EXPECT_EQ(log.count("not accepting for lack of descriptors"), 1u) << log.text.str();
}

// Puts the soft limit back.
struct DescriptorLimit {
  DescriptorLimit() { ::getrlimit(RLIMIT_NOFILE, &before); }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before); }
  void lower(int to) const {
    rlimit limit = before;
    limit.rlim_cur = static_cast<rlim_t>(to);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  rlimit before{};
};

TEST(Shortage, WithoutADescriptorServingGoesOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan itself opens descriptors when it checks an object's type, and errs without";
#endif
  ManualClock clock;
  SeenLog log;
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))}),
                  TestProxy::Setup{.clock = &clock, .log = log.logger}};
  RawPeer inside = proxy.connect();
  inside.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("before"));
  EXPECT_EQ(inside.read_message().body, "before");

  std::optional<DescriptorLimit> limit(std::in_place);
  const int outside = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  limit->lower(outside + 1);  // every number below it is taken
  asio::ip::tcp::endpoint web(proxy.address("web").address, proxy.address("web").port);
  ASSERT_EQ(::connect(outside, web.data(), static_cast<socklen_t>(web.size())), 0);
  RawPeer waiting(outside);
  waiting.send(get("/"));
  inside.send(get("/"));
  connection.read_message();
  connection.send(ok("meanwhile"));
  EXPECT_EQ(inside.read_message().body, "meanwhile");
  proxy.pass(1s);
  limit.reset();
  proxy.pass(1s);
  connection.read_message();
  connection.send(ok("after"));
  EXPECT_EQ(waiting.read_message().body, "after");
  proxy.server().stop();
  EXPECT_EQ(log.count("not accepting for lack of resources"), 1u) << log.text.str();
}

// Where nothing is set: half of what may be open is left to others. Who speaks for others is not one client.
TEST(Shortage, NoAddressTakesAllPlaces) {
  AnsweringUpstream upstream("fine");
  TestProxy proxy(TestProxy::Setup{.most_connections = 6});
  EntryDraft speaks = entry("balanced", {to(service({upstream.endpoint()}))});
  speaks.proxy_protocol = speaks.proxy_protocol_from_all = true;
  proxy.publish({entry("web", {to(service({upstream.endpoint()}))}), std::move(speaks)});
  std::vector<RawPeer> held;
  for (int i = 0; i < 3; ++i) held.push_back(proxy.connect("web", 0, "127.0.0.5"));
  EXPECT_EQ(proxy.await_open("web", 3), 3);
  EXPECT_NE(proxy.connect("web", 0, "127.0.0.5").await_end(), Peer::End::none);
  EXPECT_EQ(proxy.await_metric("gatehouse_entrypoint_refused_connections_total{entrypoint=\"web\"}", 1), 1);
  RawPeer other = proxy.connect("web", 0, "127.0.0.6");
  other.send(get("/"));
  EXPECT_EQ(other.read_message().body, "fine");
  RawPeer balancer = proxy.connect("balanced", 0, "127.0.0.5");
  balancer.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get("/"));
  EXPECT_EQ(balancer.read_message().body, "fine");
}

TEST_F(Limits, ConnectionsOfOneAddressAreLimited) {
  EntryDraft few = web();
  few.limits.connections_per_address = 1;
  proxy.publish({std::move(few)});
  RawPeer one = proxy.connect("web", 0, "127.0.0.5");
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  EXPECT_NE(proxy.connect("web", 0, "127.0.0.5").await_end(), Peer::End::none);
  EXPECT_EQ(proxy.metric("gatehouse_entrypoint_refused_connections_total{entrypoint=\"web\"}"), 1);
  RawPeer other = proxy.connect("web", 0, "127.0.0.6");
  other.send(get("/"));
  upstream.accept().read_message();
}

}  // namespace
}  // namespace gatehouse
