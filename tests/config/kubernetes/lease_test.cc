#include "config/kubernetes/lease.h"

#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/micro_time.h"
#include "tests/config/kubernetes/simulation.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <spdlog/sinks/ostream_sink.h>

#include <regex>
#include <sstream>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using boost::json::object;

constexpr auto path = "/apis/coordination.k8s.io/v1/namespaces/edge/leases/leader";
constexpr auto collection = "/apis/coordination.k8s.io/v1/namespaces/edge/leases";

TEST(MicroTime, HasSixDigitsOfFraction) {
  EXPECT_EQ(micro_time_text(WallTime(1'767'225'600s)), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(micro_time_text(WallTime(1'767'225'600s) + 42us + 999ns), "2026-01-01T00:00:00.000042Z");
  EXPECT_EQ(micro_time_text(WallTime(1'767'225'600s) + 999'999us), "2026-01-01T00:00:00.999999Z");
}

TEST(LeaseIdentity, IsAnotherForEachStart) {
  const std::string one = lease_identity("gatehouse-7d9f-abcde");
  EXPECT_TRUE(std::regex_match(one, std::regex("gatehouse-7d9f-abcde_[0-9a-f]{16}"))) << one;
  EXPECT_NE(one, lease_identity("gatehouse-7d9f-abcde"));
}

// A Lease as a server has it, with a version that each write changes.
std::string lease(std::string_view holder, int version = 1, int seconds = 15, std::string_view renewed = "x") {
  return boost::json::serialize(object{{"metadata", object{{"name", "leader"},
                                                           {"namespace", "edge"},
                                                           {"resourceVersion", std::to_string(version)},
                                                           {"labels", object{{"kept", "yes"}}}}},
                                       {"spec", object{{"holderIdentity", holder},
                                                       {"leaseDurationSeconds", seconds},
                                                       {"acquireTime", "a"},
                                                       {"renewTime", renewed},
                                                       {"leaseTransitions", 3},
                                                       {"strategy", "OldestEmulationVersion"}}}});
}

class CandidacyTest : public testing::Test {
 protected:
  const TimePoint start{1000h};
  const WallTime wall{1'767'225'600s};
  TimePoint now = start;
  Candidacy candidacy{LeaseTerms{.lease = {"edge", "leader"}, .identity = "me"}};

  ApiRequest request() const { return candidacy.request(wall); }
  object body() const { return *read_object(request().body); }
  object spec() const { return object_in(body(), "spec"); }
  void answer(const Result<ApiAnswer>& answer, Duration takes = 0s, double chance = 0) {
    const TimePoint sent = now;
    now += takes;
    candidacy.take(answer, sent, now, chance);
  }
  void lead() {
    answer(bad(404, "NotFound"));
    answer(good(lease("me"), 201));
    ASSERT_TRUE(candidacy.leads(now));
  }
};

TEST_F(CandidacyTest, MakesTheLeaseWhereThereIsNone) {
  EXPECT_EQ(request().method, "GET");
  EXPECT_EQ(request().path, path);
  answer(bad(404, "NotFound"));
  EXPECT_EQ(candidacy.next(), now);
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(request().path, collection);
  EXPECT_EQ(boost::json::value(body()), boost::json::parse(R"({
    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader", "namespace": "edge"},
    "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0,
             "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z"}})"));
  EXPECT_FALSE(candidacy.leads(now));
  answer(good(lease("me"), 201));
  EXPECT_TRUE(candidacy.leads(now));
}

TEST_F(CandidacyTest, AnotherWasFasterToMakeIt) {
  answer(bad(404, "NotFound"));
  answer(bad(409, "AlreadyExists"), 0s, 0.5);
  EXPECT_FALSE(candidacy.leads(now));
  EXPECT_EQ(candidacy.next(), now + 3200ms);
  EXPECT_EQ(request().method, "GET");
}

TEST_F(CandidacyTest, RenewsEveryTwoSecondsWithTheVersionItWrote) {
  lead();
  EXPECT_EQ(candidacy.next(), now + 2s);
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(request().path, path);
  EXPECT_EQ(text_in(object_in(body(), "metadata"), "resourceVersion"), "1");
  EXPECT_EQ(text_in(spec(), "acquireTime"), "a") << "kept when renewing";
  EXPECT_EQ(number_in(spec(), "leaseTransitions"), 3);
  EXPECT_EQ(text_in(spec(), "renewTime"), "2026-01-01T00:00:00.000000Z");
}

TEST_F(CandidacyTest, TheDeadlineCountsFromSendingTheLastRenewal) {
  lead();
  now += 2s;
  answer(good(lease("me", 2)), 4s);
  EXPECT_EQ(candidacy.leads_until(), start + 12s);
  EXPECT_TRUE(candidacy.leads(start + 12s - 1ns));
  EXPECT_FALSE(candidacy.leads(start + 12s));
}

TEST_F(CandidacyTest, WaitsForAnotherAsLongAsItsRecordChanges) {
  answer(good(lease("other", 1, 15, "t1")));
  EXPECT_EQ(candidacy.next(), now + 2s);
  EXPECT_EQ(candidacy.holder(), "other");
  now += 14s;
  answer(good(lease("other", 2, 15, "t2")), 0s, 0.999);
  EXPECT_NEAR(std::chrono::duration<double>(candidacy.next() - now).count(), 4.4, 0.01);
  now += 14s;
  answer(good(lease("other", 2, 15, "t2")));
  EXPECT_EQ(request().method, "GET");
  now += 1s;
  answer(good(lease("other", 2, 15, "t2")));
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(candidacy.next(), now);
}

TEST_F(CandidacyTest, ANewVersionWithTheSameRecordIsNoSignOfLife) {
  answer(good(lease("other", 1)));
  now += 15s;
  answer(good(lease("other", 2)));
  EXPECT_EQ(request().method, "PUT");
}

TEST_F(CandidacyTest, ATakeoverCountsAndKeepsWhatItDoesNotKnow) {
  answer(good(lease("", 7)));
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(boost::json::value(body()), boost::json::parse(R"({
    "metadata": {"name": "leader", "namespace": "edge", "resourceVersion": "7", "labels": {"kept": "yes"}},
    "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 4,
             "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
             "strategy": "OldestEmulationVersion"}})"));
  answer(good(lease("me", 8)));
  EXPECT_TRUE(candidacy.leads(now));
}

