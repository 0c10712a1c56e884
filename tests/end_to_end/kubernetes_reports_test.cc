// What kubectl shows of our work: addresses of Ingresses, Events; and which objects are read at all.
#include "tests/end_to_end/cluster_bench.h"

namespace gatehouse::end_to_end {
namespace {

class KubernetesReports : public ClusterBench {
 protected:
  std::string address() const {
    return kubectl("get ingress web -n shop -o jsonpath={.status.loadBalancer.ingress[*]['ip','hostname']}").text;
  }
  bool shows(const std::string& expected) const {
    return comes([&] { return address() == expected; }, std::chrono::seconds(20));
  }
  bool told(const std::string& reason, const std::string& ns = "shop") const {
    return comes(
        [&] {
          return kubectl("get events.events.k8s.io -n " + ns + " -o jsonpath={.items[*].reason}").text.find(reason) !=
                 std::string::npos;
        },
        std::chrono::seconds(20));
  }
  void put_shop(const std::string& secret = "") {
    api_.apply(service_text({"shop", "web"}, page_.endpoint()));
    apply(ingress_text({"shop", "web"}, "shop.test", "web", secret));
  }
  void put_load_balancer(const std::string& name, const std::string& ip) {
    api_.apply("apiVersion: v1\nkind: Service\nmetadata: {namespace: edge, name: " + name +
               "}\nspec: {type: LoadBalancer, selector: {app: gatehouse}, ports: [{port: 443}]}\n"
               "status: {loadBalancer: {ingress: [{ip: " +
               ip + "}]}}\n");
  }
  static GatehouseProcess::Settings with(const std::string& kubernetes) { return {.kubernetes = kubernetes}; }

  const AnsweringUpstream page_{"page"};
};

TEST_F(KubernetesReports, the_address_is_that_of_the_service_named) {
  put_load_balancer("front", "192.0.2.7");
  const auto running = ready_gatehouse(with("publishedService: edge/front"));
  put_shop();
  EXPECT_TRUE(shows("192.0.2.7")) << address();
  api_.patch("services/edge/front", R"({"status":{"loadBalancer":{"ingress":[{"hostname":"lb.example.com"}]}}})");
  EXPECT_TRUE(shows("lb.example.com")) << address();
}

TEST_F(KubernetesReports, the_service_is_found_by_the_pod_behind_it) {
  put_load_balancer("front", "192.0.2.7");
  api_.apply(
      "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {namespace: edge, name: front-1, labels: "
      "{kubernetes.io/service-name: front}}\naddressType: IPv4\nports: [{port: 8443}]\nendpoints: [{addresses: "
      "[10.0.0.1], targetRef: {kind: Pod, namespace: edge, name: a}}]\n");
  const auto running = ready_gatehouse();
  put_shop();
  EXPECT_TRUE(shows("192.0.2.7")) << address();
}

TEST_F(KubernetesReports, the_address_may_be_a_fixed_one) {
  const auto running = ready_gatehouse(with("ingressEndpoint: {ip: 192.0.2.9}"));
  put_shop();
  EXPECT_TRUE(shows("192.0.2.9")) << address();
}

// As the chart's job does before an uninstall, while the replicas still run.
TEST_F(KubernetesReports, the_status_is_cleared_and_no_replica_writes_it_again) {
  put_load_balancer("front", "192.0.2.7");
  const auto running = ready_gatehouse(with("publishedService: edge/front, leaderElection: {namespace: edge}"));
  put_shop();
  apply(ingress_text({"shop", "other"}, "other.test", "web"));
  api_.patch("ingresses/shop/other", R"({"spec":{"ingressClassName":"another"}})");
  api_.patch("ingresses/shop/other", R"({"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}})");
  ASSERT_TRUE(shows("192.0.2.7")) << address();
  const auto cleared =
      run_program({GATEHOUSE_PROGRAM, "status", "clear", "--config", (root_ / "a.yaml").string()}, root_.path());
  EXPECT_EQ(cleared.status, 0) << cleared.text;
  EXPECT_NE(cleared.text.find("removed from 1 Ingresses"), std::string::npos) << cleared.text;
  EXPECT_EQ(address(), "");
  EXPECT_NE(leader(), "a");
  EXPECT_EQ(kubectl("get ingress other -n shop -o jsonpath={.status.loadBalancer.ingress[*].ip}").text, "192.0.2.7");
  running->signal(SIGTERM);
  EXPECT_EQ(running->ended_within(std::chrono::seconds(20)), 0);
  EXPECT_EQ(address(), "");
}

