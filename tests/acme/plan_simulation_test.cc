// Months of plans against a CA that is a few lines of arithmetic: nothing here waits, asks or stores.
#include "acme/plan.h"

#include "acme/registered_domain.h"
#include "tests/doubles/acme/plain_values.h"

#include <gtest/gtest.h>

#include <functional>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

constexpr auto days = [](int n) { return std::chrono::hours(24 * n); };
constexpr auto backdated = 1h;  // as Let's Encrypt does

struct Made {
  WallTime at;
  std::vector<HostName> names;
  OrderKind kind;
};

// What the loop around the plan does, without waiting: makes a plan, does what it says, goes on to its next change.
struct Simulation {
  PlanInput state;
  WallTime now = new_year();
  std::chrono::hours lifetime = days(90);
  bool suggests_windows = false, suggests_the_past = false;
  std::chrono::hours idle{0};  // looks no sooner again
  WallTime outage_from = WallTime::max(), outage_until = WallTime::max();
  std::vector<Made> orders = {};
  std::size_t failed = 0;

  HeldCertificate* held_of(const std::string& record) {
    for (auto& held : state.held)
      if (held.record == record) return &held;
    return nullptr;
  }

  void issue(const PlannedCertificate& planned) {
    HeldCertificate fresh = held_for(planned.names, now - backdated, lifetime, planned.ca, planned.resolver);
    fresh.validity.obtained = now;
    if (suggests_windows) fresh.window = RenewalWindow{now + lifetime / 2, now + lifetime / 2 + lifetime / 20, {}, {}};
    if (suggests_the_past) fresh.window = RenewalWindow{now - days(2), now - days(1), {}, {}};
    HeldCertificate* old = held_of(planned.record);
    fresh.validity.hurried = old != nullptr && hurries(old->validity, old->window, now);
    if (old != nullptr)
      *old = std::move(fresh);
    else
      state.held.push_back(std::move(fresh));
  }

  void order(const PlannedCertificate& planned) {
    Ledger& ledger = state.ledgers[planned.ca];
    note_order(ledger, planned.names, planned.kind, now);
    if (outage_from <= now && now < outage_until) {
      note_failure(ledger, planned.names, "the CA is down", std::nullopt, planned.expires, now);
      ++failed;
      return;
    }
    orders.push_back({now, planned.names, planned.kind});
    forgive(ledger, planned.names);
    issue(planned);
  }

  Plan step() {
    Plan made = plan(state, now);
    for (const auto& planned : made.certificates)
      if (planned.state == PlanState::due) order(planned);
    for (auto& [ca, ledger] : state.ledgers) forget_old(ledger, longest_window(RateLimits()), now);
    return made;
  }

  // Looks at every instant at which anything happens.
  void run_until(
      WallTime end, const std::function<void(const Plan&)>& look = [](const Plan&) {}) {
    while (now < end) {
      look(step());
      now = std::min(end, std::max<WallTime>(next_change(plan(state, now)).value_or(end), now + idle));
    }
  }
};

Simulation with_hosts(int count) {
  Simulation simulation;
  simulation.state.resolvers["le"] = {{{test_ca}}, true};
  for (int i = 0; i < count; ++i)
    simulation.state.requests.push_back(
        {"le", names({"h" + std::to_string(i) + ".domain" + std::to_string(i / 10) + ".test"}), "x", new_year()});
  return simulation;
}

// Every host has a certificate that lasts to the next instant anything happens, so at every moment.
void expect_no_gap(Simulation& simulation, WallTime end) {
  WallTime before = simulation.now;
  simulation.run_until(end, [&](const Plan&) {
    for (const auto& request : simulation.state.requests) {
      bool served = false;
      for (const auto& held : simulation.state.held)
        served = served || (covered_by(request.names[0], held.names) && held.validity.not_after > simulation.now);
      ASSERT_TRUE(served) << request.names[0].text() << " at " << time_text(simulation.now);
    }
    for (const auto& held : simulation.state.held)
      ASSERT_LT(simulation.now - before, held.validity.not_after - held.validity.not_before);
    before = simulation.now;
  });
}

