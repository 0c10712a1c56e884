// `gatehouse run` with a real ACME server: from an Ingress to a verified handshake.
#include "acme/directory_storage.h"
#include "acme/holdings.h"
#include "tests/doubles/acme/acme_bench.h"
#include "tests/doubles/acme/pebble.h"

#include <gtest/gtest.h>

#include <sstream>

namespace gatehouse::acme {
namespace {

class EndToEnd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Pebble::installed()) GTEST_SKIP() << "pebble is not installed";
    pebble_.emplace(PebbleOptions{{{"PEBBLE_AUTHZREUSE", "0"}}});
    bench_ = std::make_unique<AcmeBench>(pebble_->ca_pem());
    FetchRequest request;
    request.url = pebble_->management_url() + "/roots/0";
    root_pem_ = bench_->run(bench_->fetcher.fetch(std::move(request))).value().body;
    write_configuration();
  }

  void write_configuration() {
    const std::string loopback = "127.0.0.1:";
    std::filesystem::create_directory(root_ / "manifests");
    root_.write("ca.pem", pebble_->ca_pem());
    root_.write("manifests/a.yaml",
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {ingressClassName: "
                "gatehouse, rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: "
                "{name: gone, port: {number: 80}}}}]}}]}\n");
    root_.write("gatehouse.yaml",
                "entryPoints:\n  web: {address: '" + loopback + std::to_string(pebble_->http_port()) +
                    "'}\n  websecure: {address: '" + loopback + std::to_string(pebble_->tls_port()) +
                    "', http: {tls: {certResolver: pebble}}}\nproviders: {manifests: {directory: " +
                    (root_ / "manifests").string() + "}}\ncertificatesResolvers:\n  pebble:\n    acme: {caServer: '" +
                    pebble_->directory_url() + "', caCertificates: [" + (root_ / "ca.pem").string() +
                    "], storage: " + storage().string() + ", httpChallenge: {entryPoint: web}}\nworkers: 2\n");
  }

  std::filesystem::path storage() const { return root_ / "acme"; }

  std::unique_ptr<ChildProcess> gatehouse(std::vector<std::string> words, const std::string& log = "log") {
    words.insert(words.begin(), GATEHOUSE_PROGRAM);
    words.insert(words.end(), {"--config", (root_ / "gatehouse.yaml").string()});
    return std::make_unique<ChildProcess>(words, std::map<std::string, std::string>{}, root_ / log);
  }

  // Whether a client that trusts pebble's root alone gets an answer, by a connection of its own.
  Result<FetchResponse> ask() {
    auto context = tls::make_client_context({.ca_pem = root_pem_}).value();
    Fetcher fetcher(bench_->io, bench_->deadlines, AcmeBench::resolve_to_loopback, {.tls = std::move(context)});
    FetchRequest request;
    request.url = "https://a.test:" + std::to_string(pebble_->tls_port()) + "/";
    return bench_->run(fetcher.fetch(std::move(request)));
  }

  bool comes(const std::function<bool()>& what) {
    const auto end = bench_->clock.now() + std::chrono::seconds(60);
    while (!what()) {
      if (bench_->clock.now() > end) return false;
      pause(std::chrono::milliseconds(20));
    }
    return true;
  }

  void pause(Duration time) { bench_->run(sleep(time)); }
  Awaitable<bool> sleep(Duration time) {
    co_await bench_->clock.sleep_until(bench_->clock.now() + time);
    co_return true;
  }

  std::shared_ptr<Holdings> stored() {
    auto opened = DirectoryStorage::open(storage(), DirectoryStorage::Mode::reading);
    if (!opened) return nullptr;
    auto holdings = std::make_shared<Holdings>(std::move(*opened));
    EXPECT_TRUE(bench_->run(holdings->load()));
    return holdings;
  }

  std::string fingerprint() {
    const auto holdings = stored();
    return !holdings || holdings->certificates().empty() ? ""
                                                         : holdings->certificates().begin()->second.held.fingerprint;
  }

  std::size_t orders_at_the_ca() {
    const Signer signer = signer_of(stored()->account("pebble", pebble_->directory_url())).value();
    Client client(bench_->fetch(), bench_->clock, pebble_->directory_url());
    const auto state = bench_->run(client.account(signer)).value();
    return bench_->run(client.orders(signer, state.orders)).value().size();
  }

  std::string log() { return (std::stringstream() << std::ifstream(root_ / "log").rdbuf()).str(); }

  TemporaryDirectory root_;
  std::optional<Pebble> pebble_;
  std::unique_ptr<AcmeBench> bench_;
  std::string root_pem_;
};

TEST_F(EndToEnd, a_host_is_served_with_the_certificate_of_the_ca_without_a_restart) {
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
  EXPECT_EQ(orders_at_the_ca(), 1u);
}

TEST_F(EndToEnd, no_handshake_fails_while_a_certificate_is_renewed) {
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
  const std::string before = fingerprint();
  const auto renewing = gatehouse({"certs", "renew", "a.test"}, "renew.log");
  const auto end = bench_->clock.now() + std::chrono::seconds(60);
  std::size_t asked = 0;
  while (fingerprint() == before && bench_->clock.now() < end) {
    const auto answer = ask();
    ASSERT_TRUE(answer) << describe(answer.error());
    ++asked;
  }
  EXPECT_NE(fingerprint(), before) << log();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(ask());
  EXPECT_GT(asked, 10u);
}

TEST_F(EndToEnd, killed_at_any_time_it_makes_one_order) {
  for (int i = 1; i <= 20 && fingerprint().empty(); ++i) {
    const auto serving = gatehouse({"run"});
    pause(std::chrono::milliseconds(20 * i));
  }
  const auto serving = gatehouse({"run"});
  // Killed while the CA looked at the answer, the order is refused, and the next one waits for a minute.
  std::unique_ptr<ChildProcess> trying_again;
  ASSERT_TRUE(comes([&] {
    if (!trying_again && log().find("1 failure") != std::string::npos)
      trying_again = gatehouse({"certs", "renew", "a.test"}, "renew.log");
    return ask().has_value();
  })) << log();
  EXPECT_EQ(orders_at_the_ca(), trying_again ? 2u : 1u);
  EXPECT_TRUE(comes([&] { return stored()->orders().empty(); }));
}

}  // namespace
}  // namespace gatehouse::acme
