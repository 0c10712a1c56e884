#include "acme/plan.h"

#include "acme/name_rules.h"
#include "tests/doubles/acme/plain_values.h"
#include "tests/golden/difference.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

constexpr auto days = [](int n) { return std::chrono::hours(24 * n); };
constexpr const char* other_ca = "https://other.test/directory";

CertificateRequest request(const std::vector<std::string>& hosts, WallTime since = new_year(),
                           const std::string& asked_by = "Ingress a/b") {
  return {"le", names(hosts), asked_by, since};
}

PlanInput input(std::vector<CertificateRequest> requests) {
  PlanInput input;
  input.requests = std::move(requests);
  input.resolvers["le"] = {{{test_ca}}, true};
  return input;
}

HeldCertificate held(const std::vector<std::string>& hosts, WallTime from = new_year()) {
  return held_for(names(hosts), from, days(90));
}

PendingOrder pending(const std::vector<std::string>& hosts) {
  return {"le", test_ca, names(hosts), "", "", "", new_year()};
}

// `due a.test+b.test` for each, in the plan's order.
std::string summary(const Plan& plan) {
  std::string text;
  for (const auto& planned : plan.certificates) {
    text += (text.empty() ? "" : ", ") + std::string(state_name(planned.state));
    char before = ' ';
    for (const auto& host : planned.names) text += std::exchange(before, '+') + host.text();
  }
  return text;
}

std::string plan_of(const PlanInput& input, WallTime now = new_year()) { return summary(plan(input, now)); }

TEST(Plan, MergesRequestsForTheSameNames) {
  const Plan made = plan(input({request({"b.test", "a.test"}, new_year() + 1s, "Ingress late/x"),
                                request({"a.test", "b.test", "a.test"}, new_year(), "Ingress early/x")}),
                         new_year());
  EXPECT_EQ(summary(made), "due a.test+b.test");  // the main name is the earlier one's
  EXPECT_EQ(made.certificates[0].asked_by, (std::vector<std::string>{"Ingress early/x", "Ingress late/x"}));
  EXPECT_EQ(made.certificates[0].ca, test_ca);
  EXPECT_EQ(made.certificates[0].kind, OrderKind::first);
}

TEST(Plan, OrdersNothingThatAnotherPlannedOneCovers) {
  EXPECT_EQ(plan_of(input({request({"x.a.test"}), request({"*.a.test"}), request({"a.test"})})),
            "due *.a.test, due a.test, covered x.a.test");
  EXPECT_EQ(plan_of(input({request({"a.test"}), request({"a.test", "b.test"})})), "due a.test+b.test, covered a.test");
  EXPECT_EQ(plan_of(input({request({"*.a.test"}), request({"*.a.test", "x.a.test"})})),
            "due *.a.test+x.a.test, covered *.a.test");
  EXPECT_EQ(plan_of(input({request({"x.y.a.test"}), request({"*.a.test"})})), "due *.a.test, due x.y.a.test");
}

TEST(Plan, CoversNothingByAnotherResolversCertificate) {
  PlanInput two = input({request({"x.a.test"}), request({"*.a.test"})});
  two.resolvers["second"] = two.resolvers["le"];
  two.requests[1].resolver = "second";
  EXPECT_EQ(plan_of(two), "due x.a.test, due *.a.test");
}

TEST(Plan, KeepsWhatAHostHasUntilTheWildcardIsThere) {
  PlanInput wanted = input({request({"x.a.test"}), request({"*.a.test"})});
  wanted.held = {held({"x.a.test"})};
  EXPECT_EQ(plan_of(wanted), "due *.a.test, valid x.a.test");
  EXPECT_EQ(plan_of(wanted, new_year() + days(70)), "due x.a.test, due *.a.test");  // renewed meanwhile
  wanted.held.push_back(held({"*.a.test"}));
  EXPECT_EQ(plan_of(wanted), "valid *.a.test, covered x.a.test, unwanted x.a.test");
}

TEST(Plan, UsesAHeldOneOfMoreNamesUntilItsRenewal) {
  PlanInput wanted = input({request({"a.test"}), request({"x.b.test"})});
  wanted.held = {held({"a.test", "gone.test", "*.b.test"})};
  const Plan now = plan(wanted, new_year() + days(1));
  EXPECT_EQ(summary(now), "valid a.test+gone.test+*.b.test, covered a.test, covered x.b.test");
  EXPECT_EQ(next_change(now), now.certificates[1].at);
  EXPECT_EQ(plan_of(wanted, new_year() + days(61)), "due a.test, due x.b.test, valid a.test+gone.test+*.b.test");
}