// One certificate after the other, each from the instant the policy names for the one before: what a host costs.
std::size_t expected_orders(const Simulation& simulation, WallTime end) {
  std::size_t count = 0;
  for (const auto& request : simulation.state.requests) {
    WallTime at = new_year();
    while (at < end) {
      ++count;
      Simulation one;
      one.lifetime = simulation.lifetime;
      one.suggests_windows = simulation.suggests_windows;
      one.now = at;
      one.issue({.record = "", .resolver = "le", .names = request.names, .asked_by = {}, .ca = test_ca});
      const HeldCertificate& held = one.state.held[0];
      at = renew_at(held.validity, held.window, held.fingerprint);
    }
  }
  return count;
}

struct Lives {
  std::chrono::hours lifetime;
  bool suggests_windows;
  std::size_t fewest, most;  // orders of a host in 400 days
};

TEST(PlanSimulation, FourHundredDaysWithoutAGapAndWithoutAnOrderTooMany) {
  // A third left, a tenth of that jitter: every 57 to 60 days, or 3.8 to 4; by window every 45 to 49.5, or 3 to 3.3.
  for (const Lives& lives : {Lives{days(90), false, 7, 8}, Lives{days(6), false, 100, 107}, Lives{days(90), true, 9, 9},
                             Lives{days(6), true, 122, 134}}) {
    Simulation simulation = with_hosts(30);
    simulation.lifetime = lives.lifetime;
    simulation.suggests_windows = lives.suggests_windows;
    const WallTime end = new_year() + days(400);
    expect_no_gap(simulation, end);
    EXPECT_EQ(simulation.orders.size(), expected_orders(simulation, end));
    EXPECT_GE(simulation.orders.size(), 30 * lives.fewest);
    EXPECT_LE(simulation.orders.size(), 30 * lives.most);
    EXPECT_EQ(simulation.state.held.size(), 30u);
  }
}

TEST(PlanSimulation, OutlivesACaThatIsDownForLongerThanTheJitter) {
  Simulation ninety = with_hosts(30);
  ninety.outage_from = new_year() + days(56);
  ninety.outage_until = new_year() + days(84);
  expect_no_gap(ninety, new_year() + days(120));
  EXPECT_GT(ninety.failed, 30u * 15);
  EXPECT_LT(ninety.failed, 30u * 80);  // not one a minute

  Simulation six = with_hosts(30);
  six.lifetime = days(6);
  six.outage_from = new_year() + days(3);
  six.outage_until = new_year() + days(5);
  expect_no_gap(six, new_year() + days(30));
}

TEST(PlanSimulation, ReplacesAllWithinHoursWhenTheCaMovesTheirWindowsIntoThePast) {
  Simulation simulation = with_hosts(30);
  simulation.run_until(new_year() + days(20));
  for (auto& held : simulation.state.held) held.window = RenewalWindow{new_year(), new_year() + days(1), {}, {}};
  const std::size_t before = simulation.orders.size();
  simulation.run_until(simulation.now + 2h);
  EXPECT_EQ(simulation.orders.size(), before + 30);
}

TEST(PlanSimulation, IsNotDrivenByACaWhoseWindowsAreAlwaysPast) {
  for (const auto& [lifetime, most] : {std::pair(days(90), 9u), std::pair(days(6), 101u)}) {
    Simulation simulation = with_hosts(5);
    simulation.lifetime = lifetime;
    simulation.suggests_the_past = true;
    expect_no_gap(simulation, new_year() + days(100));
    EXPECT_LE(simulation.orders.size(), 5 * most);
  }
}

TEST(PlanSimulation, ReplacesAgainAtOnceWhatIsRevokedSoonAfterAnOrdinaryRenewal) {
  Simulation simulation = with_hosts(5);
  simulation.suggests_windows = true;
  simulation.run_until(new_year() + days(52));
  const std::size_t before = simulation.orders.size();
  EXPECT_EQ(before, 10u);
  for (auto& held : simulation.state.held) held.window = RenewalWindow{new_year(), new_year() + days(1), {}, {}};
  simulation.run_until(simulation.now + 2h);
  EXPECT_EQ(simulation.orders.size(), before + 5);
}

