// The client, the account and the flow of an order against a real ACME server.
#include "tests/doubles/acme/pebble.h"
#include "acme/account.h"
#include "acme/order.h"
#include "acme/received_chain.h"
#include "base/base64.h"
#include "tests/doubles/acme/acme_bench.h"
#include "tests/doubles/acme/solvers.h"
#include "tests/doubles/missing.h"
#include "tls/digest.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse::acme {
namespace {

const OrderPolicy quick{.first_pause = std::chrono::milliseconds(20)};

class WithPebble : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");
  }

  void start(PebbleOptions options = {}) {
    pebble_.emplace(std::move(options));
    bench_ = std::make_unique<AcmeBench>(pebble_->ca_pem());
    http_ = std::make_unique<HttpSolver>(bench_->io, pebble_->http_port());
    dns_ = std::make_unique<ServedDnsSolver>(bench_->fetcher, pebble_->dns_management_url());
    client_ = new_client();
  }

  // As after a restart.
  std::unique_ptr<Client> new_client() { return new_client(bench_->fetch()); }
  std::unique_ptr<Client> new_client(Client::Fetch fetch) {
    return std::make_unique<Client>(std::move(fetch), bench_->clock, pebble_->directory_url());
  }

  Answer<Account> try_account(Account known = {}, AccountSettings settings = {}) {
    return bench_->run(ensure_account(*client_, std::move(known), std::move(settings), account_.keep()));
  }

  Signer signer() {
    if (!signer_) {
      const auto made = try_account();
      EXPECT_TRUE(made) << words(made);
      signer_ = signer_of(*made).value();
    }
    return *signer_;
  }

  PendingOrder order_for(const std::vector<std::string>& names) {
    PendingOrder pending;
    pending.names = hosts(names);
    return pending;
  }

  Answer<Issued> try_obtain(Solver& solver, PendingOrder pending, OrderPolicy policy = quick) {
    Signer who = signer();
    return bench_->run(
        obtain(*client_, std::move(who), solver, bench_->clock, std::move(pending), order_.keep(), std::move(policy)));
  }

  Issued issue(Solver& solver, const std::vector<std::string>& names, OrderPolicy policy = quick) {
    auto issued = try_obtain(solver, order_for(names), std::move(policy));
    EXPECT_TRUE(issued) << words(issued);
    if (!issued) throw std::runtime_error("not issued");
    EXPECT_TRUE(same_names(issued->certificate->names(), hosts(names)));
    return *issued;
  }

  std::size_t orders_at_the_ca() {
    auto client = new_client();
    const auto state = bench_->run(client->account(signer())).value();
    return bench_->run(client->orders(signer(), state.orders)).value().size();
  }

  std::string ask_management(const std::string& path) {
    FetchRequest request;
    request.url = pebble_->management_url() + path;
    return bench_->run(bench_->fetcher.fetch(std::move(request))).value().body;
  }

  std::string name_of_root(std::size_t number) {
    const std::string pem = ask_management("/roots/" + std::to_string(number));
    const std::string key = ask_management("/root-keys/" + std::to_string(number));
    return tls::Certificate::from_pem(pem, key).value()->subject().substr(3);  // CN=
  }

  // The JSON pebble's management gives for a certificate.
  std::string status_of(const tls::Certificate& certificate) {
    const std::string id = certificate.renewal_id();
    const std::string serial = from_base64url(id.substr(id.find('.') + 1)).value();
    std::string hex = tls::hex(serial);
    hex.erase(0, hex.find_first_not_of('0'));
    return ask_management("/cert-status-by-serial/" + hex);
  }

  std::optional<Pebble> pebble_;
  std::unique_ptr<AcmeBench> bench_;
  std::unique_ptr<HttpSolver> http_;
  std::unique_ptr<ServedDnsSolver> dns_;
  std::unique_ptr<Client> client_;
  std::optional<Signer> signer_;
  Kept<Account> account_;
  Kept<PendingOrder> order_;
};

