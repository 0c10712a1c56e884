// What pebble does not have or does not do: renewal information, profiles, rate limits, a CA that is ill or hostile.
#include "acme/client.h"

#include "acme/json.h"
#include "acme/order.h"
#include "acme/polling.h"
#include "tests/doubles/acme/scripted_ca.h"
#include "tests/doubles/manual_clock.h"

#include <boost/asio/co_spawn.hpp>

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;

class Idle final : public Solver {
 public:
  std::string_view type() const override { return "http-01"; }
  Awaitable<Result<void>> present(Challenge) override { co_return outcome; }
  Awaitable<Result<void>> clean_up(Challenge) override {
    ++cleaned;
    co_return Result<void>();
  }

  Result<void> outcome = Result<void>();
  int cleaned = 0;
};

class ClientTest : public ::testing::Test {
 protected:
  const std::string new_order = "https://ca.example/new-order", order = "https://ca.example/order/1";

  // Whoever sleeps is woken at once, by as much time as it wanted.
  template <class T>
  T run(Awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr, T value) { result.emplace(std::move(value)); });
    io.restart();
    while (!result) {
      io.poll();
      io.restart();
      if (result) break;
      if (clock.sleepers() == 0) throw std::runtime_error("the test hangs");
      clock.advance(clock.next_wake() - clock.now());
    }
    return std::move(*result);
  }

  static std::string order_json(const std::string& status, const std::string& name = "a.example") {
    return R"({"status":")" + status + R"(","identifiers":[{"type":"dns","value":")" + name +
           R"("}],"authorizations":["https://ca.example/authz"],"finalize":"https://ca.example/finalize",
           "certificate":"https://ca.example/certificate"})";
  }
  static std::string authorization_json(const std::string& status) {
    return R"({"status":")" + status + R"(","identifier":{"type":"dns","value":"a.example"},"challenges":[
      {"type":"http-01","status":"pending","url":"https://ca.example/chall","token":"aaaaaaaaaaaaaaaaaaaaaaaa"}]})";
  }

  PendingOrder pending(std::string url = {}) {
    PendingOrder wanted;
    wanted.names = {HostName::parse("a.example").value()};
    wanted.url = std::move(url);
    return wanted;
  }

  Answer<Issued> try_obtain(PendingOrder wanted, OrderPolicy policy = {}) {
    KeepOrder keep = [this](PendingOrder next) { return save(std::move(next)); };
    return run(obtain(client, signer, solver, clock, std::move(wanted), std::move(keep), std::move(policy)));
  }

  Awaitable<Result<void>> save(PendingOrder next) {
    kept = std::move(next);
    co_return Result<void>();
  }

  asio::io_context io;
  ManualClock clock;
  ScriptedCa ca;
  Client client{ca.fetch(), clock, ScriptedCa::directory_url};
  Signer signer{std::make_shared<const tls::PrivateKey>(tls::PrivateKey::make(tls::KeyType::p256).value()),
                "https://ca.example/account/1"};
  Idle solver;
  std::optional<PendingOrder> kept;
};

TEST_F(ClientTest, asks_for_the_directory_once_an_hour) {
  run(client.directory()).value();
  run(client.directory()).value();
  EXPECT_EQ(ca.requests(), 1u);
  clock.advance(hours(1));
  run(client.directory()).value();
  EXPECT_EQ(ca.requests(), 2u);
}

TEST_F(ClientTest, reads_the_renewal_window_and_when_to_ask_again) {  // RFC 9773 §4.2
  const std::string window = R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00Z"},
    "explanationURL":"https://ca.example/why"})";
  for (const auto& [retry_after, wait] : {std::pair("21600", hours(6)), std::pair("9999999", hours(24))}) {
    const std::string url = "https://ca.example/ari/" + std::string(retry_after);
    ca.answer(url, said(200, window, {{"Retry-After", retry_after}}));
    const auto info = run(client.renewal_info(retry_after)).value();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->end - info->start, hours(24));
    EXPECT_EQ(info->explanation_url, "https://ca.example/why");
    EXPECT_EQ(info->ask_again, clock.wall_now() + wait);
  }
  ca.answer("https://ca.example/ari/early", said(200, R"({"suggestedWindow":{"start":"1970-01-01T00:00:00+01:00",
    "end":"2026-01-03T04:00:00Z"}})"));
  EXPECT_FALSE(run(client.renewal_info("early")));
  ca.answer("https://ca.example/ari/bad", said(200, R"({"suggestedWindow":{"start":"x","end":"y"}})"));
  EXPECT_FALSE(run(client.renewal_info("bad")));
  EXPECT_EQ(run(client.renewal_info("")).value(), std::nullopt);
}

