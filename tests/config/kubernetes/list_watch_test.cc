#include "config/kubernetes/list_watch.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using Effect = ListWatch::Effect;
using Verdict = ListWatch::Verdict;
using Health = ListWatch::Health;

class ListWatchTest : public testing::Test {
 protected:
  explicit ListWatchTest(bool watch_list = false) { abilities->watch_list = watch_list; }

  ListWatch::Request next() {
    auto request = machine.next(now);
    waited = request.at - now;
    now = request.at;
    return request;
  }
  // Without the path and what all watches have.
  std::string ask() {
    std::string path = next().path;
    EXPECT_TRUE(path.starts_with("/apis/x/v1/ingresses?labelSelector=a%3Db&")) << path;
    path.erase(0, path.find("a%3Db&") + 6);
    const std::string watch = "watch=1&allowWatchBookmarks=true&";
    if (path.starts_with(watch)) path.replace(0, watch.size(), "watch ");
    if (const auto at = path.find("&timeoutSeconds="); at != std::string::npos) path.erase(at);
    return path;
  }

  Effect listed(std::string version, std::string token = "", std::string kind = "IngressList") {
    const ListFacts facts{std::move(kind), std::move(version), std::move(token)};
    return machine.list_ended(answer(200), &facts, now);
  }
  static ApiAnswer answer(std::uint16_t status, std::string reason = "", std::string message = "") {
    ApiAnswer made;
    made.status = status;
    made.reason = std::move(reason);
    made.message = std::move(message);
    return made;
  }
  Effect list_answered(const ApiAnswer& given) { return machine.list_ended(given, nullptr, now); }
  Effect watch_answered(const ApiAnswer& given, bool garbage = false) {
    return machine.watch_ended(given, garbage, now);
  }
  Effect unreachable() {
    return machine.watch_ended(Failure(FailureKind::connect_failed, "10.0.0.1:6443"), false, now);
  }
  Verdict event(std::string_view type, std::string_view version = "", bool end = false) {
    return machine.event({type, version, end}, now);
  }
  void list_first() {
    ask();
    ASSERT_EQ(listed("10"), Effect::complete);
  }

  double chance = 0;
  TimePoint now{1h};
  Duration waited{};
  std::shared_ptr<ServerAbilities> abilities = std::make_shared<ServerAbilities>();
  ListWatch::Options options{"/apis/x/v1/ingresses", "labelSelector=a%3Db", "Ingress", false};
  ListWatch machine{options, abilities, [this] { return chance; }};
};

TEST_F(ListWatchTest, ListsFromTheCacheThenWatchesFromThere) {
  EXPECT_FALSE(machine.synced());
  EXPECT_EQ(ask(), "resourceVersion=0");
  EXPECT_EQ(waited, 0s);
  EXPECT_EQ(listed("10"), Effect::complete);
  EXPECT_TRUE(machine.synced());
  EXPECT_EQ(ask(), "watch resourceVersion=10");
  EXPECT_EQ(waited, 0s);
}

TEST_F(ListWatchTest, EndsAWatchByChanceFromFiveToTenMinutes) {
  list_first();
  const auto low = next();
  EXPECT_NE(low.path.find("&timeoutSeconds=300"), std::string::npos);
  EXPECT_EQ(low.silence, 315s);
  chance = 0.999;
  EXPECT_NE(next().path.find("&timeoutSeconds=599"), std::string::npos);
}

TEST_F(ListWatchTest, GoesOnFromTheLastEventOrBookmarkAtOnce) {
  list_first();
  ask();
  EXPECT_EQ(event("ADDED", "11"), Verdict::seen);
  EXPECT_EQ(event("MODIFIED", "12"), Verdict::seen);
  EXPECT_EQ(event("DELETED", "13"), Verdict::gone);
  EXPECT_EQ(event("NEWTYPE", "99"), Verdict::ignore);
  EXPECT_EQ(event("MODIFIED", ""), Verdict::seen);
  now += 5min;
  EXPECT_EQ(watch_answered(answer(200)), Effect::none);
  EXPECT_EQ(ask(), "watch resourceVersion=13");
  EXPECT_EQ(waited, 0s);
  EXPECT_EQ(event("BOOKMARK", "20"), Verdict::ignore);
  watch_answered(answer(200));
  EXPECT_EQ(ask(), "watch resourceVersion=20");
}