TEST(Plan, RefusesNamesAndOrdersTheOthers) {
  PlanInput wanted = input({request({"good.test", "*.good.test", "router", "1.2.3.4"}), request({"x.test"})});
  wanted.resolvers["le"].wildcards = false;
  wanted.requests[1].resolver = "nowhere";
  const Plan made = plan(wanted, new_year());
  EXPECT_EQ(summary(made), "due good.test, refused *.good.test, refused 1.2.3.4, refused router, refused x.test");
  EXPECT_EQ(made.certificates[1].words, "*.good.test is a wildcard, which needs a resolver with a DNS challenge");
  EXPECT_EQ(made.certificates[4].words, "there is no such resolver for ACME");
}

TEST(Plan, RefusesMoreNamesThanACaTakes) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 101; ++i) hosts.push_back("h" + std::to_string(i) + ".test");
  EXPECT_TRUE(plan_of(input({request(hosts)})).starts_with("refused"));
  hosts.pop_back();
  EXPECT_TRUE(plan_of(input({request(hosts)})).starts_with("due"));
}

TEST(Plan, AsksAPublicCaForPublicNamesOnly) {
  const std::string le = "https://acme-v02.api.letsencrypt.org/directory";
  EXPECT_TRUE(is_public_ca(le));
  EXPECT_FALSE(is_public_ca("https://letsencrypt.org.evil.test/directory"));
  EXPECT_FALSE(is_public_ca("https://notletsencrypt.org/directory"));
  for (const char* host : {"a.test", "x.example", "a.local", "a.internal", "a.localhost", "a.b.home.arpa",
                           "a_b.example.com", "-a.example.com", "*.a.invalid"})
    EXPECT_NE(refusal(name(host), true, true), "") << host;
  for (const char* host : {"a.example.com", "local.example.com", "x.arpa", "*.example.com", "xn--bcher-kva.ch"})
    EXPECT_EQ(refusal(name(host), true, true), "") << host;
  EXPECT_EQ(refusal(name("a_b.test"), true, false), "");
  PlanInput wanted = input({request({"gitlab.local"})});
  wanted.resolvers["le"].cas = {{le}};
  EXPECT_EQ(plan_of(wanted), "refused gitlab.local");
}

TEST(Plan, PutsOrdersUnderWayFirstThenImportantOnesThenRenewalsThenTheOldest) {
  PlanInput wanted =
      input({request({"new.test"}, new_year() - 1h), request({"newer.test"}, new_year() - 1min),
             request({"newer-a.test"}, new_year() - 1min), request({"soon.test"}), request({"later.test"}),
             request({"important.test"}), request({"begun.test"}), request({"x.main.test"})});
  wanted.held = {held({"later.test"}, new_year() - days(70)), held({"soon.test"}, new_year() - days(80))};
  wanted.pending = {pending({"begun.test"})};
  wanted.resolvers["le"].important = names({"important.test", "*.main.test"});
  EXPECT_EQ(plan_of(wanted),
            "due begun.test, due important.test, due x.main.test, due soon.test, due later.test, due new.test, "
            "due newer-a.test, due newer.test");
}

TEST(Plan, CountsACoveringOneAsImportantAsWhatItCovers) {
  PlanInput wanted = input({request({"a.test"}, new_year() - 1h), request({"*.main.test"}), request({"x.main.test"})});
  wanted.resolvers["le"].important = names({"x.main.test"});
  EXPECT_EQ(plan_of(wanted), "due *.main.test, due a.test, covered x.main.test");
}

TEST(Plan, SaysWhyItOrders) {
  const auto first = [](PlanInput wanted, int day) {
    const PlannedCertificate made = plan(wanted, new_year() + days(day)).certificates[0];
    return std::string(state_name(made.state)) + ": " + made.words;
  };
  PlanInput wanted = input({request({"a.test"})});
  EXPECT_EQ(first(wanted, 1), "due: no certificate yet");
  wanted.held = {held({"a.test"})};
  EXPECT_EQ(first(wanted, 1), "valid: ends 2026-04-01T00:00:00Z");
  EXPECT_EQ(first(wanted, 61), "due: a third of the lifetime is left");
  EXPECT_EQ(first(wanted, 90), "due: the certificate has ended 2026-04-01T00:00:00Z");
  wanted.held[0].window = RenewalWindow{new_year() + days(5), new_year() + days(6), {}, {}};
  EXPECT_EQ(first(wanted, 6), "due: the CA suggests to renew");
  wanted.held[0].renew_now = true;
  EXPECT_EQ(first(wanted, 1), "due: renewal was asked for");
  wanted.held[0].ca = "https://staging.test/";
  EXPECT_EQ(first(wanted, 1), "due: the certificate is another CA's");
  wanted.held[0].ca = "";  // imported
  wanted.held[0].renew_now = false;
  EXPECT_EQ(first(wanted, 1), "valid: ends 2026-04-01T00:00:00Z");
}

