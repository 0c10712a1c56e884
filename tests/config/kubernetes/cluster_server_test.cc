// A Cluster against a whole API server, over real connections.
#include "config/kubernetes/cluster.h"

#include "config/kubernetes/api_client.h"
#include "config/kubernetes/kubeconfig.h"
#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;

std::string ingress(const std::string& name, const std::string& host) {
  return R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"a","name":")" + name +
         R"("},"spec":{"rules":[{"host":")" + host +
         R"(","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}}]}}]}})";
}
std::string secret(const std::string& name, const std::string& base64) {
  return R"({"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"namespace":"a","name":")" +
         name + R"("},"data":{"tls.crt":")" + base64 + R"(","tls.key":"a2V5"}})";
}
const std::string tcp_route =
    R"json({"apiVersion":"traefik.io/v1alpha1","kind":"IngressRouteTCP","metadata":{"namespace":"a","name":"ssh"},"spec":{"entryPoints":["ssh"],"routes":[{"match":"HostSNI(`*`)","services":[{"name":"shell","port":22}]}]}})json";

class ClusterServerTest : public testing::TestWithParam<fake::WatchList> {
 protected:
  ~ClusterServerTest() override {
    if (cluster) cluster->stop();
    EXPECT_TRUE(await([&] { return ended; }));
  }

  void start(ClusterOptions wishes = {}, bool traefik = true) {
    server.emplace(fake::Options{.traefik = traefik, .watch_list = GetParam(), .managed_fields = true});
    prepare();
    auto access = from_kubeconfig({{(folder / "config").string(), server->kubeconfig()}}, "").access.value();
    client.emplace(ApiClient::Ports{io, deadlines, clock, [](std::string) { return loopback(); }, log}, access);
    cluster =
        std::make_shared<Cluster>(Cluster::Ports{io.get_executor(), clock, client->streamer(), log}, std::move(wishes));
    ended = false;
    asio::co_spawn(io, cluster->run([this] {
      if (wanted) cluster->want_secrets(*wanted);
    }),
                   [this, held = cluster](std::exception_ptr) { ended = true; });
  }
  // Time passes when nothing else happens.
  bool await(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < limit) {
      io.restart();
      if (io.run_one_for(20ms) == 0) clock.advance(500ms);
    }
    return condition();
  }
  std::string host(const std::string& name) const {
    const auto found = cluster->objects().ingresses.find({"a", name});
    return found == cluster->objects().ingresses.end() ? "" : found->second->rules.at(0).host;
  }
  std::string certificate(const std::string& name) const {
    const auto found = cluster->objects().secrets.find({"a", name});
    return found == cluster->objects().secrets.end() ? "" : found->second->certificate;
  }
  static Awaitable<Result<std::vector<asio::ip::address>>> loopback() {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
  }

  void want(std::set<ObjectName> names) {
    wanted = std::move(names);
    cluster->want_secrets(*wanted);
  }

  std::function<void()> prepare = [] {};
  std::optional<std::set<ObjectName>> wanted;
  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  TemporaryDirectory folder;
  Logger log = std::make_shared<spdlog::logger>("quiet");
  std::optional<fake::ApiServer> server;
  std::optional<ApiClient> client;
  std::shared_ptr<Cluster> cluster;
  bool ended = true;
};

TEST_P(ClusterServerTest, FollowsChangesThroughEveryEndOfAWatch) {
  prepare = [this] {
    server->apply(ingress("web", "h0"));
    server->apply(ingress("gone", "x"));
  };
  start();
  ASSERT_TRUE(await([&] { return cluster->has_synced(); }));
  EXPECT_EQ(host("web"), "h0");
  const auto untouched = cluster->objects().ingresses.at({"a", "gone"});
  int round = 0;
  for (const auto end : {fake::WatchEnd::properly, fake::WatchEnd::cut, fake::WatchEnd::cut_in_an_object,
                         fake::WatchEnd::expired, fake::WatchEnd::failed, fake::WatchEnd::garbage}) {
    ++round;
    server->end_watches(end);
    server->apply(ingress("web", "h" + std::to_string(round)));
    ASSERT_TRUE(await([&] { return host("web") == "h" + std::to_string(round); })) << round;
  }
  EXPECT_EQ(cluster->objects().ingresses.at({"a", "gone"}), untouched);
  // It went while nobody could hear of it, and the server has forgotten.
  server->stop();
  server->remove("ingresses/a/gone");
  server->apply(ingress("web", "last"));
  server->compact();
  ASSERT_TRUE(await([&] { return !cluster->problems().empty(); }));
  EXPECT_EQ(host("gone"), "x");
  server->start();
  ASSERT_TRUE(await([&] { return host("web") == "last" && host("gone").empty(); }));
  EXPECT_TRUE(await([&] { return cluster->problems().empty(); }));
}

TEST_P(ClusterServerTest, NoticesACrdThatComesAndGoes) {
  start({}, false);
  ASSERT_TRUE(await([&] { return cluster->has_synced(); }));
  EXPECT_TRUE(cluster->problems().empty());
  server->install_crd();
  server->apply(tcp_route);
  ASSERT_TRUE(await([&] { return cluster->objects().tcp_routes.size() == 1; }));
  server->remove_crd();
  ASSERT_TRUE(await([&] { return cluster->objects().tcp_routes.empty(); }));
}

TEST_P(ClusterServerTest, PagesALargeListWhenTheServerHasForgotten) {
  prepare = [this] {
    for (int i = 0; i < 1200; ++i) server->apply(ingress("web-" + std::to_string(i), "h"));
  };
  start();
  ASSERT_TRUE(await([&] { return cluster->has_synced(); }));
  server->inject({.which = {.verb = "list", .resource = "ingresses"}, .cut_after = 100'000});
  server->end_watches(fake::WatchEnd::expired, "ingresses");
  server->remove("ingresses/a/web-7");
  ASSERT_TRUE(await([&] { return cluster->objects().ingresses.size() == 1199; }));
}

TEST_P(ClusterServerTest, HasTheSecretsThatAreWanted) {
  for (const auto way : {ClusterOptions::Secrets::all, ClusterOptions::Secrets::referenced}) {
    prepare = [this] {
      for (const char* name : {"x", "y", "z"}) server->apply(secret(name, "b2xk"));
    };
    start({.secrets = way, .most_secret_watches = 1});
    want({{"a", "x"}});
    ASSERT_TRUE(await([&] { return certificate("x") == "old"; }));
    want({{"a", "x"}, {"a", "y"}, {"a", "later"}});
    ASSERT_TRUE(await([&] { return certificate("y") == "old" && cluster->has_synced(); }));
    EXPECT_EQ(certificate("z"), "");
    for (const char* name : {"x", "y", "later"}) server->apply(secret(name, "bmV3"));
    ASSERT_TRUE(
        await([&] { return certificate("x") == "new" && certificate("y") == "new" && certificate("later") == "new"; }));
    cluster->stop();
    ASSERT_TRUE(await([&] { return ended; }));
    wanted.reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, ClusterServerTest,
                         testing::Values(fake::WatchList::supported, fake::WatchList::forbidden,
                                         fake::WatchList::ignored),
                         [](const auto& server) {
                           return server.param == fake::WatchList::supported   ? "WithStreamedLists"
                                  : server.param == fake::WatchList::forbidden ? "WithThemSwitchedOff"
                                                                               : "TooOldForThem";
                         });

}  // namespace
}  // namespace gatehouse::kubernetes
