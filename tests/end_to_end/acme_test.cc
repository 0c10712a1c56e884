// `gatehouse run` with a real ACME server: from an Ingress to a verified handshake.
#include "acme/directory_storage.h"
#include "acme/holdings.h"
#include "acme/operator_request.h"
#include "base/base64.h"
#include "tests/doubles/acme/acme_bench.h"
#include "tests/doubles/acme/bind.h"
#include "tests/doubles/acme/pebble.h"
#include "tests/doubles/missing.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

#include <sstream>

namespace gatehouse::acme {
namespace {

constexpr const char* external_key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

class EndToEnd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");
    start_pebble({});
  }

  void start_pebble(const std::map<std::string, std::string>& external_keys, const std::string& dns_server = "") {
    pebble_.reset();
    pebble_.emplace(PebbleOptions{{{"PEBBLE_AUTHZREUSE", "0"}}, external_keys, dns_server});
    bench_ = std::make_unique<AcmeBench>(pebble_->ca_pem());
    FetchRequest request;
    request.url = pebble_->management_url() + "/roots/0";
    root_pem_ = bench_->run(bench_->fetcher.fetch(std::move(request))).value().body;
    write_configuration();
  }

  // `more`: of the resolver.
  void write_configuration(const std::string& more = "httpChallenge: {entryPoint: web}") {
    const std::string loopback = "127.0.0.1:";
    std::filesystem::create_directory(root_ / "manifests");
    root_.write("ca.pem", pebble_->ca_pem());
    write_ingress("a.test");
    root_.write("gatehouse.yaml", "entryPoints:\n  web: {address: '" + loopback + std::to_string(pebble_->http_port()) +
                                      "'}\n  websecure: {address: '" + loopback + std::to_string(pebble_->tls_port()) +
                                      "', http: {tls: {certResolver: pebble}}}\nproviders: {manifests: {directory: " +
                                      (root_ / "manifests").string() +
                                      "}}\ncertificatesResolvers:\n  pebble:\n    acme: {caServer: '" +
                                      pebble_->directory_url() + "', caCertificates: [" + (root_ / "ca.pem").string() +
                                      "], storage: " + storage().string() + ", " + more + "}\nworkers: 2\n");
  }

  void write_ingress(const std::string& host) {
    root_.write("manifests/a.yaml",
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {ingressClassName: "
                "gatehouse, rules: [{host: '" +
                    host +
                    "', http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gone, port: {number: "
                    "80}}}}]}}]}\n");
  }

  std::filesystem::path storage() const { return root_ / "acme"; }

  std::unique_ptr<ChildProcess> gatehouse(std::vector<std::string> words, const std::string& log = "log") {
    words.insert(words.begin(), GATEHOUSE_PROGRAM);
    words.insert(words.end(), {"--config", (root_ / "gatehouse.yaml").string()});
    return std::make_unique<ChildProcess>(words, std::map<std::string, std::string>{}, root_ / log);
  }

  // Whether a client that trusts pebble's root alone gets an answer, by a connection of its own.
  Result<FetchResponse> ask(const std::string& host = "a.test") { return ask(host, root_pem_); }
  Result<FetchResponse> ask(const std::string& host, const std::string& root_pem) {
    auto context = tls::make_client_context({.ca_pem = root_pem}).value();
    Fetcher fetcher(bench_->io, bench_->deadlines, AcmeBench::resolve_to_loopback, {.tls = std::move(context)});
    FetchRequest request;
    request.url = "https://" + host + ":" + std::to_string(pebble_->tls_port()) + "/";
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
  // Trying again goes on with the order that there is, if it was not refused.
  EXPECT_GE(orders_at_the_ca(), 1u);
  EXPECT_LE(orders_at_the_ca(), trying_again ? 2u : 1u);
  EXPECT_TRUE(comes([&] { return stored()->orders().empty(); }));
}

// Traefik's file: `host`'s certificate, made by `authority`, under the resolver's name.
std::string acme_json(const tls::InternalCa& authority, const std::string& host, WallTime now) {
  const auto certificate = authority.issue(HostName::parse(host).value(), now).value();
  const auto base64 = [](const std::string& text) {
    std::string encoded = base64url(text);
    for (char& c : encoded) c = c == '-' ? '+' : c == '_' ? '/' : c;
    return encoded.append((4 - encoded.size() % 4) % 4, '=');
  };
  return "{\"pebble\":{\"Account\":null,\"Certificates\":[{\"domain\":{\"main\":\"" + host + "\"},\"certificate\":\"" +
         base64(certificate->pem()) + "\",\"key\":\"" + base64(certificate->key_pem()) + "\",\"Store\":\"default\"}]}}";
}

TEST_F(EndToEnd, an_imported_certificate_is_served_and_nothing_is_ordered) {
  const WallTime now = bench_->clock.wall_now();
  const auto authority = tls::InternalCa::load_or_create(root_ / "authority", now).value();
  const auto file = root_.write("acme.json", acme_json(*authority, "a.test", now));
  const auto importing = gatehouse({"certs", "import", file.string()}, "import.log");
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(storage() / "requests"); }));
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask("a.test", authority->root_pem()).has_value(); })) << log();
  EXPECT_EQ(stored()->certificates().size(), 1u);
  EXPECT_TRUE(stored()->account("pebble", pebble_->directory_url()).url.empty());
}