TEST(Plan, KnowsWhatAnOrderIsToTheCa) {
  const auto kind = [](HeldCertificate own, int day) {
    PlanInput wanted = input({request({"a.test"})});
    wanted.held = {std::move(own)};
    return plan(wanted, new_year() + days(day)).certificates[0].kind;
  };
  HeldCertificate own = held({"a.test"});
  EXPECT_EQ(kind(own, 61), OrderKind::renewal);
  own.window = RenewalWindow{new_year() + days(40), new_year() + days(45), {}, {}};
  EXPECT_EQ(kind(own, 45), OrderKind::ari);
  EXPECT_EQ(kind(own, 46), OrderKind::renewal);  // the window is over: the CA would count it
  own.ca = "";
  EXPECT_EQ(kind(own, 45), OrderKind::first);
}

TEST(Plan, WaitsAfterFailuresAndWhileTheCaIsLeftAlone) {
  PlanInput wanted = input({request({"a.test"}), request({"b.test"})});
  wanted.ledgers[test_ca].setbacks[set_hash(names({"a.test"}))] = {3, "no such host", new_year(), new_year() + 8min};
  Plan made = plan(wanted, new_year() + 1min);
  EXPECT_EQ(summary(made), "due b.test, waiting a.test");
  EXPECT_EQ(made.certificates[1].words, "3 failures: no such host");
  EXPECT_EQ(made.certificates[1].at, new_year() + 8min);
  EXPECT_EQ(next_change(made), new_year() + 8min);
  pause(wanted.ledgers[test_ca], new_year() + 5min, "it is down", new_year());
  made = plan(wanted, new_year() + 1min);
  EXPECT_EQ(summary(made), "waiting a.test, waiting b.test");
  EXPECT_EQ(made.certificates[0].at, new_year() + 8min);
  EXPECT_EQ(made.certificates[1].words, "the CA is left alone: it is down");
  EXPECT_EQ(plan_of(wanted, new_year() + 8min), "due a.test, due b.test");
}

TEST(Plan, GoesToTheNextCaWhileTheFirstFailsOrIsUsedUp) {
  PlanInput wanted = input({request({"a.test"})});
  wanted.resolvers["le"].cas.push_back({other_ca});
  EXPECT_EQ(plan(wanted, new_year()).certificates[0].ca, test_ca);
  note_failure(wanted.ledgers[test_ca], names({"a.test"}), "x", std::nullopt, std::nullopt, new_year());
  EXPECT_EQ(plan(wanted, new_year()).certificates[0].ca, other_ca);
  note_failure(wanted.ledgers[other_ca], names({"a.test"}), "y", 1h, std::nullopt, new_year());
  const Plan waits = plan(wanted, new_year());
  EXPECT_EQ(waits.certificates[0].words, "1 failure: x");  // the sooner one
  forgive(wanted.ledgers[test_ca], names({"a.test"}));
  for (int i = 0; i < 50; ++i)
    note_order(wanted.ledgers[test_ca], names({"h" + std::to_string(i) + ".a.test"}), OrderKind::first, new_year());
  forgive(wanted.ledgers[other_ca], names({"a.test"}));
  EXPECT_EQ(plan(wanted, new_year()).certificates[0].ca, other_ca);
  wanted.held = {held_for(names({"a.test"}), new_year(), days(90), other_ca)};
  EXPECT_EQ(plan_of(wanted, new_year() + 1h), "valid a.test");
}

TEST(Plan, TakesUpOrdersUnderWayAndAbandonsThoseNobodyWants) {
  PlanInput wanted = input({request({"b.test", "a.test"})});
  wanted.pending = {pending({"a.test", "b.test"}), pending({"gone.test"})};
  for (int i = 0; i < 300; ++i) note_order(wanted.ledgers[test_ca], names({"x.test"}), OrderKind::first, new_year());
  const Plan made = plan(wanted, new_year());
  EXPECT_EQ(summary(made), "due b.test+a.test");  // limits do not hold what is paid for
  EXPECT_EQ(made.certificates[0].words, "order under way since 2026-01-01T00:00:00Z");
  EXPECT_EQ(made.to_abandon, std::vector<std::string>{record_name("le", names({"gone.test"}))});
  wanted.pending[0].ca = other_ca;  // no longer the resolver's
  EXPECT_EQ(plan(wanted, new_year()).to_abandon.size(), 2u);
}