// Let's Encrypt's limits, counted anew from nothing but the list of orders.
void expect_within_limits(const std::vector<Made>& orders) {
  std::map<std::string, std::vector<WallTime>> counted;
  const auto count = [&](const std::string& what, std::size_t limit, std::chrono::hours window, WallTime at) {
    auto& times = counted[what];
    times.push_back(at);
    if (times.size() > limit) {
      EXPECT_GE(at - times[times.size() - 1 - limit], window) << what;
    }
  };
  for (const Made& made : orders) {
    if (made.kind == OrderKind::ari) continue;
    count("account", 300, 3h, made.at);
    count("set " + set_hash(made.names), 5, 168h, made.at);
    if (made.kind == OrderKind::first) count("domain " + registered_domain(made.names[0]), 50, 168h, made.at);
  }
}

TEST(PlanSimulation, AThousandHostsInAMinuteStayWithinLetsEncryptsLimitsAndMainHostsGoFirst) {
  Simulation simulation;
  simulation.state.resolvers["le"] = {{{test_ca}}, true};
  simulation.state.resolvers["le"].important = names({"gitlab.example.com", "*.main.example.com"});
  auto& requests = simulation.state.requests;
  for (int i = 0; i < 985; ++i)
    requests.push_back({"le", names({"branch" + std::to_string(i) + ".review.example.com"}),
                        "Ingress review/" + std::to_string(i), new_year() + std::chrono::seconds(i / 17)});
  requests.push_back({"le", names({"gitlab.example.com"}), "Ingress gitlab/web", new_year() + 59s});
  for (int i = 0; i < 14; ++i)
    requests.push_back(
        {"le", names({"m" + std::to_string(i) + ".main.example.com"}), "Ingress main/m", new_year() + 59s});

  simulation.now = new_year() + 60s;
  const Plan first = simulation.step();
  for (int i = 0; i < 15; ++i)
    EXPECT_TRUE(covered_by(first.certificates[i].names[0], simulation.state.resolvers["le"].important));
  EXPECT_EQ(simulation.orders.size(), 40u);  // ten of the fifty are kept
  std::map<std::string, WallTime> promised;
  for (const auto& planned : first.certificates) {
    if (planned.state != PlanState::waiting) continue;
    EXPECT_EQ(planned.words,
              "40 certificates for example.com in 7 days are used up (10 more are kept for what matters more)");
    promised[planned.names[0].text()] = *planned.at;
  }
  EXPECT_EQ(promised.size(), 960u);
  EXPECT_TRUE(promised.contains("branch984.review.example.com"));

  // A main host that comes later finds the reserve.
  simulation.now += 1h;
  requests.push_back({"le", names({"late.main.example.com"}), "Ingress main/late", simulation.now});
  EXPECT_EQ(simulation.step().certificates[0].names, names({"late.main.example.com"}));
  EXPECT_EQ(simulation.orders.size(), 41u);

  const WallTime end = new_year() + days(200);
  simulation.idle = 12h;
  simulation.run_until(end);
  expect_within_limits(simulation.orders);
  std::map<std::string, WallTime> got;
  for (const Made& made : simulation.orders) got.try_emplace(made.names[0].text(), made.at);
  EXPECT_EQ(got.size(), 1001u);
  // The late one took a place within its week, so what was promised is kept to the week.
  for (const auto& [host, at] : promised) EXPECT_LE(got.at(host), at + 168h + simulation.idle) << host;
  // Renewals went on meanwhile: nobody who has one is ever without.
  for (const auto& held : simulation.state.held) EXPECT_GT(held.validity.not_after, end);
}

TEST(PlanSimulation, KeepsItsPromisesWhenNothingElseHappens) {
  Simulation simulation;
  simulation.state.resolvers["le"] = {{{test_ca}}, true};
  for (int i = 0; i < 150; ++i)
    simulation.state.requests.push_back(
        {"le", names({"b" + std::to_string(i) + ".example.com"}), "x", new_year() - std::chrono::seconds(i)});
  std::map<std::string, WallTime> promised;
  for (const auto& planned : plan(simulation.state, simulation.now).certificates)
    promised[planned.names[0].text()] = planned.at.value_or(simulation.now);
  simulation.run_until(new_year() + days(30));
  ASSERT_EQ(simulation.orders.size(), 150u);
  for (const Made& made : simulation.orders) EXPECT_EQ(made.at, promised.at(made.names[0].text()));
}

}  // namespace
}  // namespace gatehouse::acme
