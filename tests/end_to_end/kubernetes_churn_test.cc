// Objects come, change and go under load, and no request is lost.
#include "tests/end_to_end/cluster_bench.h"

#include <random>
#include <thread>

namespace gatehouse::end_to_end {
namespace {

// Asks a host again and again, on kept connections and new ones.
class Load {
 public:
  Load(const GatehouseProcess& target, std::string host)
      : request_("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), thread_([this, &target] { run(target); }) {}
  ~Load() { stop(); }

  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

  // Stops it.
  void expect_all_answered() {
    stop();
    EXPECT_EQ(failed_, 0u) << "of " << asked_ << ": " << first_failure_;
    EXPECT_GT(asked_, 100u);
  }
  std::size_t asked() const { return asked_; }

 private:
  void run(const GatehouseProcess& target) {
    while (!over_) {
      RawPeer peer = RawPeer::connect(target.web());
      for (int i = 0; i < 20 && !over_; ++i) {
        peer.send(request_);
        const Message answer = peer.read_message();
        ++asked_;
        if (answer.status() == 200 && answer.body == "page") continue;
        if (failed_++ == 0) first_failure_ = answer.head;
        break;
      }
    }
  }

  const std::string request_;
  std::atomic<bool> over_ = false;
  std::atomic<std::size_t> asked_ = 0;
  std::size_t failed_ = 0;
  std::string first_failure_;
  std::thread thread_;
};

class KubernetesChurn : public ClusterBench {
 protected:
  KubernetesChurn() : ClusterBench({.history = 200, .keep_requests = false}) {}

  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(dice_); }

  void change_something() {
    const std::string ns = any(2) == 0 ? "shop" : "bank", name = "x" + std::to_string(any(30));
    const std::string host = "x" + std::to_string(any(30)) + ".test", service = "x" + std::to_string(any(30));
    switch (any(8)) {
      case 0:
      case 1: return api_.apply(service_text({ns, name}, any(2) == 0 ? page_.endpoint() : other_.endpoint()));
      case 2:
      case 3: return api_.apply(ingress_text({ns, name}, host, service, any(3) == 0 ? "pair" : ""));
      case 4:
        return api_.apply(shell_route_text(any(2) == 0 ? "traefik.io" : "traefik.containo.us", {ns, name}, service));
      case 5: return (void)api_.remove("ingresses/" + ns + "/" + name);
      case 6: return (void)api_.remove("services/" + ns + "/" + name);
      case 7: return (void)api_.remove("endpointslices/" + ns + "/" + name + "-1");
    }
  }

  void break_something() {
    using kubernetes::fake::WatchEnd;
    constexpr WatchEnd ends[] = {WatchEnd::properly, WatchEnd::cut,    WatchEnd::cut_in_an_object,
                                 WatchEnd::expired,  WatchEnd::failed, WatchEnd::garbage};
    switch (any(6)) {
      case 0: api_.stop(); return down_ = true, void();
      case 1: return api_.end_watches(ends[any(std::size(ends))]);
      case 2: return api_.compact(), api_.cut_connections();
      case 3: return api_.inject({.times = 5, .status = 429, .retry_after = 1});
      case 4: return api_.inject({.times = 5, .delay = std::chrono::milliseconds(500)});
      case 5: return api_.inject({.times = 3, .cut_after = any(4000), .drip_bytes = 200});
    }
  }

  void mend() {
    api_.clear_faults();
    if (std::exchange(down_, false)) api_.start();
  }

  static std::chrono::seconds duration() {
    const char* given = std::getenv("GATEHOUSE_CHURN_SECONDS");
    return std::chrono::seconds(given == nullptr ? 4 : std::atoi(given));
  }