TEST_F(CandidacyTest, TheDurationIsTheHoldersOwn) {
  answer(good(lease("other", 1, 60)));
  now += 59s;
  answer(good(lease("other", 1, 60)));
  EXPECT_EQ(request().method, "GET");
  now += 1s;
  answer(good(lease("other", 1, 60)));
  EXPECT_EQ(request().method, "PUT");
}

TEST_F(CandidacyTest, OtherClocksDoNotMatter) {
  answer(good(lease("other", 1, 15, "1999-01-01T00:00:00.000000Z")));
  EXPECT_EQ(request().method, "GET") << "it looks stale, but was seen only now";
  now += 15s;
  answer(good(lease("other", 2, 15, "2099-01-01T00:00:00.000000Z")));
  EXPECT_EQ(request().method, "GET");
  now += 15s;
  answer(good(lease("other", 2, 15, "2099-01-01T00:00:00.000000Z")));
  EXPECT_EQ(request().method, "PUT");
}

TEST_F(CandidacyTest, ALostRaceIsLost) {
  answer(good(lease("")));
  answer(bad(409, "Conflict"));
  EXPECT_FALSE(candidacy.leads(now));
  EXPECT_EQ(request().method, "GET");
  EXPECT_EQ(candidacy.next(), now + 2s);
}

TEST_F(CandidacyTest, ALeaderLooksAtOnceWhenSomebodyWroteAndWaitsTheSecondTime) {
  lead();
  now += 2s;
  answer(bad(409, "Conflict"));
  EXPECT_EQ(request().method, "GET");
  EXPECT_EQ(candidacy.next(), now);
  EXPECT_TRUE(candidacy.leads(now));
  answer(good(lease("me", 5)));
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(candidacy.next(), now);
  answer(bad(409, "Conflict"));
  EXPECT_EQ(candidacy.next(), now + 2s);
}

TEST_F(CandidacyTest, SeeingAnotherHolderEndsItAtOnce) {
  lead();
  now += 2s;
  answer(bad(409, "Conflict"));
  answer(good(lease("other", 5)));
  EXPECT_FALSE(candidacy.leads(now));
  EXPECT_EQ(candidacy.resign(now, wall), std::nullopt);
}

TEST_F(CandidacyTest, ALeaderMakesADeletedLeaseAgain) {
  lead();
  now += 2s;
  answer(bad(404, "NotFound"));
  EXPECT_EQ(candidacy.next(), now);
  answer(bad(404, "NotFound"));
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(candidacy.next(), now);
  answer(good(lease("me"), 201));
  EXPECT_EQ(candidacy.leads_until(), now + 10s);
}