TEST_F(WithPebble, a_certificate_is_issued_by_http_01) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}}});
  const Issued issued = issue(*http_, {"a.test"});
  EXPECT_TRUE(tls::Certificate::from_pem(issued.chain_pem, issued.key_pem));
  EXPECT_EQ(issued.key_pem, order_.value->key_pem);
  EXPECT_EQ(http_->presented_in_all(), 1u);
  EXPECT_EQ(http_->shown(), 0u);
}

TEST_F(WithPebble, several_names_are_proved_at_the_same_time) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}}});
  issue(*http_, {"a.test", "b.test", "c.test"});
  EXPECT_EQ(http_->shown_at_once(), 3u);
  EXPECT_EQ(http_->shown(), 0u);
}

TEST_F(WithPebble, a_wildcard_and_its_base_are_issued_by_dns_01) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}}});
  issue(*dns_, {"*.w.test", "w.test"});
  EXPECT_EQ(dns_->presented_in_all(), 2u);
  EXPECT_EQ(dns_->shown(), 0u);
}

TEST_F(WithPebble, a_certificate_is_issued_by_tls_alpn_01) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}}});
  AlpnSolver solver(bench_->io, pebble_->tls_port());
  issue(solver, {"a.test", "b.test"});
  EXPECT_EQ(solver.presented_in_all(), 2u);
  EXPECT_EQ(solver.shown(), 0u);
}

TEST_F(WithPebble, a_wildcard_is_refused_by_name_where_the_solver_cannot_prove_it) {
  start();
  const auto issued = try_obtain(*http_, order_for({"*.w.test"}));
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().remedy, Remedy::host);
  EXPECT_NE(words(issued).find("w.test: the CA does not offer http-01"), std::string::npos) << words(issued);
}

TEST_F(WithPebble, valid_authorizations_are_not_proved_again) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "100"}}});
  issue(*http_, {"a.test"});
  issue(*http_, {"a.test"});
  EXPECT_EQ(http_->presented_in_all(), 1u);
}

TEST_F(WithPebble, half_of_all_nonces_may_be_rejected) {
  start({.environment = {{"PEBBLE_WFE_NONCEREJECT", "50"}, {"PEBBLE_AUTHZREUSE", "0"}}});
  for (int i = 0; i < 5; ++i) issue(*http_, {"a.test", "b.test"});
}

TEST_F(WithPebble, keys_of_every_kind_are_certified) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "100"}}});
  for (const auto type : {tls::KeyType::p384, tls::KeyType::rsa2048}) {
    OrderPolicy policy = quick;
    policy.key_type = type;
    const Issued issued = issue(*http_, {"a.test"}, policy);
    EXPECT_EQ(tls::PrivateKey::from_pem(issued.key_pem).value().type(), type);
  }
}

TEST_F(WithPebble, a_failing_validation_is_told_in_clear_words) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}}});
  http_->lie("something else");
  const auto issued = try_obtain(*http_, order_for({"a.test", "b.test"}));
  ASSERT_FALSE(issued);
  const Trouble& trouble = issued.error();
  EXPECT_EQ(trouble.remedy, Remedy::host);
  EXPECT_EQ(trouble.failure.kind, FailureKind::validation_failed);
  EXPECT_TRUE(trouble.order_over);
  EXPECT_EQ(trouble.hosts.size(), 2u);
  EXPECT_NE(words(issued).find("a.test: "), std::string::npos) << words(issued);
  EXPECT_EQ(http_->shown(), 0u);
}

TEST_F(WithPebble, the_preferred_chain_is_chosen) {
  start({.environment = {{"PEBBLE_ALTERNATE_ROOTS", "2"}, {"PEBBLE_CHAIN_LENGTH", "2"}, {"PEBBLE_AUTHZREUSE", "100"}}});
  issue(*http_, {"a.test"});
  const std::string key = order_.value->key_pem;
  const auto order = bench_->run(client_->order(signer(), order_.value->url)).value();
  const auto chains = bench_->run(client_->certificate(signer(), order.certificate)).value();
  ASSERT_EQ(chains.size(), 3u);
  for (std::size_t root = 0; root < chains.size(); ++root) {
    const std::string name = name_of_root(root);
    const auto fits = [&](const std::string& chain) {
      return tls::Certificate::from_pem(chain, key).value()->issued_by(name);
    };
    EXPECT_EQ(std::count_if(chains.begin(), chains.end(), fits), 1) << name;
    OrderPolicy policy = quick;
    policy.preferred_chain = name;
    EXPECT_TRUE(issue(*http_, {"a.test"}, policy).certificate->issued_by(name));
  }
  OrderPolicy policy = quick;
  policy.preferred_chain = "Nobody";
  issue(*http_, {"a.test"}, policy);
}

