#include "acme/budget.h"

#include "acme/registered_domain.h"
#include "tests/doubles/acme/plain_values.h"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

std::vector<HostName> host(int i, const std::string& domain = "example.com") {
  return {name("h" + std::to_string(i) + "." + domain)};
}

Ledger with_orders(int count, WallTime at, OrderKind kind = OrderKind::first) {
  Ledger ledger;
  for (int i = 0; i < count; ++i) note_order(ledger, host(i), kind, at);
  return ledger;
}

TEST(RegisteredDomain, IsOneLabelBelowThePublicSuffix) {
  EXPECT_EQ(registered_domain(name("www.example.com")), "example.com");
  EXPECT_EQ(registered_domain(name("*.shop.example.co.uk")), "example.co.uk");
  EXPECT_EQ(registered_domain(name("a.b.someone.github.io")), "someone.github.io");
  EXPECT_EQ(registered_domain(name("a.b.example.test")), "example.test");
  EXPECT_EQ(registered_domain(name("co.uk")), "co.uk");
  EXPECT_EQ(registered_domain(name("localhost")), "localhost");
}

TEST(Budget, HoldsTheWeeksCertificatesOfADomain) {
  const Ledger ledger = with_orders(50, new_year());
  EXPECT_FALSE(may_order(with_orders(49, new_year()), {}, host(99), OrderKind::first, new_year()));
  const auto wait = may_order(ledger, {}, host(99), OrderKind::first, new_year() + 1h);
  EXPECT_EQ(wait, (Wait{new_year() + 168h, "50 certificates for example.com in 7 days are used up"}));
  EXPECT_FALSE(may_order(ledger, {}, host(99), OrderKind::first, new_year() + 168h));
  EXPECT_FALSE(may_order(ledger, {}, host(99, "example.org"), OrderKind::first, new_year()));
  const auto both = names({"a.example.org", "a.example.com"});
  EXPECT_TRUE(may_order(ledger, {}, both, OrderKind::first, new_year()));
}

TEST(Budget, HoldsTheAccountsOrders) {
  Ledger ledger;
  for (int i = 0; i < 300; ++i)
    note_order(ledger, host(0, "d" + std::to_string(i) + ".test"), OrderKind::first, new_year());
  const auto wait = may_order(ledger, {}, host(1), OrderKind::first, new_year() + 1h);
  EXPECT_EQ(wait, (Wait{new_year() + 3h, "300 orders of the account in 3 hours are used up"}));
}

TEST(Budget, HoldsCertificatesForTheSameNamesEvenForRenewals) {
  Ledger ledger;
  for (int i = 0; i < 5; ++i) note_order(ledger, names({"a.test", "b.test"}), OrderKind::renewal, new_year());
  const auto same = names({"b.test", "a.test"});
  EXPECT_EQ(may_order(ledger, {}, same, OrderKind::renewal, new_year())->until, new_year() + 168h);
  EXPECT_FALSE(may_order(ledger, {}, names({"a.test"}), OrderKind::first, new_year()));
  EXPECT_FALSE(may_order(ledger, {}, same, OrderKind::ari, new_year()));
}

TEST(Budget, LeavesRenewalsOutOfTheDomainsCountAsTheCaDoes) {
  const Ledger full = with_orders(50, new_year());
  EXPECT_FALSE(may_order(full, {}, host(0), OrderKind::renewal, new_year()));
  EXPECT_FALSE(may_order(with_orders(50, new_year(), OrderKind::renewal), {}, host(99), OrderKind::first, new_year()));
  RateLimits strict;
  strict.renewals_exempt = false;
  EXPECT_TRUE(may_order(full, strict, host(0), OrderKind::renewal, new_year()));
  EXPECT_TRUE(may_order(with_orders(50, new_year(), OrderKind::ari), strict, host(99), OrderKind::ari, new_year()));
}