TEST_F(ClientTest, says_which_certificate_an_order_replaces_and_by_which_profile) {
  ca.answer(new_order, said(201, order_json("ready"), {{"Location", order}}));
  NewOrder wanted{{HostName::parse("a.example").value()}, "shortlived", "aki.serial"};
  EXPECT_EQ(run(client.new_order(signer, wanted)).value().url, order);
  const auto asked = parse_object(ca.asked(new_order).at(0)).value();
  EXPECT_EQ(text_at(asked, "replaces"), "aki.serial");
  EXPECT_EQ(text_at(asked, "profile"), "shortlived");
  wanted.profile = "unknown";
  const auto refusal = run(client.new_order(signer, wanted));
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().remedy, Remedy::person);
}

TEST_F(ClientTest, orders_anew_when_the_certificate_was_replaced_already) {
  ca.answer(new_order, refused(409, "alreadyReplaced"));
  ca.answer(new_order, said(201, order_json("invalid"), {{"Location", order}}));
  PendingOrder wanted = pending();
  wanted.replaces = "aki.serial";
  EXPECT_FALSE(try_obtain(wanted));
  ASSERT_EQ(ca.asked(new_order).size(), 2u);
  EXPECT_EQ(text_at(parse_object(ca.asked(new_order)[1]).value(), "replaces"), "");
  EXPECT_EQ(kept->replaces, "");
  EXPECT_EQ(kept->url, order);
}

TEST_F(ClientTest, orders_anew_when_another_account_has_the_certificate_to_replace) {
  ca.answer(new_order, refused(403, "unauthorized"));
  ca.answer(new_order, said(201, order_json("invalid"), {{"Location", order}}));
  PendingOrder wanted = pending();
  wanted.replaces = "aki.serial";
  EXPECT_FALSE(try_obtain(wanted));
  ASSERT_EQ(ca.asked(new_order).size(), 2u);
  EXPECT_EQ(text_at(parse_object(ca.asked(new_order)[1]).value(), "replaces"), "");
}

TEST_F(ClientTest, orders_anew_when_the_ca_has_forgotten_the_certificate_to_replace) {
  ca.answer(new_order, refused(404, "malformed"));
  ca.answer(new_order, said(201, order_json("invalid"), {{"Location", order}}));
  PendingOrder wanted = pending();
  wanted.replaces = "aki.serial";
  EXPECT_FALSE(try_obtain(wanted));
  ASSERT_EQ(ca.asked(new_order).size(), 2u);
  EXPECT_EQ(text_at(parse_object(ca.asked(new_order)[1]).value(), "replaces"), "");
}

TEST_F(ClientTest, a_rate_limit_says_until_when) {
  ca.answer(new_order, refused(429, "rateLimited", {{"Retry-After", "3600"}}));
  const auto issued = try_obtain(pending());
  ASSERT_FALSE(issued);
  EXPECT_EQ(issued.error().remedy, Remedy::wait);
  EXPECT_EQ(issued.error().not_before, clock.wall_now() + hours(1));
  EXPECT_FALSE(issued.error().order_over);
}

TEST_F(ClientTest, gives_up_on_a_ca_that_rejects_every_nonce) {
  ca.answer(new_order, refused(400, "badNonce"));
  const auto issued = try_obtain(pending());
  ASSERT_FALSE(issued);
  EXPECT_EQ(ca.asked(new_order).size(), static_cast<std::size_t>(Client::most_nonce_tries));
}

TEST_F(ClientTest, an_order_that_is_gone_or_for_others_is_over) {
  ca.answer(order, refused(404, "malformed"));
  ca.answer("https://ca.example/order/2", said(200, order_json("pending", "b.example")));
  ca.answer("https://ca.example/order/3", said(200, order_json("invalid")));
  for (const char* url : {"https://ca.example/order/1", "https://ca.example/order/2", "https://ca.example/order/3"}) {
    const auto issued = try_obtain(pending(url));
    ASSERT_FALSE(issued);
    EXPECT_TRUE(issued.error().order_over) << url;
  }
  EXPECT_TRUE(ca.asked(new_order).empty());
}

