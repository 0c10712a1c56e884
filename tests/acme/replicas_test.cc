// Several replicas with one storage in Secrets, in simulated time, with a CA in memory: one order a certificate,
// whoever leads, and whoever dies when.
#include "tests/doubles/acme/memory_ca.h"
#include "tests/doubles/acme/plain_values.h"
#include "tests/doubles/acme/replica.h"
#include "tests/doubles/acme/scripted_ca.h"
#include "tests/doubles/manual_clock.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

class Replicas : public ::testing::Test {
 protected:
  Replicas() {
    begin_anew();
    settings_.ca_server = ca_->directory_url();
    settings_.storage = "secrets";
    settings_.http_entry_point = "web";
  }

  // Another cluster; of the one before nothing runs on.
  void begin_anew() {
    replicas_.clear();
    io_ = std::make_unique<asio::io_context>();
    secrets_ = MemorySecrets();
    ca_.emplace(clock_, "ca");
    ca_->reuses_orders = true;
  }

  Replica& add() {
    const auto fetch = [this](const std::vector<std::string>&) -> Result<Client::Fetch> {
      return Client::Fetch([this](FetchRequest request) { return ca_->respond(std::move(request)); });
    };
    const auto watch = [this](MemorySecrets::Watcher watcher) { secrets_.watch(std::move(watcher)); };
    replicas_.push_back(
        std::make_unique<Replica>(Replica::Ports{*io_, clock_, secrets_.call(), watch, fetch}, settings_));
    return *replicas_.back();
  }
  void add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add().want({"a.test"});
  }
  Replica& at(std::size_t number) { return *replicas_.at(number); }

  // As a Lease does it: one, and another only after it.
  void lead(std::size_t number) {
    for (std::size_t i = 0; i < replicas_.size(); ++i)
      if (i != number && at(i).leads()) at(i).lead(false);
    at(number).lead(true);
  }

  void settle() {
    do {
      io_->restart();
      while (io_->poll() > 0) io_->restart();
    } while (secrets_.tell());
  }
  void pass(Duration time) {
    const TimePoint end = clock_.now() + time;
    settle();
    while (clock_.next_wake() <= end) {
      clock_.advance(std::max(clock_.next_wake() - clock_.now(), Duration::zero()));
      settle();
    }
    if (clock_.now() < end) clock_.advance(end - clock_.now());
    settle();
  }

  std::string fingerprint(std::size_t number) {
    const auto& all = at(number).obtained();
    return all.size() == 1 ? all[0].certificate->fingerprint() : "none or several";
  }
  // All that live serve the one certificate there is.
  void expect_all_serve(std::size_t orders) {
    EXPECT_EQ(ca_->orders(), orders);
    ASSERT_EQ(secrets_.names("certificate").size(), 1u);
    EXPECT_TRUE(secrets_.names("order").empty());
    EXPECT_TRUE(secrets_.names("challenge").empty());
    std::string one;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (at(i).dead()) continue;
      if (one.empty()) one = fingerprint(i);
      ASSERT_EQ(at(i).obtained().size(), 1u) << i << ": " << at(i).said();
      EXPECT_EQ(fingerprint(i), one);
    }
    EXPECT_NE(one, "");
  }

  ManualClock clock_;
  std::unique_ptr<asio::io_context> io_;
  std::optional<MemoryCa> ca_;
  MemorySecrets secrets_;
  AcmeSettings settings_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(Replicas, only_the_leader_orders_and_all_serve_within_a_second) {
  add(3);
  pass(std::chrono::minutes(5));
  EXPECT_EQ(ca_->requests(), 0u);
  EXPECT_TRUE(at(0).loaded());
  at(1).lead(true);
  pass(std::chrono::seconds(1));
  expect_all_serve(1);
  EXPECT_EQ(at(0).said(), "") << "not to lead is no trouble";
  pass(std::chrono::hours(24));
  EXPECT_EQ(ca_->orders(), 1u);
}