TEST(Plan, KnowsAnOrderWhoseCertificateIsStoredAlready) {
  PlanInput wanted = input({request({"a.test"})});
  wanted.pending = {pending({"a.test"})};
  wanted.held = {held({"a.test"})};
  wanted.held[0].validity.obtained = new_year() + 10s;
  const Plan made = plan(wanted, new_year() + 1min);
  EXPECT_EQ(summary(made), "valid a.test");
  EXPECT_EQ(made.to_abandon.size(), 1u);
  wanted.pending[0].started = new_year() + days(50);  // a renewal, whatever the window says now
  EXPECT_EQ(plan_of(wanted, new_year() + days(50)), "due a.test");
}

TEST(Plan, DoesNotLetAChangeOfTheCaTakeTheReserve) {
  PlanInput wanted = input({});
  for (int i = 0; i < 60; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example.com";
    wanted.requests.push_back(request({host}));
    wanted.held.push_back(held_for(names({host}), new_year(), days(90), "https://before.test/"));
  }
  const Plan made = plan(wanted, new_year());
  EXPECT_EQ(made.certificates[39].state, PlanState::due);
  EXPECT_EQ(made.certificates[40].state, PlanState::waiting);
  EXPECT_TRUE(made.now_unwanted.empty());
}

TEST(Plan, PrunesWhatNobodyAsksForAfterAGrace) {
  PlanInput wanted = input({});
  wanted.held = {held({"a.test"})};
  const std::string record = wanted.held[0].record;
  Plan made = plan(wanted, new_year());
  EXPECT_EQ(summary(made), "unwanted a.test");
  EXPECT_EQ(made.now_unwanted, std::vector<std::string>{record});
  EXPECT_EQ(next_change(made), new_year() + days(7));
  wanted.held[0].unwanted_since = new_year();
  made = plan(wanted, new_year() + days(6));
  EXPECT_TRUE(made.now_unwanted.empty());
  EXPECT_TRUE(made.to_prune.empty());
  EXPECT_EQ(plan(wanted, new_year() + days(7)).to_prune, std::vector<std::string>{record});
  wanted.requests = {request({"a.test"})};
  made = plan(wanted, new_year() + days(6));
  EXPECT_EQ(summary(made), "valid a.test");
  EXPECT_EQ(made.wanted_again, std::vector<std::string>{record});
}

TEST(Plan, NeverPrunesTheOnlyGoodOneOfAHostThatIsAskedFor) {
  PlanInput wanted = input({request({"a.test"})});
  wanted.held = {held({"a.test", "gone.test"})};
  wanted.held[0].unwanted_since = new_year() - days(100);
  wanted.ledgers[test_ca].setbacks[set_hash(names({"a.test"}))] = {9, "x", new_year(), new_year() + days(85)};
  const Plan made = plan(wanted, new_year() + days(80));
  EXPECT_EQ(summary(made), "waiting a.test, valid a.test+gone.test");
  EXPECT_TRUE(made.to_prune.empty());
  EXPECT_EQ(made.wanted_again.size(), 1u);
  EXPECT_EQ(plan_of(wanted, new_year() + days(91)), "due a.test, unwanted a.test+gone.test");
  // Nor when the host moved to another resolver that has nothing yet.
  wanted.resolvers["second"] = wanted.resolvers["le"];
  wanted.requests[0].resolver = "second";
  EXPECT_EQ(plan_of(wanted, new_year() + days(10)), "waiting a.test, valid a.test+gone.test");
}

PlanInput gathering(std::vector<CertificateRequest> requests) {
  PlanInput gathered = input(std::move(requests));
  gathered.resolvers["le"].gather = true;
  return gathered;
}

TEST(Plan, GathersNewHostsOfOneDomain) {
  PlanInput wanted = gathering({request({"a.one.test"}), request({"b.one.test"}, new_year() - 1s),
                                request({"c.two.test"}), request({"d.one.test", "e.two.test"})});
  EXPECT_EQ(plan_of(wanted), "due b.one.test+a.one.test, due c.two.test, due d.one.test+e.two.test");
  wanted.resolvers["le"].gather_up_to = 1;
  EXPECT_EQ(plan_of(wanted), "due b.one.test, due a.one.test, due c.two.test, due d.one.test+e.two.test");
}

