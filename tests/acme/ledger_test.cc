#include "acme/ledger.h"

#include "acme/budget.h"
#include "tests/doubles/acme/plain_values.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

TEST(Ledger, KnowsASetOfNamesInAnyOrder) {
  EXPECT_EQ(set_hash(names({"a.test", "b.test"})), set_hash(names({"b.test", "a.test", "b.test"})));
  EXPECT_NE(set_hash(names({"a.test", "b.test"})), set_hash(names({"a.test"})));
  EXPECT_NE(set_hash(names({"*.a.test"})), set_hash(names({"a.test"})));
  EXPECT_EQ(set_hash(names({"a.test"})).size(), 16u);
}

TEST(Ledger, CountsFailuresUntilTheyAreForgiven) {
  Ledger ledger;
  const auto set = names({"a.test"});
  EXPECT_EQ(setback(ledger, set), nullptr);
  const WallTime first = note_failure(ledger, set, "no\nsuch \x1b[1m host", std::nullopt, std::nullopt, new_year());
  const WallTime second = note_failure(ledger, set, std::string(5000, 'x'), std::nullopt, std::nullopt, first);
  EXPECT_GE(first, new_year() + 1min);
  EXPECT_GE(second, first + 2min);
  ASSERT_NE(setback(ledger, set), nullptr);
  EXPECT_EQ(setback(ledger, set)->failures, 2u);
  EXPECT_EQ(setback(ledger, set)->error.size(), Ledger::max_error_bytes);
  EXPECT_EQ(setback(ledger, set)->not_before, second);
  EXPECT_EQ(setback(ledger, names({"b.test"})), nullptr);
  forgive(ledger, set);
  EXPECT_EQ(setback(ledger, set), nullptr);
}

TEST(Ledger, AnOrderWithoutACertificateCountsForTheAccountOnly) {
  Ledger ledger;
  RateLimits limits;
  limits.certificates_per_set.count = 1;
  limits.certificates_per_domain.count = 1;
  const auto set = names({"a.test"});
  note_order(ledger, set, OrderKind::first, new_year());
  EXPECT_TRUE(may_order(ledger, limits, set, OrderKind::first, new_year() + 1h));
  note_no_certificate(ledger, set);
  EXPECT_FALSE(may_order(ledger, limits, set, OrderKind::first, new_year() + 1h));
  limits.orders.count = 1;
  EXPECT_TRUE(may_order(ledger, limits, set, OrderKind::first, new_year() + 1h));
}

TEST(Ledger, KeepsErrorsOnOnePrintableLine) {
  Ledger ledger;
  note_failure(ledger, names({"a.test"}), "no\nsuch \x1b[1m host", std::nullopt, std::nullopt, new_year());
  EXPECT_EQ(setback(ledger, names({"a.test"}))->error, "no\\nsuch \\x1b[1m host");
}

TEST(Ledger, PausesTheCaForADayAtMostAndNeverShorterThanBefore) {
  Ledger ledger;
  pause(ledger, new_year() + 1000h, "account is limited", new_year());
  EXPECT_EQ(ledger.paused_until, new_year() + 24h);
  pause(ledger, new_year() + 1h, "down", new_year());
  EXPECT_EQ(ledger.paused_until, new_year() + 24h);
  EXPECT_EQ(ledger.pause_reason, "account is limited");
}

TEST(Ledger, ForgetsWhatNoLimitCountsAnyMore) {
  Ledger ledger;
  note_order(ledger, names({"a.test"}), OrderKind::first, new_year());
  note_order(ledger, names({"b.test"}), OrderKind::first, new_year() + 1h);
  note_failure(ledger, names({"a.test"}), "x", std::nullopt, std::nullopt, new_year());
  forget_old(ledger, longest_window(RateLimits()), new_year() + 168h);
  ASSERT_EQ(ledger.events.size(), 1u);
  EXPECT_EQ(ledger.events[0].subjects, std::vector<std::string>{"b.test"});
  EXPECT_EQ(ledger.setbacks.size(), 1u);
  forget_old(ledger, longest_window(RateLimits()), new_year() + 24h * 30);
  EXPECT_EQ(ledger.events.size(), 0u);
  EXPECT_EQ(ledger.setbacks.size(), 0u);
}

TEST(Ledger, IsBounded) {
  Ledger ledger;
  for (std::size_t i = 0; i < Ledger::max_events + 10; ++i) note_account(ledger, new_year());
  for (std::size_t i = 0; i < Ledger::max_setbacks + 10; ++i)
    note_failure(ledger, {name("h" + std::to_string(i) + ".test")}, "x", std::nullopt, std::nullopt,
                 new_year() + std::chrono::seconds(i));
  forget_old(ledger, 168h, new_year());
  EXPECT_EQ(ledger.events.size(), Ledger::max_events);
  EXPECT_EQ(ledger.setbacks.size(), Ledger::max_setbacks);
  EXPECT_EQ(setback(ledger, names({"h0.test"})), nullptr);  // the oldest go
  EXPECT_NE(setback(ledger, names({"h2000.test"})), nullptr);
}

TEST(Ledger, TakesWhatAWrongClockHasDatedIntoTheFutureAsOfNow) {
  Ledger ledger;
  const WallTime future = new_year() + 24h * 365;
  for (int i = 0; i < 5; ++i) note_order(ledger, names({"a.test"}), OrderKind::first, future);
  note_failure(ledger, names({"a.test"}), "x", 24h * 7, std::nullopt, future);
  ledger.paused_until = future;
  EXPECT_EQ(may_order(ledger, RateLimits(), names({"a.test"}), OrderKind::first, new_year())->until, new_year() + 168h);
  forget_old(ledger, 168h, new_year());
  EXPECT_EQ(ledger.events[0].at, new_year());
  EXPECT_EQ(setback(ledger, names({"a.test"}))->not_before, new_year() + 24h * 7);
  EXPECT_EQ(ledger.paused_until, new_year() + 24h);
}

}  // namespace
}  // namespace gatehouse::acme