TEST_F(CandidacyTest, ADeletedLeaseIsHeldAsLongAsItWould) {
  answer(good(lease("other", 1)));
  now += 14s;
  answer(bad(404, "NotFound"));
  EXPECT_EQ(request().method, "GET");
  EXPECT_EQ(candidacy.next(), now + 2s);
  now += 2s;
  answer(bad(404, "NotFound"));
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(number_in(spec(), "leaseTransitions"), 0);
}

TEST_F(CandidacyTest, AWriteWithoutAnAnswerMayHaveBeenDone) {
  answer(good(lease("", 1)));
  answer(Failure(FailureKind::answer_timeout));
  EXPECT_FALSE(candidacy.leads(now));
  EXPECT_FALSE(candidacy.trouble().empty());
  now += 2s;
  answer(good(lease("me", 2)));
  EXPECT_FALSE(candidacy.leads(now)) << "a look does not tell when it was written";
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(number_in(spec(), "leaseTransitions"), 3) << "a renewal, no takeover from itself";
  answer(good(lease("me", 3)));
  EXPECT_TRUE(candidacy.leads(now));
  EXPECT_TRUE(candidacy.trouble().empty());
}

TEST_F(CandidacyTest, ATroubledLeaderTriesEveryTwoSeconds) {
  lead();
  for (const auto& trouble : {Result<ApiAnswer>(Failure(FailureKind::connect_failed)),
                              Result<ApiAnswer>(bad(500, "InternalError")), Result<ApiAnswer>(bad(403, "Forbidden"))}) {
    answer(trouble, 0s, 0.9);
    EXPECT_EQ(candidacy.next(), now + 2s);
  }
  answer(bad(429, "TooManyRequests", 5s), 0s, 0);
  EXPECT_EQ(candidacy.next(), now + 5s);
}

TEST_F(CandidacyTest, WithoutPermissionItAsksSlowly) {
  answer(bad(403, "Forbidden"));
  EXPECT_EQ(candidacy.next(), now + 15s);
  EXPECT_EQ(candidacy.trouble(), "403 Forbidden: because");
  answer(bad(404, "NotFound"));
  answer(bad(404, "NotFound"));
  EXPECT_EQ(candidacy.next(), now + 15s) << "there is no such namespace";
}

TEST_F(CandidacyTest, TroubleStaysTroubleUntilAWriteSucceeds) {
  answer(good(lease("")));
  answer(bad(403, "Forbidden"));
  answer(good(lease("")));
  EXPECT_EQ(candidacy.trouble(), "403 Forbidden: because");
}

TEST_F(CandidacyTest, HandsBackForAnyoneToTake) {
  lead();
  const auto back = candidacy.resign(now, wall);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->method, "PUT");
  const object given = object_in(*read_object(back->body), "spec");
  EXPECT_EQ(text_in(given, "holderIdentity"), "");
  EXPECT_TRUE(given.contains("holderIdentity"));
  EXPECT_EQ(number_in(given, "leaseDurationSeconds"), 1);
  EXPECT_EQ(number_in(given, "leaseTransitions"), 3);
  EXPECT_FALSE(candidacy.leads(now));
}

TEST_F(CandidacyTest, GarbageIsNoLease) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"), std::string("<html>"),
                                  std::string(R"({"metadata": 3})"), deep, std::string(3 << 20, ' ')}) {
    answer(good(text));
    EXPECT_EQ(request().method, "GET");
    EXPECT_EQ(candidacy.next(), now + 2s);
    EXPECT_FALSE(candidacy.trouble().empty());
  }
}

TEST_F(CandidacyTest, FieldsOfWrongKindsAreAsIfMissing) {
  answer(good(R"({"metadata": {"name": "leader"}, "spec": {"holderIdentity": [], "leaseTransitions": "9",
                 "leaseDurationSeconds": 1e300}})"));
  EXPECT_EQ(request().method, "PUT");
  EXPECT_EQ(number_in(spec(), "leaseTransitions"), 1);
  answer(good(R"({"metadata": {"name": "leader"}, "spec": {"holderIdentity": "other",
                 "leaseDurationSeconds": 9223372036854775807, "leaseTransitions": 9223372036854775807}})"));
  EXPECT_EQ(candidacy.holder(), "other");
  now += 24h;
  now += 15s;
}

// A server of one Lease. `reachable(identity)` cuts a replica off.
class LeaseServer {
 public:
  object lease;
  int version = 0;
  int writes = 0, conflicts = 0;
  std::vector<std::string> holders;  // each time it changed