TEST_F(ListWatchTest, AWatchThatEndsAtOnceWithoutEventIsAnError) {
  list_first();
  ask();
  watch_answered(answer(200));
  EXPECT_EQ(machine.health(), Health::refused);
  EXPECT_EQ(ask(), "watch resourceVersion=10");
  EXPECT_EQ(waited, 800ms);
  event("BOOKMARK", "11");
  watch_answered(answer(200));
  EXPECT_EQ(machine.health(), Health::good);
  ask();
  EXPECT_EQ(waited, 0s);
}

TEST_F(ListWatchTest, BacksOffFurtherAndFurtherUntilItWasWellForTwoMinutes) {
  list_first();
  std::vector<Duration> waits;
  for (int i = 0; i < 8; ++i) {
    ask();
    waits.push_back(waited);
    unreachable();
  }
  EXPECT_EQ(waits, (std::vector<Duration>{0s, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30s}));
  EXPECT_EQ(machine.health(), Health::away);
  chance = 0.5;
  ask();
  unreachable();
  ask();
  EXPECT_EQ(waited, 45s);
  chance = 0;
  now += 2min + 1s;
  unreachable();
  EXPECT_EQ(ask(), "watch resourceVersion=10");
  EXPECT_EQ(waited, 800ms);
}

TEST_F(ListWatchTest, KeepsItsPlaceWhenTheServerIsAwayOrBusyAndObeysRetryAfter) {
  list_first();
  for (const std::uint16_t status : {429, 502, 503}) {
    ask();
    ApiAnswer busy = answer(status);
    busy.retry_after = 100s;
    watch_answered(busy);
    EXPECT_EQ(ask(), "watch resourceVersion=10");
    EXPECT_EQ(waited, 100s);
  }
  ApiAnswer endless = answer(429);
  endless.retry_after = 1000h;
  watch_answered(endless);
  ask();
  EXPECT_EQ(waited, 5min);
}

TEST_F(ListWatchTest, ListsTheLatestInPagesWhenTheServerHasForgotten) {
  list_first();
  ask();
  EXPECT_EQ(machine.event({"ERROR", "", false, 410, "too old"}, now), Verdict::over);
  EXPECT_EQ(event("ADDED", "99"), Verdict::ignore);
  EXPECT_EQ(watch_answered(answer(200)), Effect::none);
  EXPECT_EQ(machine.health(), Health::good);
  const auto request = next();
  EXPECT_TRUE(request.fresh);
  EXPECT_TRUE(request.path.ends_with("&limit=500"));
  EXPECT_EQ(listed("30", "a/b="), Effect::none);
  EXPECT_FALSE(machine.next(now).fresh);
  EXPECT_EQ(ask(), "limit=500&continue=a%2Fb%3D");
  EXPECT_EQ(listed("30"), Effect::complete);
  EXPECT_EQ(ask(), "watch resourceVersion=30");
  // The same as the answer's status.
  EXPECT_EQ(watch_answered(answer(410, "Expired")), Effect::none);
  EXPECT_EQ(ask(), "limit=500");
}

TEST_F(ListWatchTest, ListsInOneAnswerWhenThePagesHaveExpired) {
  list_first();
  ask();
  watch_answered(answer(410));
  ask();
  listed("30", "token");
  ask();
  EXPECT_EQ(list_answered(answer(410, "Expired")), Effect::none);
  const auto request = next();
  EXPECT_TRUE(request.fresh);
  EXPECT_TRUE(request.path.ends_with("&resourceVersion="));
  EXPECT_EQ(listed("31"), Effect::complete);
}

TEST_F(ListWatchTest, RelistsNothingOlderAfterAnotherErrorAndTheLatestWhenTheServerIsBehind) {
  list_first();
  ask();
  EXPECT_EQ(machine.event({"ERROR", "", false, 500, "etcd"}, now), Verdict::over);
  watch_answered(answer(200));
  EXPECT_EQ(machine.health(), Health::refused);
  EXPECT_EQ(ask(), "resourceVersion=10&resourceVersionMatch=NotOlderThan");
  EXPECT_GE(waited, 800ms);
  list_answered(answer(504, "Timeout", "Timeout: Too large resource version: 10, current: 2"));
  EXPECT_EQ(ask(), "limit=500");
  EXPECT_EQ(waited, 1s);
  EXPECT_EQ(listed("3"), Effect::complete);
  EXPECT_EQ(ask(), "watch resourceVersion=3");
  watch_answered(answer(500));
  EXPECT_EQ(ask(), "resourceVersion=3&resourceVersionMatch=NotOlderThan");
}

