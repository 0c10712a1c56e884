// The API server goes and comes: what was known serves on.
#include "tests/end_to_end/cluster_bench.h"

namespace gatehouse::end_to_end {
namespace {

class KubernetesOutage : public ClusterBench {
 protected:
  void put_shop(const std::string& host = "shop.test") {
    api_.apply(service_text({"shop", "web"}, page_.endpoint()) + ingress_text({"shop", "web"}, host, "web"));
  }
  static bool stale(const GatehouseProcess& gatehouse) {
    return gatehouse.problems().find("away since") != std::string::npos;
  }

  const AnsweringUpstream page_{"page"};
};

TEST_F(KubernetesOutage, it_is_ready_only_when_every_kind_was_read) {
  put_shop();
  api_.inject({.which = {.resource = "secrets"}, .times = 1'000'000, .status = 503});
  const auto waiting = gatehouse();
  ASSERT_TRUE(comes([&] { return waiting->ask_admin("/ping").status() == 200; }));
  ASSERT_TRUE(api_.await([](const auto& now) {
    return now.watches("ingresses") == 1 && now.watches("services") == 1 && now.watches("endpointslices") == 1;
  }));
  EXPECT_EQ(waiting->ask_admin("/ready").status(), 503);
  api_.clear_faults();
  EXPECT_TRUE(comes([&] { return waiting->ready(); }));
  EXPECT_EQ(waiting->body("shop.test"), "page");
}

TEST_F(KubernetesOutage, routes_stay_while_the_api_server_is_away_and_follow_when_it_is_back) {
  put_shop();
  const auto serving = ready_gatehouse();
  api_.stop();
  EXPECT_TRUE(comes([&] { return stale(*serving); })) << serving->problems();
  EXPECT_EQ(serving->body("shop.test"), "page");
  EXPECT_TRUE(serving->ready()) << "what is known is still good";
  EXPECT_EQ(serving->metrics().find("gatehouse_kubernetes_stale_seconds 0"), std::string::npos);
  put_shop("store.test");
  api_.start();
  EXPECT_TRUE(comes([&] { return serving->body("store.test") == "page"; }));
  EXPECT_EQ(serving->get("shop.test").status(), 404);
  EXPECT_TRUE(comes([&] {
    api_.bookmark();  // else a watch is trusted after 20 s
    return !stale(*serving);
  })) << serving->problems();
  EXPECT_NE(serving->metrics().find("gatehouse_kubernetes_stale_seconds 0"), std::string::npos);
}

TEST_F(KubernetesOutage, permissions_that_are_lost_cost_no_route) {
  put_shop();
  const auto serving = ready_gatehouse();
  api_.forbid("*", "*");
  api_.end_watches(kubernetes::fake::WatchEnd::expired);
  EXPECT_TRUE(comes([&] { return serving->problems().find("403") != std::string::npos; })) << serving->problems();
  EXPECT_EQ(serving->body("shop.test"), "page");
  api_.allow_all();
  put_shop("store.test");
  EXPECT_TRUE(comes([&] { return serving->body("store.test") == "page"; }));
}

TEST_F(KubernetesOutage, with_a_cache_it_starts_without_the_api_server) {
  put_shop();
  GatehouseProcess::Settings settings;
  settings.kubernetes = "cache: " + (root_ / "cache").string();
  const auto serving = ready_gatehouse(settings);
  ASSERT_EQ(serving->body("shop.test"), "page");
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(root_ / "cache"); }));
  api_.stop();
  serving->kill();
  serving->start();
  EXPECT_TRUE(comes([&] { return serving->body("shop.test") == "page"; })) << serving->problems();
  EXPECT_TRUE(comes([&] { return serving->ready(); }));
  EXPECT_NE(serving->problems().find("not heard yet"), std::string::npos) << serving->problems();
  put_shop("store.test");
  api_.start();
  EXPECT_TRUE(comes([&] { return serving->body("store.test") == "page"; }));
}

TEST_F(KubernetesOutage, without_a_cache_it_is_not_ready_until_the_api_server_comes) {
  put_shop();
  api_.stop();
  const auto waiting = gatehouse();
  ASSERT_TRUE(comes([&] { return stale(*waiting); }));
  EXPECT_EQ(waiting->ask_admin("/ready").status(), 503);
  api_.start();
  EXPECT_TRUE(comes([&] { return waiting->ready(); }));
  EXPECT_EQ(waiting->body("shop.test"), "page");
}

}  // namespace
}  // namespace gatehouse::end_to_end
