#include "acme/renewal_policy.h"

#include "tests/doubles/acme/plain_values.h"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

constexpr auto days = [](int n) { return std::chrono::hours(24 * n); };

Validity validity(int lifetime_days) { return {new_year(), new_year() + days(lifetime_days), new_year()}; }

std::vector<std::string> seeds() {
  std::vector<std::string> seeds;
  for (int i = 0; i < 200; ++i) seeds.push_back("seed" + std::to_string(i));
  return seeds;
}

TEST(RenewalPolicy, RenewsWhenAThirdIsLeftOrATenthOfThatEarlier) {
  std::set<WallTime> instants;
  for (const auto& seed : seeds()) {
    const WallTime at = renew_at(validity(90), std::nullopt, seed);
    EXPECT_LE(at, new_year() + days(60));
    EXPECT_GE(at, new_year() + days(57));
    EXPECT_EQ(at, renew_at(validity(90), std::nullopt, seed));
    instants.insert(at);
  }
  EXPECT_GT(instants.size(), 190u);
  EXPECT_LT(*instants.begin(), new_year() + days(57) + 6h);
  EXPECT_GT(*instants.rbegin(), new_year() + days(60) - 6h);
}

TEST(RenewalPolicy, RenewsShortLivedOnesAtAThirdToo) {
  const WallTime at = renew_at(validity(6), std::nullopt, "x");
  EXPECT_LE(at, new_year() + days(4));
  EXPECT_GE(at, new_year() + days(4) - 5h);
}

TEST(RenewalPolicy, PicksAnInstantInTheCasWindow) {
  const RenewalWindow window{new_year() + days(10), new_year() + days(12), {}, {}};
  std::set<WallTime> instants;
  for (const auto& seed : seeds()) instants.insert(renew_at(validity(90), window, seed));
  EXPECT_GE(*instants.begin(), window.start);
  EXPECT_LT(*instants.rbegin(), window.end);
  EXPECT_GT(*instants.rbegin() - *instants.begin(), 40h);
}

TEST(RenewalPolicy, RenewsAtOnceWhenTheWindowIsPastButNotWithinAnHourOfGettingIt) {
  const RenewalWindow past{new_year() - days(3), new_year() - days(2), {}, {}};
  Validity certificate = validity(90);
  EXPECT_EQ(renew_at(certificate, past, "x"), new_year() + 1h);
  certificate.obtained = new_year() + days(5);
  EXPECT_EQ(renew_at(certificate, past, "x"), new_year() + days(5) + 1h);
}

TEST(RenewalPolicy, BelievesAPastWindowOnlyAfterAThirdOfTheLifetimeOfOneThatWasHurried) {
  const RenewalWindow past{new_year() - days(3), new_year() - days(2), {}, {}};
  const RenewalWindow later{new_year() + days(40), new_year() + days(41), {}, {}};
  Validity certificate = validity(90);
  EXPECT_TRUE(hurries(certificate, past, new_year() + 1h));
  EXPECT_FALSE(hurries(certificate, later, new_year() + 1h));
  EXPECT_FALSE(hurries(certificate, std::nullopt, new_year() + 1h));
  EXPECT_FALSE(hurries(certificate, past, new_year() + days(30)));
  certificate.hurried = true;
  EXPECT_EQ(renew_at(certificate, past, "x"), new_year() + days(30));
  certificate.obtained = new_year() + days(50);
  EXPECT_EQ(renew_at(certificate, past, "x"), new_year() + days(50) + 1h);
  EXPECT_GE(renew_at(certificate, later, "x"), later.start);
}

TEST(RenewalPolicy, DoesNotLetTheCaSuggestTheLastTenthOfTheLifetime) {
  const RenewalWindow late{new_year() + days(200), new_year() + days(300), {}, {}};
  EXPECT_EQ(renew_at(validity(90), late, "x"), new_year() + days(81));
}

TEST(RenewalPolicy, IgnoresAWindowThatEndsBeforeItStarts) {
  const RenewalWindow inverted{new_year() + days(12), new_year() + days(10), {}, {}};
  EXPECT_EQ(renew_at(validity(90), inverted, "x"), renew_at(validity(90), std::nullopt, "x"));
}

TEST(RenewalPolicy, SurvivesDatesOfACertificateThatNeverExpiresOrEndsBeforeItStarts) {
  const Validity forever{new_year(), WallTime::max(), new_year()};
  EXPECT_GT(renew_at(forever, std::nullopt, "x"), new_year() + days(365 * 100));
  const Validity inverted{new_year() + days(1), new_year(), new_year()};
  EXPECT_LE(renew_at(inverted, std::nullopt, "x"), new_year());
  EXPECT_EQ(warn_from(inverted), new_year());
}

TEST(RenewalPolicy, AsksForRenewalInformationWhenTheCaSaysWithinLimits) {
  EXPECT_EQ(ask_again_at(new_year(), std::nullopt), new_year() + 6h);
  EXPECT_EQ(ask_again_at(new_year(), 2h), new_year() + 2h);
  EXPECT_EQ(ask_again_at(new_year(), 0s), new_year() + 1min);
  EXPECT_EQ(ask_again_at(new_year(), 1000h), new_year() + 24h);
}

TEST(RenewalPolicy, WarnsTwoWeeksOrAFifthOfTheLifetimeBeforeTheEnd) {
  EXPECT_EQ(warn_from(validity(90)), new_year() + days(76));
  EXPECT_EQ(warn_from(validity(10)), new_year() + days(8));
}

TEST(RenewalPolicy, WaitsTwiceAsLongAfterEachFailureUpToADay) {
  Duration before{};
  for (unsigned n = 1; n <= 11; ++n) {
    const Duration base = 1min * (1 << (n - 1));
    const Duration wait = retry_wait(n, "x", std::nullopt, std::nullopt, new_year());
    EXPECT_GE(wait, base);
    EXPECT_LE(wait, base + base / 5);
    EXPECT_GT(wait, before);
    before = wait;
  }
  for (const unsigned n : {12u, 40u, 4'000'000'000u}) {
    EXPECT_GE(retry_wait(n, "x", std::nullopt, std::nullopt, new_year()), 24h);
    EXPECT_LE(retry_wait(n, "x", std::nullopt, std::nullopt, new_year()), 29h);
  }
}

TEST(RenewalPolicy, TriesSeveralTimesBeforeTheCertificateEnds) {
  EXPECT_EQ(retry_wait(20, "x", std::nullopt, new_year() + 10h, new_year()), 1h);
  EXPECT_EQ(retry_wait(20, "x", std::nullopt, new_year() + 1min, new_year()), 1min);
  EXPECT_GE(retry_wait(20, "x", std::nullopt, new_year() - 1h, new_year()), 24h);
}

TEST(RenewalPolicy, LetsTheCasRetryAfterWinWhenItIsLongerUpToAWeek) {
  EXPECT_EQ(retry_wait(1, "x", 3h, std::nullopt, new_year()), 3h);
  EXPECT_EQ(retry_wait(1, "x", 3h, new_year() + 1h, new_year()), 3h);
  EXPECT_EQ(retry_wait(1, "x", 24h * 365, std::nullopt, new_year()), days(7));
  EXPECT_GE(retry_wait(5, "x", 1s, std::nullopt, new_year()), 16min);
}

}  // namespace
}  // namespace gatehouse::acme