TEST_F(Replicas, one_that_starts_later_serves_what_is_there) {
  add(1);
  lead(0);
  pass(std::chrono::seconds(5));
  const std::size_t writes = secrets_.count("PATCH") + secrets_.count("POST");
  add(1);
  EXPECT_FALSE(at(1).loaded());
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(at(1).loaded());
  expect_all_serve(1);
  EXPECT_EQ(secrets_.count("PATCH") + secrets_.count("POST"), writes);
}

TEST_F(Replicas, leadership_that_wanders_makes_no_second_order_nor_account) {
  add(3);
  for (std::size_t turn = 0; turn < 9; ++turn) {
    lead(turn % 3);
    pass(std::chrono::hours(3));
  }
  expect_all_serve(1);
  EXPECT_EQ(ca_->accounts(), 1u);
}

TEST_F(Replicas, renewals_reach_everybody) {
  ca_->lifetime = std::chrono::hours(24 * 6);
  add(2);
  lead(0);
  pass(std::chrono::hours(1));
  const std::string first = fingerprint(1);
  pass(std::chrono::hours(24 * 4 + 12));
  expect_all_serve(2);
  EXPECT_NE(fingerprint(1), first);
}

TEST_F(Replicas, a_leader_killed_at_any_step_is_followed_by_another_with_the_same_order) {
  bool finished = false;
  std::size_t steps = 0;
  for (std::size_t step = 1; !finished; ++step) {
    for (const auto moment : {Replica::Moment::before, Replica::Moment::after}) {
      SCOPED_TRACE(std::to_string(step) + (moment == Replica::Moment::before ? " before" : " after"));
      begin_anew();
      add(2);
      pass(std::chrono::seconds(1));
      at(0).die_at(step, moment);
      at(0).lead(true);
      pass(std::chrono::minutes(1));
      finished = !at(0).dead();
      steps = step;
      at(0).lead(false);
      at(1).lead(true);
      pass(std::chrono::minutes(3));
      expect_all_serve(1);
      if (HasFatalFailure() || HasFailure()) return;
    }
  }
  EXPECT_GT(steps, 12u);
}

TEST_F(Replicas, who_loses_the_lease_at_any_step_stops_and_another_finishes) {
  bool finished = false;
  for (std::size_t step = 1; !finished; ++step) {
    SCOPED_TRACE(step);
    begin_anew();
    add(2);
    pass(std::chrono::seconds(1));
    std::size_t requests = 0;
    secrets_.before = [&](const auto&) {
      if (++requests == step) lead(1);
    };
    at(0).lead(true);
    pass(std::chrono::minutes(3));
    finished = requests < step;
    secrets_.before = {};
    expect_all_serve(1);
    EXPECT_LE(ca_->accounts(), 2u);
    if (HasFatalFailure() || HasFailure()) return;
  }
}

// Two that both believe they lead: a lease has no fences.
TEST_F(Replicas, of_two_leaders_one_gives_way_and_nothing_is_lost) {
  add(2);
  at(0).lead(true);
  at(1).lead(true);
  pass(std::chrono::minutes(30));
  expect_all_serve(1);
  EXPECT_LE(ca_->accounts(), 2u);
}

TEST_F(Replicas, a_certificate_somebody_deletes_is_ordered_anew) {
  add(2);
  lead(0);
  pass(std::chrono::minutes(1));
  const std::string first = fingerprint(1);
  secrets_.drop(secrets_.names("certificate").at(0));
  pass(std::chrono::minutes(1));
  expect_all_serve(2);
  EXPECT_NE(fingerprint(1), first);
}

TEST_F(Replicas, without_a_watch_everything_is_read_again_now_and_then) {
  add(2);
  secrets_.forget_watchers();
  lead(0);
  pass(std::chrono::minutes(12));
  expect_all_serve(1);
}