TEST_F(ClientTest, an_ill_ca_leaves_the_order_to_be_taken_up_again) {
  for (auto answer : {said(200, "<html>hello</html>"), said(503, "<html>Service Unavailable</html>"),
                      said(200, R"({"status":"ready"})")}) {
    const std::string url = "https://ca.example/order/ill" + std::to_string(ca.requests());
    ca.answer(url, std::move(answer));
    const auto issued = try_obtain(pending(url));
    ASSERT_FALSE(issued);
    EXPECT_EQ(issued.error().remedy, Remedy::try_again);
    EXPECT_FALSE(issued.error().order_over);
  }
}

TEST_F(ClientTest, a_validation_that_never_ends_is_given_up_and_cleaned_up) {
  ca.answer(order, said(200, order_json("pending")));
  ca.answer("https://ca.example/authz", said(200, authorization_json("pending")));
  ca.answer("https://ca.example/chall", said(200, "{}"));
  const TimePoint begun = clock.now();
  const auto issued = try_obtain(pending(order));
  ASSERT_FALSE(issued);
  EXPECT_NE(describe(issued.error().failure).find("it does not validate a.example in time"), std::string::npos);
  EXPECT_LE(clock.now() - begun, minutes(5));
  EXPECT_GE(clock.now() - begun, minutes(4));
  EXPECT_LE(ca.asked("https://ca.example/authz").size(), 40u);
  EXPECT_EQ(ca.asked("https://ca.example/chall").size(), 1u);
  EXPECT_EQ(solver.cleaned, 1);
}

TEST_F(ClientTest, what_cannot_be_shown_is_never_told_to_the_ca) {
  ca.answer(order, said(200, order_json("pending")));
  ca.answer("https://ca.example/authz", said(200, authorization_json("pending")));
  solver.outcome = Failure(FailureKind::internal, "no such zone");
  const auto issued = try_obtain(pending(order));
  ASSERT_FALSE(issued);
  EXPECT_NE(issued.error().failure.detail.find("a.example: "), std::string::npos);
  EXPECT_NE(issued.error().failure.detail.find("no such zone"), std::string::npos);
  EXPECT_FALSE(issued.error().order_over);
  EXPECT_TRUE(ca.asked("https://ca.example/chall").empty());
  EXPECT_EQ(solver.cleaned, 1);
}

TEST_F(ClientTest, the_pace_of_polling_is_the_cas) {
  ca.answer(order, said(200, order_json("processing"), {{"Retry-After", "40"}}));
  ca.answer(order, said(200, order_json("processing"), {{"Retry-After", "Thu, 01 Jan 2026 00:01:40 GMT"}}));
  ca.answer(order, said(200, order_json("invalid")));
  const TimePoint begun = clock.now();
  EXPECT_FALSE(try_obtain(pending(order)));
  EXPECT_EQ(clock.now() - begun, seconds(100));
}

TEST_F(ClientTest, a_pause_the_ca_asks_for_while_it_is_ill_is_made) {
  ca.answer(order, said(200, order_json("processing")));
  ca.answer(order, said(503, "", {{"Retry-After", "60"}}));
  ca.answer(order, said(200, order_json("invalid")));
  const TimePoint begun = clock.now();
  EXPECT_FALSE(try_obtain(pending(order)));
  EXPECT_GE(clock.now() - begun, seconds(60));
  EXPECT_EQ(ca.asked(order).size(), 3u);
}

TEST_F(ClientTest, an_order_that_stays_ready_for_a_moment_is_finalized_once) {
  ca.answer(order, said(200, order_json("ready")));
  ca.answer(order, said(200, order_json("ready")));
  ca.answer(order, said(200, order_json("processing")));
  ca.answer(order, said(200, order_json("valid")));
  ca.answer("https://ca.example/finalize", said(200, order_json("ready")));
  ca.answer("https://ca.example/certificate", said(200, "none"));
  const auto issued = try_obtain(pending(order));
  ASSERT_FALSE(issued);
  EXPECT_EQ(ca.asked("https://ca.example/finalize").size(), 1u);
  EXPECT_EQ(ca.asked("https://ca.example/certificate").size(), 1u) << describe(issued.error().failure);
}

TEST_F(ClientTest, a_wrong_chain_is_refused) {
  ca.answer(order, said(200, order_json("valid")));
  for (const std::string& chain : {std::string("<html>"), std::string(),
                                   std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
    ca.answer("https://ca.example/certificate", said(200, chain));
    const auto issued = try_obtain(pending(order));
    ASSERT_FALSE(issued);
    EXPECT_TRUE(issued.error().order_over);
    EXPECT_EQ(issued.error().remedy, Remedy::person);
  }
}

}  // namespace
}  // namespace gatehouse::acme