TEST(Plan, KeepsTogetherWhatWasGathered) {
  PlanInput wanted = gathering({request({"a.one.test"}), request({"b.one.test"}), request({"new.one.test"})});
  wanted.held = {held({"a.one.test", "b.one.test"})};
  EXPECT_EQ(plan_of(wanted), "due new.one.test, valid a.one.test+b.one.test");
  Plan made = plan(wanted, new_year() + days(61));
  EXPECT_EQ(summary(made), "due a.one.test+b.one.test, due new.one.test");
  EXPECT_EQ(made.certificates[0].kind, OrderKind::renewal);
  wanted.held.clear();
  wanted.pending = {pending({"a.one.test", "b.one.test"})};
  EXPECT_EQ(plan_of(wanted), "due a.one.test+b.one.test, due new.one.test");
  wanted.requests.erase(wanted.requests.begin());  // a is gone
  made = plan(wanted, new_year());
  EXPECT_EQ(summary(made), "due b.one.test+new.one.test");
  EXPECT_EQ(made.to_abandon.size(), 1u);
}

TEST(Plan, LeavesHostsThatFailedOutOfTheGathering) {
  PlanInput wanted = gathering({request({"a.one.test"}), request({"b.one.test"}), request({"bad.one.test"})});
  note_failure(wanted.ledgers[test_ca], names({"bad.one.test"}), "x", std::nullopt, std::nullopt, new_year());
  EXPECT_EQ(plan_of(wanted), "due a.one.test+b.one.test, waiting bad.one.test");
}

TEST(Plan, IsTheSameForTheSameInputInAnyOrder) {
  std::mt19937 random(3);
  PlanInput wanted = gathering({});
  for (int i = 0; i < 60; ++i) {
    const std::string host = "h" + std::to_string(i % 40) + (i % 3 ? ".one.test" : ".two.test");
    wanted.requests.push_back(
        request({host}, new_year() - std::chrono::seconds(i % 7), "Ingress x/" + std::to_string(i)));
    if (i % 5 == 0) wanted.requests.push_back(request({"*.two.test", host}));
    if (i % 9 == 0) wanted.held.push_back(held({host, "gone" + std::to_string(i) + ".test"}, new_year() - days(i)));
    if (i % 11 == 0) wanted.pending.push_back(pending({host}));
  }
  const std::string expected = describe(plan(wanted, new_year()));
  for (int i = 0; i < 20; ++i) {
    std::shuffle(wanted.requests.begin(), wanted.requests.end(), random);
    std::shuffle(wanted.held.begin(), wanted.held.end(), random);
    std::shuffle(wanted.pending.begin(), wanted.pending.end(), random);
    ASSERT_EQ(describe(plan(wanted, new_year())), expected);
  }
}

// GATEHOUSE_WRITE_GOLDEN=1 writes it as it is now; read the difference before keeping it.
TEST(Plan, IsPrintedAsATable) {
  PlanInput wanted =
      input({request({"gitlab.example.com", "registry.example.com"}, new_year(), "Ingress gitlab/webservice"),
             request({"a.example.com"}, new_year(), "Ingress shop/a\x1b[31m"),
             request({"h1.example.org", "h2.example.org", "h3.example.org", "h4.example.org", "h5.example.org"}),
             request({"*.pages.example.com"}, new_year(), "entryPoints.websecure"),
             request({"x.pages.example.com"}, new_year(), "Ingress pages/x"),
             request({"printer"}, new_year(), "Ingress office/printer"),
             request({"down.example.net"}, new_year(), "Ingress shop/down")});
  for (int i = 0; i < 45; ++i)
    note_order(wanted.ledgers[test_ca], names({"b" + std::to_string(i) + ".example.com"}), OrderKind::first,
               new_year() - 1h);
  note_failure(wanted.ledgers[test_ca], names({"down.example.net"}), "down.example.net: connection refused", 1h,
               std::nullopt, new_year());
  wanted.held = {held({"*.pages.example.com"}), held({"gone.example.com"}, new_year() - days(10)),
                 held({"down.example.net"}, new_year() - days(70))};
  wanted.resolvers["le"].important = names({"gitlab.example.com"});
  const std::string actual = describe(plan(wanted, new_year() + 30min));
  const std::filesystem::path path = std::filesystem::path(GATEHOUSE_SOURCE_DIR) / "tests/golden/acme/plan.txt";
  if (std::getenv("GATEHOUSE_WRITE_GOLDEN") != nullptr) std::ofstream(path) << actual;
  std::stringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(difference(expected.str(), actual), "");
  EXPECT_EQ(describe(plan(PlanInput(), new_year())), "Plan of 2026-01-01T00:00:00Z: no certificates\n");
}

}  // namespace
}  // namespace gatehouse::acme