TEST(Budget, HoldsAHostThatFailedFiveTimesInAnHour) {
  Ledger ledger;
  for (int i = 0; i < 5; ++i) note_failed_validation(ledger, name("a.test"), new_year() + i * 1min);
  const auto wait = may_order(ledger, {}, names({"b.test", "a.test"}), OrderKind::ari, new_year() + 5min);
  EXPECT_EQ(wait, (Wait{new_year() + 1h, "5 failed validations of a.test in an hour are used up"}));
  EXPECT_TRUE(may_order(ledger, {}, names({"*.a.test"}), OrderKind::first, new_year() + 5min));
  EXPECT_FALSE(may_order(ledger, {}, names({"b.test"}), OrderKind::first, new_year() + 5min));
}

TEST(Budget, HoldsNewAccounts) {
  Ledger ledger;
  for (int i = 0; i < 10; ++i) note_account(ledger, new_year());
  EXPECT_EQ(Budget(ledger, {}, new_year()).wait_for_account()->until, new_year() + 3h);
  EXPECT_FALSE(Budget(ledger, {}, new_year() + 3h).wait_for_account());
}

TEST(Budget, LeavesAReserveToWhatMattersMore) {
  const Budget budget(with_orders(40, new_year()), {}, new_year());
  EXPECT_EQ(budget.wait_for(host(99), OrderKind::first, 10)->why,
            "40 certificates for example.com in 7 days are used up (10 more are kept for what matters more)");
  EXPECT_FALSE(budget.wait_for(host(99), OrderKind::first, 0));
  EXPECT_FALSE(Budget({}, {}, new_year()).wait_for(host(99), OrderKind::first, 1000));  // one is always had
}

TEST(Budget, TellsEachOneInLineItsOwnTime) {
  Budget budget(with_orders(50, new_year()), {}, new_year() + 1h);
  for (int i = 0; i < 120; ++i) {
    const auto wait = budget.wait_for(host(100 + i), OrderKind::first, 0);
    ASSERT_TRUE(wait);
    EXPECT_EQ(wait->until, new_year() + 168h * (1 + i / 50));
    budget.spend(host(100 + i), OrderKind::first, wait->until);
  }
  // Those of other domains do not queue behind them.
  EXPECT_FALSE(budget.wait_for(host(1, "example.org"), OrderKind::first, 0));
}

TEST(Budget, MeansNoLimitByZero) {
  RateLimits none{{}, {}, {}, {}, {}};
  EXPECT_FALSE(may_order(with_orders(5000, new_year()), none, host(0), OrderKind::first, new_year()));
}

// Whatever order events come in, no window ever holds more than the limit, and no earlier instant would have done.
TEST(Budget, NeverOverfillsAWindowAndNeverWaitsTooLong) {
  std::mt19937 random(7);
  RateLimits limits{{}, {4, 100s}, {}, {}, {}};
  for (int round = 0; round < 200; ++round) {
    Ledger ledger;
    std::vector<WallTime> times;
    for (int i = 0; i < 6; ++i) {
      const WallTime past = new_year() - std::chrono::seconds(random() % 150);
      note_order(ledger, host(i), OrderKind::first, past);
      times.push_back(past);
    }
    const auto fits = [&](WallTime at) {  // once this one is there as well
      auto all = times;
      all.push_back(at);
      std::sort(all.begin(), all.end());
      for (std::size_t i = 0; i + 4 < all.size(); ++i)
        if (all[i + 4] - all[i] < 100s && all[i] <= at && at <= all[i + 4]) return false;
      return true;
    };
    Budget budget(ledger, limits, new_year());
    for (int i = 0; i < 30; ++i) {
      const WallTime at = budget.wait_for(host(i), OrderKind::first, 0).value_or(Wait{new_year(), ""}).until;
      EXPECT_TRUE(fits(at));
      for (WallTime earlier = new_year(); earlier < at; earlier += 1s) ASSERT_FALSE(fits(earlier));
      const WallTime later = at + std::chrono::seconds(random() % 3 == 0 ? random() % 200 : 0);
      if (!fits(later)) continue;
      budget.spend(host(i), OrderKind::first, later);
      times.push_back(later);
    }
  }
}

}  // namespace
}  // namespace gatehouse::acme
