// Several replicas: one leads, all serve. With pebble as the CA, whose questions go to any of them in turn.
#include "tests/doubles/missing.h"
#include "tests/end_to_end/balancer.h"
#include "tests/end_to_end/cluster_bench.h"

#include <csignal>

namespace gatehouse::end_to_end {
namespace {

class KubernetesReplicas : public ClusterBench, public ::testing::WithParamInterface<std::size_t> {
 protected:
  using Replicas = std::vector<std::unique_ptr<GatehouseProcess>>;

  void SetUp() override {
    if (!acme::Pebble::installed()) GTEST_SKIP() << missing("pebble");
  }

  void start_ca(std::map<std::string, std::string> environment = {}) {
    environment["PEBBLE_AUTHZREUSE"] = "0";
    pebble_.emplace(acme::PebbleOptions{std::move(environment)});
    root_.write("ca.pem", pebble_->ca_pem());
  }

  // All ready, behind the port where the CA asks.
  void start_replicas(std::size_t count) {
    GatehouseProcess::Settings settings;
    settings.kubernetes = "ticketKeysSecret: ticket-keys";
    settings.rest = "certificatesResolvers:\n  pebble:\n    acme: {caServer: '" + pebble_->directory_url() +
                    "', caCertificates: [" + (root_ / "ca.pem").string() +
                    "], storage: kubernetes, httpChallenge: {entryPoint: web}}\n";
    settings.certificate_resolver = "pebble";
    std::vector<Endpoint> webs;
    for (std::size_t i = 0; i < count; ++i) {
      replicas_.push_back(gatehouse(std::string(1, static_cast<char>('a' + i)), settings));
      webs.push_back(replicas_.back()->web());
    }
    balancer_.emplace(pebble_->http_port(), webs);
    for (const auto& replica : replicas_) EXPECT_TRUE(comes([&] { return replica->ready(); })) << replica->log();
    EXPECT_TRUE(comes([&] { return !leader().empty(); }));
  }

  void want(const std::string& host) {
    api_.apply(service_text({"shop", "web"}, page_.endpoint()) + ingress_text({"shop", host}, host, "web"));
  }

  static bool serves(const GatehouseProcess& replica, const std::string& host) {
    const TemporaryDirectory folder;
    const auto shown = run_program({"sh", "-c",
                                    "openssl s_client -connect " + replica.websecure().text() + " -servername " + host +
                                        " </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName"},
                                   folder.path());
    return shown.text.find("Pebble") != std::string::npos && shown.text.find(host) != std::string::npos;
  }

  bool all_serve(const std::string& host, Duration limit = std::chrono::seconds(60)) {
    return comes(
        [&] {
          return std::ranges::all_of(replicas_, [&](const auto& replica) {
            return (!replica->running() && replica->name() == killed_) || serves(*replica, host);
          });
        },
        limit);
  }

  GatehouseProcess& named(const std::string& name) {
    for (const auto& replica : replicas_)
      if (replica->name() == name) return *replica;
    throw std::runtime_error("no replica " + name);
  }

  const AnsweringUpstream page_{"page"};
  std::optional<acme::Pebble> pebble_;
  Replicas replicas_;
  std::string killed_;
  std::optional<Balancer> balancer_;
};

TEST_P(KubernetesReplicas, one_orders_and_all_serve) {
  start_ca();
  start_replicas(GetParam());
  want("a.test");
  EXPECT_TRUE(all_serve("a.test"));
  want("b.test");
  EXPECT_TRUE(all_serve("b.test"));
  EXPECT_EQ(pebble_->orders(), 2u);
  for (const auto& replica : replicas_) {
    replica->kill();
    replica->start();
  }
  EXPECT_TRUE(all_serve("a.test"));
  EXPECT_EQ(pebble_->orders(), 2u);
}

TEST_P(KubernetesReplicas, a_session_is_resumed_at_another) {
  start_ca();
  start_replicas(GetParam());
  want("a.test");
  ASSERT_TRUE(all_serve("a.test"));
  const auto session = (root_ / "session").string();
  const auto connect = [&](const GatehouseProcess& replica, const std::string& words) {
    return run_program(
               {"sh", "-c",
                "printf 'GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client "
                "-ign_eof -connect " +
                    replica.websecure().text() + " -servername a.test " + words},
               root_.path())
        .text;
  };
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    connect(*replicas_.front(), version + " -sess_out " + session);
    const std::string resumed = connect(*replicas_.back(), version + " -sess_in " + session);
    EXPECT_NE(resumed.find("Reused, "), std::string::npos) << resumed;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, KubernetesReplicas, ::testing::Values(2, 3));

// The leader is killed at its n-th write of a Secret. Takes 20 s: its Lease has to run out.
using KubernetesLeader = KubernetesReplicas;

TEST_P(KubernetesLeader, killed_in_the_middle_of_an_order_another_finishes_it) {
  start_ca();
  start_replicas(2);
  const auto writes = [](const kubernetes::fake::View& now) {
    return now.count("create", "secrets") + now.count("update", "secrets") + now.count("patch", "secrets");
  };
  std::size_t before = 0;
  EXPECT_TRUE(api_.await([&](const auto& now) {
    before = writes(now);
    return true;
  }));
  want("a.test");
  ASSERT_TRUE(api_.await([&](const auto& now) { return writes(now) >= before + GetParam(); }));
  killed_ = leader();
  named(killed_).kill();
  EXPECT_TRUE(comes([&] { return !leader().empty() && leader() != killed_; })) << leader();
  EXPECT_TRUE(all_serve("a.test", std::chrono::seconds(90)));
  // One, unless the CA had taken the order and its URL was not written down yet when the leader was killed: nobody
  // knows of that order then, nor can find out, for the account's list of orders (RFC 8555 §7.1.2.1) is what large CAs
  // do not have. Or the CA was asking when nobody answered, which ends an order for good.
  EXPECT_LE(pebble_->orders(), 2u);
}

INSTANTIATE_TEST_SUITE_P(AtWrite, KubernetesLeader, ::testing::Values(1, 3));

}  // namespace
}  // namespace gatehouse::end_to_end
