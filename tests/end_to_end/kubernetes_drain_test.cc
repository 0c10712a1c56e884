// SIGTERM: another leads at once, and nobody who is connected notices.
#include "tests/end_to_end/cluster_bench.h"
#include "tests/end_to_end/secure_shell.h"

#include <csignal>
#include <fstream>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

std::string file_text(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

class KubernetesDrain : public ClusterBench {
 protected:
  static GatehouseProcess::Settings graceful() {
    const std::string life = ", transport: {lifeCycle: {requestAcceptGraceTimeout: 2s, graceTimeOut: 60s}}";
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
}

TEST_F(KubernetesDrain, uploads_and_ssh_sessions_end_by_themselves) {
  if (!SecureShell::installed()) GTEST_SKIP() << "ssh is not installed";
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

  leaving->signal(SIGTERM);
  EXPECT_TRUE(comes([&] { return leaving->ask_admin("/ready").status() != 200; }));
  EXPECT_TRUE(comes([&] {
    try {
      RawPeer::connect(leaving->web());
      return false;
    } catch (const std::runtime_error&) {
      return true;  // it takes no more
    }
  }));
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
}

}  // namespace
}  // namespace gatehouse::end_to_end
