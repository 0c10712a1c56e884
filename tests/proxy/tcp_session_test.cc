// Raw TCP entry points: dialled at accept, relayed until both sides have ended.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

EntryDraft ssh(ServicePtr service, ProxyHeaderVersion proxy_header = ProxyHeaderVersion::none) {
  return entry("ssh", {}, {tcp_to(std::move(service), "HostSNI(`*`)", TcpTls::none, proxy_header)});
}

TEST(TcpSession, BannerOfTheServerArrivesWhileTheClientIsSilent) {
  Upstream upstream;
  TestProxy proxy(ssh(service({upstream.endpoint()})));
  RawPeer client = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  server.send("SSH-2.0-test\r\n");
  EXPECT_EQ(client.read_until("\n"), "SSH-2.0-test\r\n");
  client.send("SSH-2.0-client\r\n");
  EXPECT_EQ(server.read_until("\n"), "SSH-2.0-client\r\n");
}

TEST(TcpSession, LongTailArrivesAfterTheClientHasClosedItsSide) {
  Upstream upstream;
  TestProxy proxy(ssh(service({upstream.endpoint()})));
  RawPeer client = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  client.send("all of it");
  client.shutdown_write();
  EXPECT_EQ(server.read_to_end(), "all of it");
  const std::string tail(5'000'000, 't');
  std::thread sender([&] {
    server.send(tail);
    server.shutdown_write();
  });
  EXPECT_EQ(client.read_to_end(), tail);
  EXPECT_EQ(client.end(), Peer::End::closed);
  sender.join();
}

TEST(TcpSession, LongTailArrivesAfterTheServerHasClosedItsSide) {
  Upstream upstream;
  TestProxy proxy(ssh(service({upstream.endpoint()})));
  RawPeer client = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  server.send("bye");
  server.shutdown_write();
  EXPECT_EQ(client.read_to_end(), "bye");
  const std::string tail(5'000'000, 't');
  std::thread sender([&] {
    client.send(tail);
    client.shutdown_write();
  });
  EXPECT_EQ(server.read_to_end(), tail);
  EXPECT_EQ(server.end(), Peer::End::closed);
  sender.join();
}

TEST(TcpSession, ResetsArePassedOnBothWays) {
  Upstream upstream;
  TestProxy proxy(ssh(service({upstream.endpoint()})));
  for (const bool client_resets : {true, false}) {
    RawPeer client = proxy.connect("ssh");
    RawPeer server = upstream.accept();
    client.send("x"), server.send("y");
    EXPECT_EQ(server.read(1) + client.read(1), "xy");
    (client_resets ? client : server).reset();
    EXPECT_EQ((client_resets ? server : client).await_end(), Peer::End::reset);
    EXPECT_EQ(proxy.log_line().at("end"), client_resets ? "client reset" : "upstream reset");
  }
}

TEST(TcpSession, NextEndpointIsDialledWhenOneRefuses) {
  Refusing dead;
  Upstream upstream;
  TestProxy proxy(ssh(service({dead.endpoint(), upstream.endpoint()})));
  for (int i = 0; i < 4; ++i) {
    RawPeer client = proxy.connect("ssh");
    RawPeer server = upstream.accept();
    server.send("hello");
    EXPECT_EQ(client.read(5), "hello");
  }
  EXPECT_EQ(proxy.metric("gatehouse_upstream_ejected_endpoints"), 1);
}

TEST(TcpSession, ClientIsResetWhenNobodyCanBeDialled) {
  Refusing dead;
  TestProxy proxy(ssh(service({dead.endpoint()})));
  RawPeer client = proxy.connect("ssh");
  EXPECT_EQ(client.await_end(), Peer::End::reset);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("failure"), "connect_failed");
  EXPECT_EQ(line.at("end"), "connect_failed");
  EXPECT_EQ(line.at("service"), "test/service:80");
}