  ApiCall call(std::shared_ptr<bool> reachable) {
    return [this, reachable](ApiRequest request) -> Awaitable<Result<ApiAnswer>> {
      if (!*reachable) co_return Failure(FailureKind::connect_failed);
      co_return answer(request);
    };
  }
  ApiAnswer answer(const ApiRequest& request) {
    if (request.method == "GET") return lease.empty() ? bad(404, "NotFound") : good(boost::json::serialize(lease));
    object sent = *read_object(request.body);
    const std::string sent_version = text_in(object_in(sent, "metadata"), "resourceVersion");
    const std::string our_version = lease.empty() ? "" : std::to_string(version);
    if (sent_version != our_version) return ++conflicts, bad(409, "Conflict");
    lease = std::move(sent);
    lease["metadata"].as_object()["resourceVersion"] = std::to_string(++version);
    ++writes;
    const std::string holder = text_in(object_in(lease, "spec"), "holderIdentity");
    if (holders.empty() || holders.back() != holder) holders.push_back(holder);
    return good(boost::json::serialize(lease), request.method == "POST" ? 201 : 200);
  }
};

class ElectionTest : public testing::Test {
 protected:
  struct Replica {
    std::shared_ptr<bool> reachable = std::make_shared<bool>(true);
    std::vector<bool> told;
    std::unique_ptr<LeaderElection> election;
  };

  std::unique_ptr<Replica> replica(const std::string& identity, double rate = 1, std::chrono::hours skew = {},
                                   ApiCall call = {}) {
    auto made = std::make_unique<Replica>();
    ManualClock& clock = world.add_clock(rate, skew);
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
    made->election = std::make_unique<LeaderElection>(
        LeaseTerms{.lease = {"edge", "leader"}, .identity = identity},
        LeaderElection::Ports{world.io.get_executor(), clock, logger, call ? call : server.call(made->reachable),
                              [told = &made->told](bool leading) { told->push_back(leading); }});
    world.spawn(made->election->run());
    return made;
  }

  // Lets time pass; there is never more than one leader.
  void pass(Duration time, const std::vector<const Replica*>& replicas) {
    world.pass(time, [&] {
      int leading = 0;
      for (const Replica* one : replicas) leading += one->election->leading();
      EXPECT_LE(leading, 1);
    });
  }

  std::ostringstream log;
  LeaseServer server;
  Simulation world;
};

TEST_F(ElectionTest, OneLeadsAndTheOthersWait) {
  const auto a = replica("a"), b = replica("b"), c = replica("c");
  pass(120s, {a.get(), b.get(), c.get()});
  EXPECT_EQ(a->told, std::vector<bool>{true});
  EXPECT_TRUE(a->election->leading());
  EXPECT_TRUE(b->told.empty());
  EXPECT_EQ(b->election->holder(), "a");
  EXPECT_EQ(server.holders, std::vector<std::string>{"a"});
  EXPECT_NEAR(server.writes, 60, 3);
  EXPECT_NE(log.str().find("this replica leads: Lease edge/leader, a"), std::string::npos) << log.str();
}

TEST_F(ElectionTest, AnotherTakesOverWhenTheLeaderIsCutOff) {
  const auto a = replica("a"), b = replica("b"), c = replica("c");
  const std::vector<const Replica*> all = {a.get(), b.get(), c.get()};
  pass(30s, all);
  *a->reachable = false;
  pass(7900ms, all);
  EXPECT_TRUE(a->election->leading()) << "the last renewal was up to 2 s before";
  pass(2200ms, all);
  EXPECT_FALSE(a->election->leading());
  EXPECT_EQ(a->told, (std::vector<bool>{true, false}));
  EXPECT_FALSE(b->election->leading() || c->election->leading());
  pass(10s, all);
  EXPECT_TRUE(b->election->leading() != c->election->leading());
  EXPECT_EQ(number_in(object_in(server.lease, "spec"), "leaseTransitions"), 1);
  *a->reachable = true;
  pass(60s, all);
  EXPECT_FALSE(a->election->leading()) << "it does not get it back";
  EXPECT_NE(log.str().find("could not be renewed in time"), std::string::npos) << log.str();
}

TEST_F(ElectionTest, AKilledLeaderIsFollowedAfterItsLease) {
  const auto b = replica("b");
  server.lease = *read_object(lease("dead"));
  server.version = 1;
  pass(15s, {b.get()});
  EXPECT_FALSE(b->election->leading());
  pass(5s, {b.get()});
  EXPECT_TRUE(b->election->leading());
}