TEST_F(KubernetesReports, the_leader_that_ends_after_its_service_clears_the_status) {
  put_load_balancer("front", "192.0.2.7");
  const auto running = ready_gatehouse(with("publishedService: edge/front"));
  put_shop();
  ASSERT_TRUE(shows("192.0.2.7")) << address();
  kubectl("delete service front -n edge --wait=false");
  ASSERT_TRUE(api_.object("services/edge/front").is_null());
  // What the same watch tells later was heard, so was that.
  api_.apply(service_text({"bank", "web"}, page_.endpoint()));
  apply(ingress_text({"bank", "web"}, "bank.test", "web"));
  ASSERT_TRUE(comes([&] { return running->body("bank.test") == "page"; }));
  running->signal(SIGTERM);
  EXPECT_EQ(running->ended_within(std::chrono::seconds(20)), 0) << running->log();
  EXPECT_EQ(address(), "") << running->log();
}

TEST_F(KubernetesReports, a_rollout_leaves_the_status) {
  put_load_balancer("front", "192.0.2.7");
  const auto running = ready_gatehouse(with("publishedService: edge/front"));
  put_shop();
  ASSERT_TRUE(shows("192.0.2.7")) << address();
  running->signal(SIGTERM);
  EXPECT_EQ(running->ended_within(std::chrono::seconds(20)), 0) << running->log();
  EXPECT_EQ(address(), "192.0.2.7") << running->log();
}

TEST_F(KubernetesReports, a_secret_that_is_missing_is_told_and_served_once_it_is_there) {
  for (const char* mode : {"secrets: all", "secrets: referenced"}) {
    const std::string ns = mode == std::string("secrets: all") ? "shop" : "bank";
    const auto running = ready_gatehouse(with(mode));
    api_.apply(service_text({ns, "web"}, page_.endpoint()));
    apply(ingress_text({ns, "web"}, ns + ".test", "web", "pair"));
    EXPECT_TRUE(told("SecretNotFound", ns)) << mode;
    const std::string before = shown_certificate(running->websecure(), ns + ".test");
    EXPECT_NE(before, "");
    apply(tls_secret_text({ns, "pair"}, ns + ".test"));
    EXPECT_TRUE(
        comes([&] { return shown_certificate(running->websecure(), ns + ".test") != before; }, std::chrono::seconds(5)))
        << mode;
    EXPECT_EQ(running->problems().find("pair"), std::string::npos) << running->problems();
  }
}

TEST_F(KubernetesReports, referenced_secrets_need_no_right_to_list_them) {
  api_.forbid("list", "secrets");
  const auto running = ready_gatehouse(with("secrets: referenced"));
  put_shop("pair");
  apply(tls_secret_text({"shop", "pair"}, "shop.test"));
  // Self-signed, by this name: the default certificate is another.
  EXPECT_TRUE(comes([&] { return running->problems().find("pair") == std::string::npos; })) << running->problems();
  const std::string shown = shown_certificate(running->websecure(), "shop.test");
  EXPECT_NE(shown, "");
  EXPECT_NE(shown, shown_certificate(running->websecure(), "nobody.test"));
}

TEST_F(KubernetesReports, the_younger_of_two_namespaces_that_claim_a_host_is_told) {
  const auto running = ready_gatehouse();
  api_.apply(service_text({"bank", "web"}, page_.endpoint()));
  put_shop();
  std::string younger = ingress_text({"bank", "web"}, "shop.test", "web");
  younger.replace(younger.find("namespace: bank"), 15, "namespace: bank, creationTimestamp: \"2099-01-01T00:00:00Z\"");
  api_.apply(younger);
  EXPECT_TRUE(told("ConflictingHost", "bank")) << running->problems();
  EXPECT_EQ(running->body("shop.test"), "page");
}

TEST_F(KubernetesReports, only_the_namespaces_given_are_read_and_roles_in_them_are_enough) {
  api_.apply(service_text({"bank", "web"}, page_.endpoint()) + ingress_text({"bank", "web"}, "bank.test", "web"));
  put_shop();
  const auto running = ready_gatehouse(with("namespaces: [shop]"));
  EXPECT_TRUE(comes([&] { return running->body("shop.test") == "page"; }));
  EXPECT_EQ(running->get("bank.test").status(), 404);
  for (const auto& request : api_.requests()) {
    const bool reads = request.verb == "list" || request.verb == "watch";
    EXPECT_TRUE(!reads || request.ns == "shop" || request.ns == "edge" || request.resource == "ingressclasses")
        << request.target;
  }
}

}  // namespace
}  // namespace gatehouse::end_to_end