TEST_F(WithPebble, an_account_is_found_again_by_its_key) {
  start();
  const Account first = try_account().value();
  Account forgotten = first;
  forgotten.url.clear();
  EXPECT_EQ(try_account(forgotten).value().url, first.url);
  const int saves = account_.saves;
  EXPECT_EQ(try_account(first).value(), first);
  EXPECT_EQ(account_.saves, saves);  // nothing to do, nothing written
}

TEST_F(WithPebble, a_changed_contact_is_told_to_the_ca) {
  start();
  const Account first = try_account({}, {.contact = {"mailto:a@example.com"}}).value();
  const Account second = try_account(first, {.contact = {"mailto:b@example.com"}}).value();
  EXPECT_EQ(second.url, first.url);
  const auto state = bench_->run(client_->account(signer_of(second).value())).value();
  EXPECT_EQ(state.contact, std::vector<std::string>{"mailto:b@example.com"});
}

TEST_F(WithPebble, an_account_the_ca_does_not_know_is_told_apart_and_made_again) {
  start();
  Account account = try_account().value();
  const std::string key = tls::PrivateKey::make(tls::KeyType::p256).value().pem();
  account.key_pem = key;  // as if the CA had lost it
  account.url += "77";
  signer_ = signer_of(account).value();
  const auto issued = try_obtain(*http_, order_for({"a.test"}));
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().remedy, Remedy::new_account) << words(issued);
  account.url.clear();
  const Account again = try_account(account).value();
  EXPECT_EQ(again.key_pem, key);
  signer_ = signer_of(again).value();
  issue(*http_, {"a.test"});
}

TEST_F(WithPebble, an_external_account_is_bound) {
  const std::string key = base64url("0123456789abcdef0123456789abcdef");
  start({.external_keys = {{"kid-1", key}}});
  const auto without = try_account();
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().remedy, Remedy::person);
  EXPECT_FALSE(try_account({}, {.external = ExternalAccount{"kid-1", "wrong"}}));
  const auto with = try_account({}, {.external = ExternalAccount{"kid-1", from_base64url(key).value()}});
  EXPECT_TRUE(with) << words(with);
}

TEST_F(WithPebble, the_key_of_an_account_is_rolled_over) {
  start();
  const Account before = try_account().value();
  const auto after = bench_->run(roll_key(*client_, before, {}, account_.keep()));
  ASSERT_TRUE(after) << words(after);
  EXPECT_EQ(after->url, before.url);
  EXPECT_NE(after->key_pem, before.key_pem);
  EXPECT_EQ(after->next_key_pem, "");
  EXPECT_EQ(*account_.value, *after);
  EXPECT_FALSE(bench_->run(client_->account(signer_of(before).value())));
  signer_ = signer_of(*after).value();
  issue(*http_, {"a.test"});
}

TEST_F(WithPebble, a_certificate_is_revoked_once_and_for_all) {
  start();
  const Issued issued = issue(*http_, {"a.test"});
  EXPECT_NE(status_of(*issued.certificate).find("Valid"), std::string::npos);
  for (int i = 0; i < 2; ++i) {
    const auto revoked = bench_->run(client_->revoke(signer(), issued.certificate->der(), 4));
    EXPECT_TRUE(revoked) << words(revoked);
  }
  EXPECT_NE(status_of(*issued.certificate).find("Revoked"), std::string::npos);
}

