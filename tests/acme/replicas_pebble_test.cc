// Several replicas against a real ACME server and an API server over real HTTP.
#include "acme/record_coding.h"
#include "config/kubernetes/api_client.h"
#include "tests/doubles/acme/acme_bench.h"
#include "tests/doubles/acme/board_servers.h"
#include "tests/doubles/acme/pebble.h"
#include "tests/doubles/acme/replica.h"
#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/missing.h"

#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

const std::string secrets = std::string("/api/v1/namespaces/") + MemorySecrets::name_space + "/secrets";

class ReplicasWithPebble : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");
    server_.apply(R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}})");
    pebble_.emplace(PebbleOptions{{{"PEBBLE_AUTHZREUSE", "0"}}});
    bench_ = std::make_unique<AcmeBench>(pebble_->ca_pem());
    servers_ = std::make_unique<BoardServers>(bench_->io, pebble_->http_port(), pebble_->tls_port());
    api_ = std::make_unique<kubernetes::ApiClient>(
        kubernetes::ApiClient::Ports{bench_->io, bench_->deadlines, bench_->clock, AcmeBench::resolve_to_loopback,
                                     quiet_},
        kubernetes::Access{.server = server_.url()}, kubernetes::ApiLimits{.per_second = 10'000, .burst = 10'000});
    settings_.ca_server = pebble_->directory_url();
    settings_.ca_certificates = {root_.write("ca.pem", pebble_->ca_pem())};
    settings_.storage = "secrets";
    settings_.http_entry_point = "web";
  }

  // What is under way still uses them until the loop is gone.
  void TearDown() override {
    bury();
    server_.stop();
    if (!bench_) return;
    bench_->io.restart();
    bench_->io.run_for(std::chrono::milliseconds(300));
    graveyard_.clear();
  }
  void bury() {
    for (auto& replica : replicas_) {
      replica->die();
      graveyard_.push_back(std::move(replica));
    }
    replicas_.clear();
  }

  Replica& add(const std::vector<std::string>& hosts) {
    RenewalOptions options;
    options.rest = options.follow = std::chrono::milliseconds(5);
    options.load_again = std::chrono::milliseconds(100);
    replicas_.push_back(std::make_unique<Replica>(
        Replica::Ports{bench_->io, bench_->clock, api_->caller(),
                       [this](MemorySecrets::Watcher watcher) {
                         asio::co_spawn(bench_->io, watch(std::move(watcher)), asio::detached);
                       },
                       fetch_by_network(bench_->io, bench_->deadlines, AcmeBench::resolve_to_loopback), options,
                       std::chrono::milliseconds(300)},
        settings_));
    replicas_.back()->want(hosts);
    return *replicas_.back();
  }

  // An event a line, as the server writes them.
  Awaitable<void> watch(MemorySecrets::Watcher watcher) {
    auto line = std::make_shared<std::string>();
    kubernetes::ApiRequest request;
    request.path = secrets + "?watch=1&labelSelector=gatehouse.dev%2Frecord&timeoutSeconds=600";
    request.silence = std::chrono::minutes(15);
    std::function<bool(std::string_view)> take = [line, watcher](std::string_view piece) {
      for (const char c : piece) {
        line->push_back(c);
        if (c != '\n') continue;
        const auto event = json::parse(*line).as_object();
        line->clear();
        const auto& object = event.at("object").as_object();
        (event.at("type").as_string() == "DELETED" ? watcher.gone : watcher.seen)(object);
      }
      return true;
    };
    auto ended = co_await api_->stream(std::move(request), std::move(take));
    (void)ended;
  }

  bool run_until(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::seconds(40)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    bench_->io.restart();
    while (!done() && std::chrono::steady_clock::now() < end) bench_->io.run_one_for(std::chrono::milliseconds(20));
    return done();
  }

  bool serves(const Replica& replica, const std::string& host) {
    return std::any_of(replica.obtained().begin(), replica.obtained().end(),
                       [&](const auto& one) { return one.certificate->covers(host); });
  }
  bool all_serve(const std::string& host) {
    return std::all_of(replicas_.begin(), replicas_.end(),
                       [&](const auto& replica) { return replica->dead() || serves(*replica, host); });
  }
  std::size_t count(const std::string& kind) {
    std::size_t found = 0;
    for (const auto& secret : server_.objects("secrets"))
      found += secret.at("metadata").at("labels").at("gatehouse.dev/record").as_string() == kind;
    return found;
  }

  std::size_t orders_at_the_ca() {
    SecretStorage storage({MemorySecrets::name_space}, {api_->caller(), bench_->clock, [] { return false; }, {}});
    const auto contents = bench_->run(storage.load()).value();
    for (const Record& record : contents.records) {
      if (record.kind != RecordKind::account) continue;
      const Account known = account(record).value();
      Client client(bench_->fetch(), bench_->clock, pebble_->directory_url());
      const auto state = bench_->run(client.account(signer_of(known).value())).value();
      return bench_->run(client.orders(signer_of(known).value(), state.orders)).value().size();
    }
    return 0;
  }

  // The CA reaches only that replica.
  void show_board_of(const Replica& replica) { servers_->show(replica.board_now()); }

  TemporaryDirectory root_;
  Logger quiet_ = std::make_shared<spdlog::logger>("quiet");
  kubernetes::fake::ApiServer server_;
  std::optional<Pebble> pebble_;
  std::unique_ptr<AcmeBench> bench_;
  std::unique_ptr<kubernetes::ApiClient> api_;
  std::unique_ptr<BoardServers> servers_;
  AcmeSettings settings_;
  std::vector<std::unique_ptr<Replica>> replicas_, graveyard_;
};

