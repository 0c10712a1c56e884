// SIGTERM: another leads at once, and nobody who is connected notices.
#include "tests/doubles/missing.h"
#include "tests/end_to_end/cluster_bench.h"
#include "tests/end_to_end/secure_shell.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

std::string file_text(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

bool accepts(const Endpoint& endpoint) {
  try {
    RawPeer::connect(endpoint);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::uint16_t port_of(const RawPeer& peer) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(peer.descriptor(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

class KubernetesDrain : public ClusterBench {
 protected:
  static GatehouseProcess::Settings graceful(const std::string& limit = "60s") {
    const std::string life = ", transport: {lifeCycle: {requestAcceptGraceTimeout: 2s, graceTimeOut: " + limit + "}}";
    return {.web = life, .websecure = life, .ssh = life};
  }
};

TEST_F(KubernetesDrain, the_lease_is_handed_back_at_once) {
  const auto a = gatehouse("a", graceful());
  ASSERT_TRUE(comes([&] { return leader() == "a"; }));
  const auto b = gatehouse("b", graceful());
  ASSERT_TRUE(comes([&] { return b->ready(); }));
  const SystemClock clock;
  const TimePoint before = clock.now();
  a->signal(SIGTERM);
  EXPECT_TRUE(comes([&] { return leader() == "b"; })) << leader();
  EXPECT_LT(clock.now() - before, std::chrono::seconds(10)) << "a Lease that is not handed back takes 15";
  EXPECT_EQ(a->ended_within(std::chrono::seconds(20)), 0);
  EXPECT_NE(a->log().find("the API server is followed no more"), std::string::npos) << a->log();
}

TEST_F(KubernetesDrain, uploads_websockets_and_ssh_sessions_end_by_themselves) {
  if (!SecureShell::installed()) GTEST_SKIP() << missing("ssh");
  const SecureShell shell;
  Upstream upstream;
  api_.apply(service_text({"shop", "web"}, upstream.endpoint()) + ingress_text({"shop", "web"}, "shop.test", "web") +
             service_text({"gitlab", "shell"}, shell.endpoint(), 22) +
             shell_route_text("traefik.io", {"gitlab", "ssh"}, "shell"));
  const auto leaving = ready_gatehouse(graceful());
  const auto said = root_ / "said", go_on = root_ / "go-on";
  const auto session = shell.session(
      leaving->ssh(), "echo begun; until test -e " + go_on.string() + "; do sleep 0.02; done; echo over", said);
  ASSERT_TRUE(comes([&] { return file_text(said) == "begun\n"; }));
  RawPeer client = RawPeer::connect(leaving->web());
  client.send("PUT /file HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhalf ");
  RawPeer server = upstream.accept();
  const std::string upload = server.read_until("half ");
  EXPECT_TRUE(upload.starts_with("PUT /file")) << upload;

  RawPeer browser = RawPeer::connect(leaving->web());
  browser.send("GET /live HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  RawPeer live = upstream.accept();
  live.read_until("\r\n\r\n");
  live.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_TRUE(browser.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));

  leaving->signal(SIGTERM);
  EXPECT_TRUE(comes([&] { return leaving->ask_admin("/ready").status() == 503; }));
  EXPECT_EQ(leaving->get("nobody.test").status(), 404) << "balancers may not have seen yet that it leaves";
  EXPECT_TRUE(comes([&] { return !accepts(leaving->web()) && !accepts(leaving->ssh()); }));
  live.send("news");
  EXPECT_EQ(browser.read(4), "news");
  browser.send("thanks");
  EXPECT_EQ(live.read(6), "thanks");
  live.close();
  browser.close();
  client.send("whole");
  EXPECT_EQ(server.read(5), "whole");
  server.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status(), 201);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(leaving->running()) << "the session goes on";
  root_.write("go-on", "");
  EXPECT_EQ(session->ended_within(std::chrono::seconds(20)), 0);
  EXPECT_EQ(file_text(said), "begun\nover\n");
  EXPECT_EQ(leaving->ended_within(std::chrono::seconds(20)), 0);
  EXPECT_EQ(leaving->log().find("were cut"), std::string::npos);
}

TEST_F(KubernetesDrain, what_is_not_over_at_the_limit_is_cut_and_told) {
  Upstream upstream;
  api_.apply(service_text({"shop", "web"}, upstream.endpoint()) + ingress_text({"shop", "web"}, "shop.test", "web"));
  const auto leaving = ready_gatehouse(graceful("1s"));
  RawPeer client = RawPeer::connect(leaving->web());
  client.send("PUT /file HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhalf ");
  RawPeer server = upstream.accept();
  server.read_until("half ");
  leaving->signal(SIGTERM);
  EXPECT_TRUE(leaving->ended_within(std::chrono::seconds(20)).has_value());
  EXPECT_NE(leaving->log().find("1 connections were cut"), std::string::npos) << leaving->log();
  const std::string who = "cut: 127.0.0.1:" + std::to_string(port_of(client)) + " at entry point web";
  EXPECT_NE(leaving->log().find(who), std::string::npos) << leaving->log();
}

}  // namespace
}  // namespace gatehouse::end_to_end