TEST_F(EndToEnd, what_nobody_asks_for_is_pruned) {
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
  write_ingress("b.test");
  ASSERT_TRUE(comes([&] { return ask("b.test").has_value(); })) << log();
  ASSERT_EQ(stored()->certificates().size(), 2u);
  const auto pruning = gatehouse({"certs", "prune"}, "prune.log");
  ASSERT_TRUE(comes([&] { return stored()->certificates().size() == 1; })) << log();
  EXPECT_TRUE(ask("b.test").has_value());
}

TEST_F(EndToEnd, an_external_account_is_bound_and_wrong_keys_cost_only_until_they_are_right) {
  start_pebble({{"kid-1", external_key}});
  const std::string challenge = "httpChallenge: {entryPoint: web}, eab: {kid: kid-1, hmacEncoded: ";
  write_configuration(challenge + "d3Jvbmc}");
  {
    const auto serving = gatehouse({"run"});
    ASSERT_TRUE(comes([&] { return log().find("resolver pebble: account at") != std::string::npos; })) << log();
  }
  write_configuration(challenge + external_key + "}");
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
}

TEST_F(EndToEnd, a_wildcard_is_proved_by_updates_of_a_name_server) {
  if (!Bind::installed()) GTEST_SKIP() << missing("BIND");
  const Bind bind;
  const std::string server = bind.endpoint().text();
  start_pebble({}, server);
  write_configuration("dnsChallenge: {resolvers: ['" + server + "'], rfc2136: {nameserver: '" + server +
                      "', tsigKeyName: gatehouse, tsigSecret: " + Bind::secret + "}, propagation: {check: resolvers}}");
  write_ingress("*.example.test");
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask("x.example.test").has_value(); })) << log();
}

// No certificate ever comes: the program that should write the record fails.
TEST_F(EndToEnd, until_it_is_issued_a_host_shows_what_the_settings_say) {
  const std::string never = "dnsChallenge: {exec: {program: /bin/false}}, untilIssued: ";
  const auto own_ca = "}\n  own: {internal: {storage: " + (root_ / "own").string() + "}";
  for (const std::string until : {"none", "default", "internal"}) {
    SCOPED_TRACE(until);
    write_configuration(never + until + own_ca);
    const auto serving = gatehouse({"run"});
    std::string said;
    ASSERT_TRUE(comes([&] {
      const auto answer = ask();
      said = answer ? "" : describe(answer.error());
      return answer || said.find("refused") == std::string::npos;
    })) << log();
    const bool refused = said.find("unrecognized name") != std::string::npos;
    EXPECT_EQ(refused, until == "none") << said;
    const auto own = tls::InternalCa::load_or_create(root_ / "own", bench_->clock.wall_now()).value();
    EXPECT_EQ(ask("a.test", own->root_pem()).has_value(), until == "internal") << log();
  }
}

TEST_F(EndToEnd, settings_read_again_give_a_resolver_another_challenge) {
  write_configuration("tlsChallenge: {}");
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
  write_configuration("httpChallenge: {entryPoint: web}, email: somebody@a.test");
  write_ingress("b.test");
  serving->signal(SIGHUP);
  ASSERT_TRUE(comes([&] { return ask("b.test").has_value(); })) << log();
  EXPECT_TRUE(comes([&] {
    const auto contact = stored()->account("pebble", pebble_->directory_url()).contact;
    return contact == std::vector<std::string>{"mailto:somebody@a.test"};
  })) << log();
}

TEST_F(EndToEnd, killed_while_the_key_of_the_account_changes_it_keeps_the_account) {
  {
    const auto serving = gatehouse({"run"});
    ASSERT_TRUE(comes([&] { return ask().has_value(); })) << log();
  }
  const Account before = stored()->account("pebble", pebble_->directory_url());
  for (int i = 1; i <= 6; ++i) {
    const auto asking = gatehouse({"certs", "roll-key", "pebble"}, "roll.log");
    ASSERT_TRUE(comes([&] { return !waiting_requests(storage()).empty(); }));
    const auto serving = gatehouse({"run"});
    pause(std::chrono::milliseconds(25 * i));
  }
  const auto serving = gatehouse({"run"});
  ASSERT_TRUE(comes([&] { return waiting_requests(storage()).empty(); })) << log();
  write_ingress("b.test");
  ASSERT_TRUE(comes([&] { return ask("b.test").has_value(); })) << log();
  const Account after = stored()->account("pebble", pebble_->directory_url());
  EXPECT_EQ(after.url, before.url);
  EXPECT_NE(after.key_pem, before.key_pem);
  EXPECT_EQ(orders_at_the_ca(), 2u);
}

}  // namespace
}  // namespace gatehouse::acme