TEST_F(ElectionTest, AStoppedLeaderHandsOver) {
  const auto a = replica("a"), b = replica("b");
  pass(10s, {a.get(), b.get()});
  ASSERT_TRUE(a->election->leading());
  a->election->stop();
  EXPECT_FALSE(a->election->leading());
  world.settle();
  EXPECT_EQ(world.running(), 1);
  EXPECT_EQ(a->told, (std::vector<bool>{true, false}));
  EXPECT_EQ(server.holders.back(), "");
  pass(5s, {a.get(), b.get()});
  EXPECT_TRUE(b->election->leading());
}

TEST_F(ElectionTest, AStoppedCandidateGoesWithoutAWord) {
  const auto a = replica("a"), b = replica("b");
  pass(10s, {a.get(), b.get()});
  b->election->stop();
  world.settle();
  EXPECT_EQ(world.running(), 1);
  EXPECT_EQ(server.holders, std::vector<std::string>{"a"});
}

TEST_F(ElectionTest, WrongTimesOfDayAndSomewhatWrongClocksAreHarmless) {
  const auto a = replica("a", 1, 100h), b = replica("b", 1.2, -100h), c = replica("c", 0.9, 1h);
  const std::vector<const Replica*> all = {a.get(), b.get(), c.get()};
  for (int round = 0; round < 20; ++round) {
    pass(11s, all);
    for (const auto* one : {&a, &b, &c})
      if ((*one)->election->leading()) *(*one)->reachable = false;
    pass(23s, all);
    for (const auto* one : {&a, &b, &c}) *(*one)->reachable = true;
  }
  EXPECT_GE(server.holders.size(), 15U);
}

TEST_F(ElectionTest, TheApiServerAwayForLongAndBack) {
  const auto a = replica("a"), b = replica("b");
  const std::vector<const Replica*> all = {a.get(), b.get()};
  pass(10s, all);
  *a->reachable = *b->reachable = false;
  pass(300s, all);
  EXPECT_FALSE(a->election->leading() || b->election->leading());
  *a->reachable = *b->reachable = true;
  pass(5s, all);
  EXPECT_TRUE(a->election->leading() != b->election->leading());
}

// Like a connection to a machine that is gone.
Awaitable<Result<ApiAnswer>> never(Clock& clock) {
  co_await clock.sleep_until(TimePoint::max());
  co_return Failure(FailureKind::internal);
}

TEST_F(ElectionTest, ARequestThatHangsDoesNotProlongIt) {
  ManualClock& clock = world.add_clock();
  auto hangs = std::make_shared<bool>(false);
  const auto a = replica("a", 1, {}, [&, hangs](ApiRequest request) -> Awaitable<Result<ApiAnswer>> {
    if (*hangs) return never(clock);
    return [](ApiAnswer answer) -> Awaitable<Result<ApiAnswer>> { co_return answer; }(server.answer(request));
  });
  pass(10s, {a.get()});
  *hangs = true;
  pass(7900ms, {a.get()});
  EXPECT_TRUE(a->election->leading());
  pass(2200ms, {a.get()});
  EXPECT_FALSE(a->election->leading());
  EXPECT_EQ(a->told, (std::vector<bool>{true, false}));
  *hangs = false;
  pass(10s, {a.get()});
  EXPECT_TRUE(a->election->leading());
  *hangs = true;
  a->election->stop();
  pass(10s, {a.get()});
  EXPECT_EQ(world.running(), 0) << "handing back has its limit, too";
}

TEST_F(ElectionTest, AnExceptionIsAFailure) {
  const auto a = replica("a", 1, {}, [](ApiRequest) -> Awaitable<Result<ApiAnswer>> {
    throw std::runtime_error("out of order");
    co_return Failure(FailureKind::internal);
  });
  pass(10s, {a.get()});
  EXPECT_FALSE(a->election->leading());
  EXPECT_NE(log.str().find("out of order"), std::string::npos);
}

TEST_F(ElectionTest, TroubleIsToldOnce) {
  const auto a =
      replica("a", 1, {}, [](ApiRequest) -> Awaitable<Result<ApiAnswer>> { co_return bad(403, "Forbidden"); });
  pass(300s, {a.get()});
  const std::string text = log.str();
  EXPECT_NE(text.find("403 Forbidden"), std::string::npos);
  EXPECT_EQ(text.find("403 Forbidden"), text.rfind("403 Forbidden"));
}

}  // namespace
}  // namespace gatehouse::kubernetes