TEST_F(WithPebble, a_certificate_is_revoked_by_its_own_key) {
  start();
  const Issued issued = issue(*http_, {"a.test"});
  auto key = std::make_shared<const tls::PrivateKey>(tls::PrivateKey::from_pem(issued.key_pem).value());
  const auto revoked = bench_->run(client_->revoke({key, {}}, issued.certificate->der(), 1));
  EXPECT_TRUE(revoked) << words(revoked);
}

TEST_F(WithPebble, nothing_is_ordered_when_it_cannot_be_kept) {
  start();
  signer();
  order_.disk_full = true;
  const auto issued = try_obtain(*http_, order_for({"a.test"}));
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().remedy, Remedy::try_again);
  EXPECT_EQ(orders_at_the_ca(), 0u);
}

// The power fails around one request after the other: before it reaches the CA, or before its answer reaches us.
class PowerFailure {
 public:
  PowerFailure(Client::Fetch fetch, int requests, bool answer_lost)
      : fetch_(std::move(fetch)), left_(requests), answer_lost_(answer_lost) {}

  bool happened() const { return left_ < 0; }
  Client::Fetch fetch() {
    return [this](FetchRequest request) { return ask(std::move(request)); };
  }

 private:
  Awaitable<Result<FetchResponse>> ask(FetchRequest request) {
    const Failure lost(FailureKind::connect_failed, "the power failed");
    --left_;
    if (left_ < -1 || (left_ == -1 && !answer_lost_)) co_return lost;
    auto response = co_await fetch_(std::move(request));
    if (left_ < 0) co_return lost;
    co_return response;
  }

  Client::Fetch fetch_;
  int left_;
  const bool answer_lost_;
};

class PowerFails : public WithPebble, public ::testing::WithParamInterface<bool> {};

TEST_P(PowerFails, at_every_request_and_still_there_is_one_order_and_one_certificate) {
  start({.environment = {{"PEBBLE_AUTHZREUSE", "0"}, {"PEBBLE_WFE_NONCEREJECT", "0"}}});
  signer();
  std::size_t orders = 0;
  for (int step = 0;; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    ASSERT_LT(step, 100);
    PowerFailure power(bench_->fetch(), step, GetParam());
    client_ = new_client(power.fetch());
    order_ = {};
    OrderPolicy policy = quick;
    policy.validation_limit = policy.issuance_limit = std::chrono::milliseconds(100);  // polls on while there is power
    // Pebble may reuse authorizations whatever it is told, so each step has its own host.
    const auto first = try_obtain(*http_, order_for({"step" + std::to_string(step) + ".test"}), policy);
    client_ = new_client();
    if (!power.happened()) break;
    ASSERT_FALSE(first);
    EXPECT_FALSE(first.error().order_over) << words(first);
    ASSERT_TRUE(order_.value);
    const std::string key = order_.value->key_pem;
    const auto second = try_obtain(*http_, *order_.value);
    ASSERT_TRUE(second) << words(second);
    EXPECT_EQ(second->key_pem, key);
    EXPECT_EQ(orders_at_the_ca(), ++orders);
    EXPECT_EQ(http_->shown(), 0u);
  }
  EXPECT_GE(orders, 8u);
}

TEST_P(PowerFails, at_every_request_of_a_key_change_and_the_account_is_not_lost) {
  start({.environment = {{"PEBBLE_WFE_NONCEREJECT", "0"}}});
  Account account = try_account().value();
  const std::string url = account.url;
  for (int step = 0;; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    ASSERT_LT(step, 100);
    PowerFailure power(bench_->fetch(), step, GetParam());
    client_ = new_client(power.fetch());
    const auto rolled = bench_->run(roll_key(*client_, account, {}, account_.keep()));
    client_ = new_client();
    if (!power.happened()) break;
    ASSERT_FALSE(rolled);
    const auto after = try_account(*account_.value);
    ASSERT_TRUE(after) << words(after);
    EXPECT_EQ(after->url, url);
    EXPECT_NE(after->key_pem, account.key_pem);
    EXPECT_TRUE(bench_->run(client_->account(signer_of(*after).value())));
    account = *after;
  }
}

INSTANTIATE_TEST_SUITE_P(Request, PowerFails, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "answer_lost" : "never_sent"; });

}  // namespace
}  // namespace gatehouse::acme
