// The loop against a real ACME server.
#include "acme/directory_storage.h"
#include "acme/record_coding.h"
#include "acme/renewals.h"
#include "tests/doubles/acme/acme_bench.h"
#include "tests/doubles/acme/board_servers.h"
#include "tests/doubles/acme/pebble.h"
#include "tests/doubles/missing.h"

#include <spdlog/sinks/ostream_sink.h>

#include <gtest/gtest.h>

#include <sstream>

namespace gatehouse::acme {
namespace {

class LoopWithPebble : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");
  }

  void start_pebble(PebbleOptions options = {{{"PEBBLE_AUTHZREUSE", "0"}}}) {
    pebble_.emplace(std::move(options));
    roots_ = root_.write("ca.pem", pebble_->ca_pem());
    bench_ = std::make_unique<AcmeBench>(pebble_->ca_pem());
    servers_ = std::make_unique<BoardServers>(bench_->io, pebble_->http_port(), pebble_->tls_port());
    settings_.ca_server = pebble_->directory_url();
    settings_.ca_certificates = {roots_};
    settings_.storage = root_ / "acme";
    settings_.http_entry_point = "web";
  }

  void start() {
    RenewalOptions options;
    options.look_for_requests = std::chrono::milliseconds(20);
    options.rest = std::chrono::milliseconds(5);
    renewals_ = std::make_unique<Renewals>(Renewals::Ports{
        bench_->io.get_executor(), bench_->clock, log_,
        fetch_by_network(bench_->io, bench_->deadlines, AcmeBench::resolve_to_loopback),
        [this](std::vector<ObtainedCertificate> all) { obtained_ = std::move(all); },
        [this](std::shared_ptr<const tls::ChallengeBoard> board) { servers_->show(std::move(board)); }, options});
    renewals_->use({{"le", {{}, settings_}}});
  }

  void stop() {
    renewals_.reset();
    // What is under way ends, and lets go of the storage.
    bench_->io.restart();
    bench_->io.run_for(std::chrono::seconds(1));
  }

  void want(const std::vector<std::string>& each) {
    requests_.clear();
    for (const auto& host : each) requests_.push_back({"le", hosts({host}), "test", {}});
    renewals_->want(requests_);
  }

  bool run_until(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    bench_->io.restart();
    while (!done() && std::chrono::steady_clock::now() < end) bench_->io.run_one_for(std::chrono::milliseconds(50));
    return done();
  }
  bool has(std::size_t certificates) {
    return run_until([&] { return obtained_.size() == certificates; });
  }

  Holdings stored() {
    Holdings holdings(DirectoryStorage::open(settings_.storage, DirectoryStorage::Mode::reading).value());
    EXPECT_TRUE(bench_->run(holdings.load()));
    return holdings;
  }

  std::size_t orders_at_the_ca() {
    const Account account = stored().account("le", pebble_->directory_url());
    Client client(bench_->fetch(), bench_->clock, pebble_->directory_url());
    const auto state = bench_->run(client.account(signer_of(account).value())).value();
    return bench_->run(client.orders(signer_of(account).value(), state.orders)).value().size();
  }

  TemporaryDirectory root_;
  std::string roots_;
  std::optional<Pebble> pebble_;
  std::unique_ptr<AcmeBench> bench_;
  std::unique_ptr<BoardServers> servers_;
  std::ostringstream said_;
  Logger log_ = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(said_));
  AcmeSettings settings_;
  std::unique_ptr<Renewals> renewals_;
  std::vector<ObtainedCertificate> obtained_;
  std::vector<CertificateRequest> requests_;
};

TEST_F(LoopWithPebble, a_host_gets_its_certificate_by_http_01_and_keeps_it_over_a_restart) {
  start_pebble();
  start();
  EXPECT_TRUE(obtained_.empty());
  want({"a.test"});
  ASSERT_TRUE(has(1)) << said_.str();
  EXPECT_EQ(obtained_[0].resolver, "le");
  EXPECT_TRUE(obtained_[0].certificate->covers("a.test"));
  EXPECT_GT(servers_->answered(), 0u);
  EXPECT_TRUE(run_until([&] { return servers_->shows_nothing(); }));
  const std::string fingerprint = obtained_[0].certificate->fingerprint();
  stop();
  obtained_.clear();
  start();
  ASSERT_EQ(obtained_.size(), 1u) << "stored certificates are there before anything is asked";
  want({"a.test"});
  run_until([] { return false; }, std::chrono::seconds(1));
  EXPECT_EQ(obtained_[0].certificate->fingerprint(), fingerprint);
  EXPECT_EQ(orders_at_the_ca(), 1u);
}

TEST_F(LoopWithPebble, a_host_gets_its_certificate_by_tls_alpn_01) {
  start_pebble();
  settings_.http_entry_point.clear();
  settings_.tls_challenge = true;
  start();
  want({"a.test"});
  ASSERT_TRUE(has(1)) << said_.str();
  EXPECT_GT(servers_->answered(), 0u);
}

TEST_F(LoopWithPebble, a_hundred_hosts_at_once_are_issued_once_each) {
  start_pebble();
  start();
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back("h" + std::to_string(i) + ".d" + std::to_string(i % 10) + ".test");
  want(many);
  ASSERT_TRUE(has(100)) << said_.str();
  EXPECT_EQ(orders_at_the_ca(), 100u);
  EXPECT_TRUE(stored().orders().empty());
}

TEST_F(LoopWithPebble, an_operator_has_one_renewed_and_revoked) {
  start_pebble();
  start();
  want({"a.test"});
  ASSERT_TRUE(has(1)) << said_.str();
  auto fingerprint = obtained_[0].certificate->fingerprint();
  const std::string record = stored().certificates().begin()->first;
  for (const auto kind : {OperatorRequest::Kind::renew, OperatorRequest::Kind::revoke}) {
    const auto left = leave_request(settings_.storage, {kind, record}, "");
    ASSERT_TRUE(left);
    ASSERT_TRUE(run_until([&] { return obtained_[0].certificate->fingerprint() != fingerprint; })) << said_.str();
    EXPECT_FALSE(std::filesystem::exists(*left));
    fingerprint = obtained_[0].certificate->fingerprint();
  }
  EXPECT_NE(said_.str().find("revoked"), std::string::npos) << said_.str();
  EXPECT_EQ(orders_at_the_ca(), 3u);
}

TEST_F(LoopWithPebble, an_operator_gives_the_account_a_new_key) {
  start_pebble();
  start();
  want({"a.test"});
  ASSERT_TRUE(has(1)) << said_.str();
  const Account before = stored().account("le", pebble_->directory_url());
  const std::string record = account_record_name("le", pebble_->directory_url());
  const auto left = leave_request(settings_.storage, {OperatorRequest::Kind::roll_key, record}, "").value();
  ASSERT_TRUE(run_until([&] { return !std::filesystem::exists(left); })) << said_.str();
  const Account after = stored().account("le", pebble_->directory_url());
  EXPECT_EQ(after.url, before.url);
  EXPECT_NE(after.key_pem, before.key_pem) << said_.str();
  want({"a.test", "b.test"});
  ASSERT_TRUE(has(2)) << said_.str();
  EXPECT_EQ(orders_at_the_ca(), 2u);
}

}  // namespace
}  // namespace gatehouse::acme