TEST_F(ListWatchTest, ConcludesNothingFromHalfAListOrAnotherThing) {
  list_first();
  ask();
  watch_answered(answer(410));
  ask();
  EXPECT_EQ(machine.list_ended(Failure(FailureKind::answer_truncated), nullptr, now), Effect::none);
  ask();
  EXPECT_EQ(list_answered(answer(200)), Effect::none);
  EXPECT_NE(machine.trouble().find("is no whole IngressList"), std::string::npos);
  ask();
  EXPECT_EQ(listed("40", "", "SecretList"), Effect::none);
  EXPECT_EQ(ask(), "limit=500");
  listed("41", "more");
  ask();
  EXPECT_EQ(list_answered(answer(200)), Effect::none);
  EXPECT_EQ(ask(), "limit=500");
  EXPECT_EQ(listed("42"), Effect::complete);
  EXPECT_EQ(machine.health(), Health::good);
}

TEST_F(ListWatchTest, AWatchOfGarbageListsAgain) {
  list_first();
  ask();
  watch_answered(answer(200), true);
  EXPECT_EQ(ask(), "resourceVersion=10&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(waited, 800ms);
}

TEST_F(ListWatchTest, GoesOnAskingMoreSlowlyEachTimeWhileForbidden) {
  ask();
  list_answered(answer(403, "Forbidden", "ingresses is forbidden"));
  EXPECT_EQ(machine.health(), Health::forbidden);
  EXPECT_EQ(machine.trouble(),
            "not allowed to list /apis/x/v1/ingresses: HTTP 403 Forbidden: 'ingresses is forbidden'");
  EXPECT_FALSE(machine.synced());
  EXPECT_EQ(ask(), "resourceVersion=0");
  EXPECT_EQ(waited, 800ms);
  for (const Duration longer : {Duration(1600ms), Duration(3200ms), Duration(6400ms), Duration(12800ms),
                                Duration(25600ms), Duration(30s), Duration(30s)}) {
    list_answered(answer(403, "Forbidden"));
    ask();
    EXPECT_EQ(waited, longer);
  }
}

TEST_F(ListWatchTest, ARequiredKindThatIsNotThereIsNotSynced) {
  ask();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(list_answered(answer(404, "NotFound")), Effect::none);
    ask();
  }
  EXPECT_FALSE(machine.synced());
  EXPECT_EQ(machine.health(), Health::absent);
}

TEST_F(ListWatchTest, AnOldVersionThatTheServerRefusesIsAskedForNoMore) {
  list_first();
  ask();
  watch_answered(answer(500));
  ask();
  list_answered(answer(400, "BadRequest", "invalid resource version"));
  EXPECT_EQ(ask(), "limit=500");
}

class OptionalKind : public ListWatchTest {
 protected:
  OptionalKind() { options.optional = true; }
  ListWatch machine_{
      {"/apis/traefik.io/v1alpha1/ingressroutetcps", "", "IngressRouteTCP", true}, abilities, [] { return 0.99; }};
  Effect answered(const ApiAnswer& given) {
    now = machine_.next(now).at;
    return machine_.list_ended(given, nullptr, now);
  }
};

TEST_F(OptionalKind, IsSyncedWhenAbsentAndNoticedWithinAMinute) {
  EXPECT_EQ(answered(answer(404, "", "404 page not found\n")), Effect::none);
  EXPECT_TRUE(machine_.synced());
  EXPECT_FALSE(machine_.listed());
  EXPECT_EQ(machine_.health(), Health::absent);
  EXPECT_LT(machine_.next(now).at - now, 1min);
  EXPECT_GE(machine_.next(now).at - now, 30s);
  const ListFacts facts{"IngressRouteTCPList", "5", ""};
  EXPECT_EQ(machine_.list_ended(answer(200), &facts, now), Effect::complete);
  EXPECT_EQ(machine_.health(), Health::good);
}