TEST_F(ReplicasWithPebble, a_replica_that_does_not_lead_answers_the_challenges) {
  for (const bool by_tls : {false, true}) {
    settings_.http_entry_point = by_tls ? "" : "web";
    settings_.tls_challenge = by_tls;
    const std::string host = by_tls ? "tls.test" : "http.test";
    bury();
    for (int i = 0; i < 3; ++i) add({host});
    ASSERT_TRUE(run_until([&] { return replicas_[0]->loaded() && replicas_[1]->loaded() && replicas_[2]->loaded(); }));
    replicas_[0]->lead(true);
    const auto answered = servers_->answered();
    EXPECT_TRUE(run_until([&] {
      show_board_of(*replicas_[2]);
      return all_serve(host);
    })) << replicas_[0]->said();
    EXPECT_GT(servers_->answered(), answered);
    EXPECT_TRUE(run_until([&] { return count("challenge") == 0 && replicas_[2]->board().empty(); }));
    EXPECT_EQ(count("order"), 0u);
    replicas_[0]->lead(false);
  }
  EXPECT_EQ(orders_at_the_ca(), 2u);
}

TEST_F(ReplicasWithPebble, a_leader_killed_at_any_request_is_followed_by_another_with_the_same_order) {
  std::vector<std::string> hosts;
  bool finished = false;
  for (std::size_t step = 1; !finished; ++step) {
    hosts.push_back("h" + std::to_string(step) + ".test");
    bury();
    Replica& first = add(hosts);
    Replica& second = add(hosts);
    ASSERT_TRUE(run_until([&] { return first.loaded() && second.loaded(); }));
    first.die_at(step, step % 2 == 0 ? Replica::Moment::before : Replica::Moment::after);
    first.lead(true);
    run_until([&] {
      show_board_of(first);
      return first.dead() || serves(second, hosts.back());
    });
    finished = !first.dead();
    first.lead(false);
    second.lead(true);
    ASSERT_TRUE(run_until([&] {
      show_board_of(second);
      return serves(second, hosts.back()) && count("order") == 0 && count("challenge") == 0;
    })) << step
        << ": " << second.said();
    second.lead(false);
  }
  EXPECT_GT(hosts.size(), 20u);
  EXPECT_EQ(orders_at_the_ca(), hosts.size());
  EXPECT_EQ(count("certificate"), hosts.size());
}

}  // namespace
}  // namespace gatehouse::acme