TEST_F(Replicas, an_api_server_that_is_away_costs_nothing_but_time) {
  secrets_.before = [&](const kubernetes::ApiRequest& request) {
    secrets_.refuse(request.method, {503, {}, "ServiceUnavailable", "away"});
  };
  add(2);
  lead(0);
  pass(std::chrono::minutes(2));
  EXPECT_FALSE(at(0).loaded());
  EXPECT_EQ(ca_->requests(), 0u);
  EXPECT_NE(at(0).said().find("503"), std::string::npos) << at(0).said();
  secrets_.before = {};
  pass(std::chrono::minutes(1));
  expect_all_serve(1);
}

TEST_F(Replicas, an_annotation_has_a_certificate_renewed_once) {
  add(2);
  lead(0);
  pass(std::chrono::minutes(1));
  const std::string first = fingerprint(1);
  json::object secret = *secrets_.secret(secrets_.names("certificate").at(0));
  secret.at("metadata").at("annotations").as_object()["gatehouse.dev/renew"] = "now";
  secrets_.put(secret);
  pass(std::chrono::minutes(1));
  expect_all_serve(2);
  EXPECT_NE(fingerprint(1), first);
  EXPECT_FALSE(secrets_.secret(secrets_.names("certificate").at(0))
                   ->at("metadata")
                   .at("annotations")
                   .as_object()
                   .contains("gatehouse.dev/renew"));
  pass(std::chrono::hours(1));
  EXPECT_EQ(ca_->orders(), 2u);
}

TEST_F(Replicas, the_command_line_asks_by_annotation_also_while_nobody_leads) {
  add(2);
  lead(0);
  pass(std::chrono::minutes(1));
  at(0).lead(false);
  const auto ask = [&](OperatorRequest request) -> Awaitable<void> {
    auto left = co_await at(1).place().leave(request);
    EXPECT_TRUE(left) << left.error().detail;
  };
  const OperatorRequest renew{OperatorRequest::Kind::renew, record_name("le", names({"a.test"}))};
  asio::co_spawn(*io_, ask(renew), asio::detached);
  pass(std::chrono::minutes(1));
  EXPECT_EQ(ca_->orders(), 1u);
  lead(1);
  pass(std::chrono::minutes(1));
  expect_all_serve(2);
}

TEST_F(Replicas, what_failed_is_tried_again_when_asked_for) {
  ca_->refuse_orders = said(403, R"({"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no"})");
  add(1);
  lead(0);
  pass(std::chrono::seconds(20));
  EXPECT_EQ(secrets_.names("certificate").size(), 0u);
  ca_->refuse_orders.reset();
  pass(std::chrono::seconds(20));
  EXPECT_EQ(secrets_.names("certificate").size(), 0u);
  const auto ask = [&](OperatorRequest request) -> Awaitable<void> {
    auto left = co_await at(0).place().leave(request);
    EXPECT_TRUE(left) << left.error().detail;
  };
  asio::co_spawn(*io_, ask({OperatorRequest::Kind::renew, record_name("le", names({"a.test"}))}), asio::detached);
  pass(std::chrono::seconds(10));
  EXPECT_EQ(secrets_.names("certificate").size(), 1u) << at(0).said();
}

TEST_F(Replicas, garbage_among_the_secrets_hurts_nobody) {
  add(2);
  lead(0);
  pass(std::chrono::minutes(1));
  json::object secret = *secrets_.secret(secrets_.names("certificate").at(0));
  const json::object good = secret;
  for (const char* annotation : {"gatehouse.dev/renew", "gatehouse.dev/record-name", "gatehouse.dev/written-by"}) {
    json::object bad = good;
    bad.at("metadata").at("annotations").as_object()[annotation] = std::string(5000, '/');
    secrets_.put(bad);
    pass(std::chrono::minutes(1));
    EXPECT_EQ(at(1).obtained().size(), 1u);
  }
  json::object bad = good;
  bad.at("data").as_object()["tls.crt"] = "AAAA";
  bad.at("metadata").at("annotations").as_object()["gatehouse.dev/written-by"] = "somebody";
  secrets_.put(bad);
  pass(std::chrono::minutes(1));
  EXPECT_EQ(at(1).obtained().size(), 1u) << "a follower keeps the last good one, the leader gets another";
}

}  // namespace
}  // namespace gatehouse::acme