TEST_F(OptionalKind, IsGoneOnlyAfterSeveralAnswersOfTheServersOwn) {
  const ListFacts facts{"IngressRouteTCPList", "5", ""};
  machine_.next(now);
  EXPECT_EQ(machine_.list_ended(answer(200), &facts, now), Effect::complete);
  machine_.next(now);
  EXPECT_EQ(machine_.watch_ended(answer(404, "NotFound"), false, now), Effect::none);
  EXPECT_EQ(answered(answer(404, "NotFound")), Effect::none);
  EXPECT_EQ(answered(answer(404, "", "<html>not here")), Effect::none);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(answered(answer(404, "NotFound")), Effect::none) << i;
  EXPECT_EQ(answered(answer(404, "NotFound")), Effect::absent);
}

TEST_F(OptionalKind, IsSyncedWhenForbidden) {
  answered(answer(403, "Forbidden"));
  EXPECT_TRUE(machine_.synced());
  EXPECT_EQ(machine_.health(), Health::forbidden);
}

class WatchListTest : public ListWatchTest {
 protected:
  WatchListTest() : ListWatchTest(true) {}
  const std::string initial = "watch sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
};

TEST_F(WatchListTest, IsListAndWatchInOne) {
  const auto request = machine.next(now);
  EXPECT_EQ(request.step, ListWatch::Step::watch_list);
  EXPECT_TRUE(request.fresh);
  EXPECT_EQ(ask(), initial);
  EXPECT_EQ(event("ADDED", "7"), Verdict::seen);
  EXPECT_EQ(event("ADDED", "3"), Verdict::seen);
  EXPECT_FALSE(machine.synced());
  EXPECT_EQ(event("BOOKMARK", "10", true), Verdict::complete);
  EXPECT_TRUE(machine.synced());
  EXPECT_EQ(machine.patience(), TimePoint::max());
  EXPECT_EQ(event("DELETED", "11"), Verdict::gone);
  now += 5min;
  watch_answered(answer(200));
  EXPECT_EQ(ask(), "watch resourceVersion=11");
  watch_answered(answer(410));
  EXPECT_EQ(ask(), initial);
  EXPECT_TRUE(machine.next(now).fresh);
}

TEST_F(WatchListTest, FallsBackForGoodWhenItIsSwitchedOff) {
  ask();
  watch_answered(answer(422, "Invalid", "sendInitialEvents is forbidden"));
  EXPECT_FALSE(abilities->watch_list);
  EXPECT_EQ(ask(), "resourceVersion=0");
  EXPECT_EQ(waited, 0s);
  EXPECT_EQ(machine.health(), Health::good);
}

TEST_F(WatchListTest, FallsBackForGoodWhenTheMarkDoesNotCome) {
  ask();
  event("ADDED", "7");
  EXPECT_EQ(machine.patience(), now + 10s);
  now += 10s;
  machine.lost_patience(now);
  EXPECT_FALSE(abilities->watch_list);
  EXPECT_EQ(ask(), "resourceVersion=0");
}

TEST_F(WatchListTest, FallsBackForGoodOnABookmarkWithoutTheMark) {
  ask();
  event("ADDED", "7");
  EXPECT_EQ(event("BOOKMARK", "8"), Verdict::over);
  watch_answered(answer(200));
  EXPECT_FALSE(abilities->watch_list);
  EXPECT_EQ(ask(), "resourceVersion=0");
}

TEST_F(WatchListTest, AServerThatSaysNothingIsAskedForAListThisTime) {
  ask();
  now += 10s;
  machine.lost_patience(now);
  EXPECT_TRUE(abilities->watch_list);
  EXPECT_EQ(ask(), "resourceVersion=0");
  EXPECT_EQ(listed("3"), Effect::complete);
}

TEST_F(WatchListTest, ConcludesNothingWhenCutBeforeTheMarkAndListsAfterThreeTimes) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(), initial);
    event("ADDED", "7");
    EXPECT_EQ(i == 1 ? watch_answered(answer(200)) : unreachable(), Effect::none);
    EXPECT_FALSE(machine.synced());
  }
  EXPECT_EQ(ask(), "resourceVersion=0");
}

}  // namespace
}  // namespace gatehouse::kubernetes