TEST(TcpSession, ClientOutsideTheRuleIsClosedWithoutDialling) {
  Upstream upstream;
  TestProxy proxy(entry("ssh", {}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`*`) && ClientIP(`127.0.0.9`)")}));
  EXPECT_NE(proxy.connect("ssh").await_end(), Peer::End::none);
  EXPECT_EQ(proxy.log_line().at("failure"), "no_route");
  EXPECT_FALSE(upstream.pending());
  RawPeer allowed = proxy.connect("ssh", 0, "127.0.0.9");
  upstream.accept().send("in");
  EXPECT_EQ(allowed.read(2), "in");
}

TEST(TcpSession, TellsTheUpstreamWhoTheClientIs) {
  Upstream upstream;
  for (const auto version : {ProxyHeaderVersion::v1, ProxyHeaderVersion::v2}) {
    TestProxy proxy(ssh(service({upstream.endpoint()}), version));
    RawPeer client = proxy.connect("ssh", 0, "127.0.0.7");
    RawPeer server = upstream.accept();
    client.send("hello");
    if (version == ProxyHeaderVersion::v1) {
      const std::string line = server.read_until("\r\n");
      EXPECT_TRUE(line.starts_with("PROXY TCP4 127.0.0.7 127.0.0.1 ")) << line;
      EXPECT_TRUE(line.ends_with(" " + std::to_string(proxy.address("ssh").port) + "\r\n")) << line;
    } else {
      const std::string header = server.read(28);
      EXPECT_EQ(header.substr(12, 12), std::string("\x21\x11\x00\x0c\x7f\x00\x00\x07\x7f\x00\x00\x01", 12));
    }
    EXPECT_EQ(server.read(5), "hello");
  }
}

TEST(TcpSession, ServicesShareConnectionsByWeight) {
  Upstream one, three;
  auto route = std::make_shared<TcpRoute>();
  route->name = "weighted";
  route->rule = TcpRule::parse("HostSNI(`*`)").value();
  route->services.resize(2);
  route->services[0].service = service({one.endpoint()}, "test/one:1");
  route->services[1].service = service({three.endpoint()}, "test/three:3");
  route->services[1].weight = 3;
  TestProxy proxy(entry("ssh", {}, {route}));
  int to_one = 0, to_three = 0;
  for (int i = 0; i < 8; ++i) {
    RawPeer client = proxy.connect("ssh");
    client.send("x");
    client.shutdown_write();
    client.readable_within(0);
    while (!one.pending() && !three.pending(10)) {
    }
    const bool first = one.pending();
    ++(first ? to_one : to_three);
    EXPECT_EQ((first ? one : three).accept().read_to_end(), "x");
  }
  EXPECT_EQ(to_one, 2);
  EXPECT_EQ(to_three, 6);
}

TEST(TcpSession, SilenceOfBothSidesEndsIt) {
  Upstream upstream;
  ManualClock clock;
  EntryDraft draft = ssh(service({upstream.endpoint()}));
  draft.timeouts.tcp_idle = 1h;
  TestProxy proxy(std::move(draft), {.clock = &clock});
  RawPeer client = proxy.connect("ssh");
  RawPeer server = upstream.accept();
  server.send("up");
  EXPECT_EQ(client.read(2), "up");
  EXPECT_GE(proxy.advance_until_readable(client, 1min), 59min);
  EXPECT_EQ(client.await_end(), Peer::End::closed);
  EXPECT_EQ(server.await_end(), Peer::End::closed);
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("end"), "idle");
  EXPECT_EQ(line.at("bytesOut"), 2);
}

TEST(TcpSession, LogLineSaysEverything) {
  Upstream upstream;
  TestProxy proxy(ssh(service({upstream.endpoint()}, "gitlab/shell:22")));
  RawPeer client = proxy.connect("ssh", 0, "127.0.0.5");
  RawPeer server = upstream.accept();
  client.send("12345"), server.send("123");
  EXPECT_EQ(server.read(5) + client.read(3), "12345123");
  client.close();
  EXPECT_EQ(server.await_end(), Peer::End::closed);
  server.close();
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("kind"), "tcp");
  EXPECT_EQ(line.at("entryPoint"), "ssh");
  EXPECT_EQ(line.at("client"), "127.0.0.5");
  EXPECT_EQ(line.at("route"), "tcp route HostSNI(`*`)");
  EXPECT_EQ(line.at("service"), "gitlab/shell:22");
  EXPECT_EQ(line.at("endpoint").as_string(), upstream.endpoint().text());
  EXPECT_EQ(line.at("bytesIn"), 5);
  EXPECT_EQ(line.at("bytesOut"), 3);
  EXPECT_EQ(line.at("end"), "client closed");
  EXPECT_GE(line.at("durationMs").as_double(), 0.0);
  EXPECT_FALSE(line.contains("failure"));
}

}  // namespace
}  // namespace gatehouse
