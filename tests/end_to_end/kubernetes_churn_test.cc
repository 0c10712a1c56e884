// Random objects come, change and go, the API server fails in every way, under load: hosts that nobody touches lose no
// request, and in the end the routes are those of a process that has seen nothing of it. For 12 s, or as many as
// GATEHOUSE_CHURN_SECONDS says.
#include "tests/end_to_end/cluster_bench.h"

#include <random>
#include <thread>

namespace gatehouse::end_to_end {
namespace {

// Asks a host again and again, on kept connections and new ones.
class Load {
 public:
  explicit Load(const GatehouseProcess& target) : thread_([this, &target] { run(target); }) {}
  ~Load() { stop(); }

  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::size_t asked = 0, failed = 0;  // once it has stopped
  std::string first_failure;

 private:
  void run(const GatehouseProcess& target) {
    while (!over_) {
      RawPeer peer = RawPeer::connect(target.web());
      for (int i = 0; i < 20 && !over_; ++i) {
        peer.send("GET / HTTP/1.1\r\nHost: untouched.test\r\n\r\n");
        const Message answer = peer.read_message();
        ++asked;
        if (answer.status() == 200 && answer.body == "page") continue;
        if (failed++ == 0) first_failure = answer.head;
        break;
      }
    }
  }

  std::atomic<bool> over_ = false;
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
    return std::chrono::seconds(given == nullptr ? 12 : std::atoi(given));
  }

  const AnsweringUpstream page_{"page"}, other_{"other"};
  std::minstd_rand dice_{20260301};
  bool down_ = false;
};

TEST_F(KubernetesChurn, untouched_hosts_lose_no_request_and_the_routes_are_right_in_the_end) {
  api_.apply(service_text({"gitlab", "web"}, page_.endpoint()) +
             ingress_text({"gitlab", "web"}, "untouched.test", "web") + tls_secret_text({"shop", "pair"}, "x1.test"));
  const auto living = ready_gatehouse();
  ASSERT_EQ(living->body("untouched.test"), "page");
  Load load(*living);
  const SystemClock clock;
  const TimePoint end = clock.now() + duration();
  for (std::size_t step = 1; clock.now() < end; ++step) {
    change_something();
    if (step % 100 == 0) mend();
    if (step % 100 == 50) break_something();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  mend();
  const auto fresh = gatehouse("fresh");
  ASSERT_TRUE(comes([&] { return fresh->ready(); }));
  EXPECT_TRUE(comes([&] { return living->routes() == fresh->routes(); })) << living->problems();
  load.stop();
  EXPECT_EQ(load.failed, 0u) << "of " << load.asked << ": " << load.first_failure;
  EXPECT_GT(load.asked, 1000u);
  EXPECT_EQ(living->log().find("terminate"), std::string::npos);
  RecordProperty("requests", std::to_string(load.asked));
}

}  // namespace
}  // namespace gatehouse::end_to_end