  const AnsweringUpstream page_{"page"}, other_{"other"};
  std::minstd_rand dice_{20260301};
  bool down_ = false;
};

// A pod of shop/web, in a slice of its own.
std::string pod_text(const AnsweringUpstream& pod, bool leaves = false) {
  const std::string port = std::to_string(pod.endpoint().port);
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {namespace: shop, name: web-" + port +
         ", labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nports: [{name: main, port: " + port +
         "}]\nendpoints: [{addresses: [127.0.0.1], conditions: " +
         (leaves ? "{ready: false, serving: true, terminating: true}" : "{ready: true}") + "}]\n";
}

TEST_F(KubernetesChurn, pods_that_roll_lose_no_request) {
  api_.apply(
      "apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: web}\n"
      "spec: {ports: [{name: main, port: 80, targetPort: main}]}\n---\n" +
      ingress_text({"shop", "web"}, "shop.test", "web"));
  auto pod = std::make_unique<AnsweringUpstream>("page");
  api_.apply(pod_text(*pod));
  const auto running = ready_gatehouse();
  ASSERT_EQ(running->body("shop.test"), "page");
  Load load(*running, "shop.test");
  for (int roll = 0; roll < 20; ++roll) {
    auto next = std::make_unique<AnsweringUpstream>("page");
    api_.apply(pod_text(*next));
    api_.apply(pod_text(*pod, true));
    ASSERT_TRUE(comes([&] { return next->requests() > 10; }));
    const std::string slice = "endpointslices/shop/web-" + std::to_string(pod->endpoint().port);
    pod.reset();
    api_.remove(slice);
    pod = std::move(next);
  }
  load.expect_all_answered();
}

// As pipelines have it: a namespace of their own for every branch.
TEST_F(KubernetesChurn, namespaces_that_come_and_go_cost_others_nothing) {
  api_.apply(service_text({"gitlab", "web"}, page_.endpoint()) + ingress_text({"gitlab", "web"}, "git.test", "web"));
  const auto running = ready_gatehouse();
  ASSERT_EQ(running->body("git.test"), "page");
  Load load(*running, "git.test");
  const auto name = [](int branch) { return "branch-" + std::to_string(branch); };
  constexpr int branches = 20, alive = 3;
  for (int branch = 0; branch < branches + alive; ++branch) {
    if (branch < branches) {
      const std::string ns = name(branch);
      api_.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + ns + "}\n---\n" +
                 service_text({ns, "web"}, other_.endpoint()) + ingress_text({ns, "web"}, ns + ".test", "web"));
      EXPECT_TRUE(comes([&] { return running->body(ns + ".test") == "other"; })) << running->problems();
    }
    if (branch < alive) continue;
    const std::string ns = name(branch - alive);
    EXPECT_TRUE(api_.remove("namespaces/" + ns));
    EXPECT_TRUE(comes([&] { return running->get(ns + ".test").status() == 404; })) << running->problems();
  }
  load.expect_all_answered();
}

// The API server fails in every way meanwhile, and in the end the routes are those of a process that has seen nothing
// of it. For 4 s, or as many as GATEHOUSE_CHURN_SECONDS says.
TEST_F(KubernetesChurn, untouched_hosts_lose_no_request_and_the_routes_are_right_in_the_end) {
  api_.apply(service_text({"gitlab", "web"}, page_.endpoint()) +
             ingress_text({"gitlab", "web"}, "untouched.test", "web") + tls_secret_text({"shop", "pair"}, "x1.test"));
  const auto living = ready_gatehouse();
  ASSERT_EQ(living->body("untouched.test"), "page");
  Load load(*living, "untouched.test");
  const SystemClock clock;
  const TimePoint end = clock.now() + duration();
  const TimePoint last_fault = end - duration() / 2;  // who has failed often waits long before it asks again
  for (std::size_t step = 1; clock.now() < end; ++step) {
    change_something();
    if (step % 100 == 0) mend();
    if (step % 100 == 50 && clock.now() < last_fault) break_something();
    EXPECT_TRUE(comes([&, asked = load.asked()] { return load.asked() > asked + 5; }));
  }
  mend();
  const auto fresh = gatehouse("fresh");
  ASSERT_TRUE(comes([&] { return fresh->ready(); }));
  EXPECT_TRUE(comes([&] { return living->routes() == fresh->routes(); })) << living->problems();
  load.expect_all_answered();
  EXPECT_EQ(living->log().find("terminate"), std::string::npos);
  RecordProperty("requests", std::to_string(load.asked()));
}

}  // namespace
}  // namespace gatehouse::end_to_end
