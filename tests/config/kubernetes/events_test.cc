#include "config/kubernetes/events.h"

#include "config/kubernetes/answer_fields.h"
#include "tests/config/kubernetes/simulation.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <spdlog/sinks/ostream_sink.h>

#include <regex>
#include <set>
#include <sstream>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using boost::json::object;

EventOn event_on(const std::string& name, const std::string& note = "secret shop/tls does not exist") {
  return {.object = {Kind::ingress, {"shop", name}}, .uid = "uid-" + name, .reason = "SecretNotFound", .note = note};
}

TEST(ObjectKeyText, IsReadBack) {
  for (const ObjectKey& key : {ObjectKey{Kind::ingress, {"shop", "web"}}, ObjectKey{Kind::ingress_class, {"", "nginx"}},
                               ObjectKey{Kind::tcp_route, {"a", "ssh"}}, ObjectKey{Kind::old_tcp_route, {"a", "ssh"}},
                               ObjectKey{Kind::secret, {"a", "tls"}}, ObjectKey{Kind::slice, {"a", "b"}},
                               ObjectKey{Kind::service, {"a", "b"}}})
    EXPECT_EQ(parse_object_key(key.text()), key) << key.text();
  EXPECT_EQ(parse_object_key("entryPoints.web.address"), std::nullopt);
  EXPECT_EQ(parse_object_key("Gateway a/b"), std::nullopt);
  EXPECT_EQ(parse_object_key(""), std::nullopt);
}

class EventPlanTest : public testing::Test {
 protected:
  const TimePoint start{1000h};
  TimePoint now = start;
  EventPlan plan{"gatehouse-1", EventRules{}, start};

  WallTime wall() const { return WallTime(1'767'225'600s) + (now - start); }
  void tell(const EventOn& event) { plan.tell(event, now, wall()); }
  ApiRequest next(const Result<ApiAnswer>& answer = good("{}", 201)) {
    now = std::max(now, plan.next_at());
    const auto request = plan.take_next(now);
    if (!request) throw std::logic_error("nothing waits");
    plan.wrote(answer, now);
    return *request;
  }
  bool idle() const { return plan.next_at() == TimePoint::max(); }
};

TEST_F(EventPlanTest, ANewOneIsCreated) {
  tell(event_on("web"));
  const ApiRequest request = next();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/apis/events.k8s.io/v1/namespaces/shop/events");
  EXPECT_EQ(boost::json::parse(request.body), boost::json::parse(R"({
    "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "web.18867251edfa0000", "namespace": "shop"},
    "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "gatehouse.dev/ingress-controller",
    "reportingInstance": "gatehouse-1", "action": "Configure", "reason": "SecretNotFound", "type": "Warning",
    "note": "secret shop/tls does not exist",
    "regarding": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "namespace": "shop", "name": "web",
                  "uid": "uid-web"}})")
                                                  .as_object())
      << request.body;
  EXPECT_TRUE(idle());
}

TEST_F(EventPlanTest, OfAClusterScopedObjectIsInDefault) {
  EventOn event = event_on("x");
  event.object = {Kind::ingress_class, {"", "gatehouse"}};
  event.warning = false;
  tell(event);
  const ApiRequest request = next();
  EXPECT_EQ(request.path, "/apis/events.k8s.io/v1/namespaces/default/events");
  const object body = *read_object(request.body);
  EXPECT_FALSE(object_in(body, "regarding").contains("namespace"));
  EXPECT_EQ(text_in(object_in(body, "metadata"), "namespace"), "default");
  EXPECT_EQ(text_in(body, "type"), "Normal");
}

TEST_F(EventPlanTest, WithoutAUidNothingIsSaid) {
  EventOn event = event_on("web");
  event.uid.clear();
  tell(event);
  EXPECT_TRUE(idle());
}

TEST_F(EventPlanTest, RepeatsAreASeriesWrittenOnceAMinute) {
  tell(event_on("web"));
  const std::string name = text_in(object_in(*read_object(next().body), "metadata"), "name");
  for (int i = 0; i < 30; ++i) {
    now += 1s;
    tell(event_on("web"));
  }
  EXPECT_EQ(plan.next_at(), start + 60s);
  const ApiRequest request = next(good("{}"));
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path, "/apis/events.k8s.io/v1/namespaces/shop/events/" + name);
  EXPECT_EQ(request.content_type, "application/merge-patch+json");
  EXPECT_EQ(request.body, R"({"series":{"count":31,"lastObservedTime":"2026-01-01T00:00:30.000000Z"}})");
  EXPECT_TRUE(idle());
}

TEST_F(EventPlanTest, RepeatsBeforeItIsWrittenGoIntoTheSeries) {
  tell(event_on("web"));
  tell(event_on("web"));
  ASSERT_TRUE(plan.take_next(now));
  tell(event_on("web"));
  plan.wrote(good("{}", 201), now);
  EXPECT_EQ(next(good("{}")).body, R"({"series":{"count":3,"lastObservedTime":"2026-01-01T00:00:00.000000Z"}})");
  EXPECT_TRUE(idle());
}

TEST_F(EventPlanTest, AfterSixMinutesItIsANewOne) {
  tell(event_on("web"));
  next();
  now += 6min;
  tell(event_on("web"));
  EXPECT_EQ(next().method, "POST");
}

TEST_F(EventPlanTest, AnotherNoteIsAnotherEvent) {
  tell(event_on("web", "a"));
  tell(event_on("web", "b"));
  EXPECT_EQ(next().method, "POST");
  EXPECT_EQ(next().method, "POST");
}

TEST_F(EventPlanTest, NamesAreUniqueAndShortEnough) {
  const std::string longest = std::string(235, 'a') + "." + std::string(17, 'b');
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    tell(event_on(longest, std::to_string(i)));
    const std::string name = text_in(object_in(*read_object(next().body), "metadata"), "name");
    EXPECT_TRUE(std::regex_match(name, std::regex("a{235}\\.[0-9a-f]{16}"))) << name;
    EXPECT_LE(name.size(), 253U);
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 20U);
}

TEST_F(EventPlanTest, NotesAreShortCleanUtf8) {
  const auto note_of = [&](const std::string& note) {
    tell(event_on("web", note));
    return text_in(*read_object(next().body), "note");
  };
  EXPECT_EQ(note_of("a\nb\x01"), "a b ");
  EXPECT_EQ(note_of("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(note_of("caf\xe9"), "caf\xc3\xa9");
  EXPECT_EQ(note_of(std::string("a\0b", 3)), "a b");
  std::string accents = "x";
  for (int i = 0; i < 5000; ++i) accents += "\xc3\xa9";
  const std::string cut = note_of(accents);
  EXPECT_LE(cut.size(), 1024U);
  EXPECT_TRUE(cut.ends_with("\xc3\xa9…")) << cut;
  EXPECT_LE(note_of(std::string(100'000, '\xff')).size(), 1024U);
}

TEST_F(EventPlanTest, OneObjectMaySayTwentyFiveAndThenOneInFiveMinutes) {
  for (int i = 0; i < 100; ++i) tell(event_on("web", std::to_string(i)));
  EXPECT_EQ(plan.waiting(), 25U);
  EXPECT_EQ(plan.dropped(), 75U);
  tell(event_on("other"));
  EXPECT_EQ(plan.waiting(), 26U);
  now += 5min;
  for (int i = 100; i < 110; ++i) tell(event_on("web", std::to_string(i)));
  EXPECT_EQ(plan.waiting(), 27U);
}

TEST_F(EventPlanTest, AllTogetherAreLimited) {
  for (int i = 0; i < 300; ++i) tell(event_on("web" + std::to_string(i)));
  int at_once = 0;
  while (plan.take_next(now)) plan.wrote(good("{}"), now), ++at_once;
  EXPECT_EQ(at_once, 100);
  EXPECT_EQ(plan.next_at(), now + 1s);
}

TEST_F(EventPlanTest, TheOldestThatWaitsIsDropped) {
  for (int i = 0; i < 1500; ++i) tell(event_on("web" + std::to_string(i)));
  EXPECT_EQ(plan.waiting(), 1000U);
  EXPECT_EQ(plan.dropped(), 500U);
  EXPECT_NE(next().body.find("web500"), std::string::npos);
}

TEST_F(EventPlanTest, MemoryIsBounded) {
  for (int minute = 0; minute < 100; ++minute) {
    for (int i = 0; i < 1000; ++i) tell(event_on(std::to_string(minute) + "-" + std::to_string(i)));
    now += 1min;
    while (plan.next_at() <= now && plan.take_next(now)) plan.wrote(good("{}"), now);
  }
  EXPECT_LE(plan.waiting(), 1000U);
}

TEST_F(EventPlanTest, AServerAwayGetsItWithinThreeTries) {
  tell(event_on("web"));
  EXPECT_EQ(next(Failure(FailureKind::connect_failed)).method, "POST");
  EXPECT_EQ(plan.next_at(), now + 10s);
  EXPECT_EQ(next(bad(429, "TooManyRequests", 30s)).method, "POST");
  EXPECT_EQ(plan.next_at(), now + 30s);
  EXPECT_EQ(next(bad(500, "InternalError")).method, "POST");
  EXPECT_TRUE(idle());
  EXPECT_EQ(plan.dropped(), 1U);
}

TEST_F(EventPlanTest, ARefusedOneIsDropped) {
  for (const std::uint16_t status : {400, 403, 404, 409, 422}) {
    tell(event_on("web", std::to_string(status)));
    next(bad(status, "No"));
    EXPECT_TRUE(idle());
  }
}

TEST_F(EventPlanTest, ASeriesWhoseEventHasEndedBeginsAnew) {
  tell(event_on("web"));
  next();
  tell(event_on("web"));
  EXPECT_EQ(next(bad(404, "NotFound")).method, "PATCH");
  tell(event_on("web"));
  EXPECT_EQ(next().method, "POST");
}

TEST_F(EventPlanTest, AFailedPatchIsTriedAgainAsAPatch) {
  tell(event_on("web"));
  next();
  tell(event_on("web"));
  EXPECT_EQ(next(bad(500, "InternalError")).method, "PATCH");
  EXPECT_EQ(next().body, R"({"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:00.000000Z"}})");
}

TEST(StandingProblemsTest, AreToldWhenNewAndAgainBeforeTheyEnd) {
  StandingProblems standing;
  TimePoint now{1000h};
  EXPECT_EQ(standing.next_at(), TimePoint::max());
  EXPECT_EQ(standing.stand({event_on("b"), event_on("a"), event_on("a")}, now).size(), 2U);
  now += 10min;
  const auto appeared = standing.stand({event_on("a"), event_on("b"), event_on("c")}, now);
  ASSERT_EQ(appeared.size(), 1U);
  EXPECT_EQ(appeared.front().uid, "uid-c");
  EXPECT_EQ(standing.next_at(), now + 40min);
  now += 40min;
  EXPECT_EQ(standing.due(now).size(), 2U);
  EXPECT_EQ(standing.due(now).size(), 0U);
  EXPECT_TRUE(standing.stand({event_on("c")}, now).empty());
  EXPECT_EQ(standing.stand({event_on("a"), event_on("c")}, now).size(), 1U) << "it was solved in between";
  standing.forget();
  EXPECT_EQ(standing.stand({event_on("a")}, now).size(), 1U);
}

class EventsTest : public testing::Test {
 protected:
  EventsTest()
      : clock(world.add_clock()),
        events({world.io.get_executor(), clock, logger(),
                [this](ApiRequest request) { return answer(std::move(request)); }, "gatehouse-1"}) {
    world.spawn(events.run());
  }
  ~EventsTest() override {
    events.stop();
    world.settle();
    EXPECT_EQ(world.running(), 0);
  }

  Logger logger() {
    auto made = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(log));
    made->set_level(spdlog::level::debug);
    return made;
  }
  Awaitable<Result<ApiAnswer>> answer(ApiRequest request) {
    requests.push_back(std::move(request));
    co_return next_answer;
  }
  std::size_t created() const {
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(), [](const auto& request) { return request.method == "POST"; }));
  }

  std::ostringstream log;
  Simulation world;
  ManualClock& clock;
  std::vector<ApiRequest> requests;
  Result<ApiAnswer> next_answer = good("{}", 201);
  Events events;
};

TEST_F(EventsTest, WhatWeDidIsToldWhetherLeadingOrNot) {
  events.tell({.object = {Kind::ingress, {"shop", "web"}},
               .uid = "u",
               .reason = "CertificateIssued",
               .note = "certificate for shop.example obtained",
               .warning = false,
               .action = "Order"});
  world.settle();
  EXPECT_EQ(created(), 1U);
}

TEST_F(EventsTest, OnlyTheLeaderTellsProblems) {
  events.problems({event_on("a"), event_on("b")});
  world.pass(1s);
  EXPECT_EQ(created(), 0U);
  events.lead(true);
  world.pass(1s);
  EXPECT_EQ(created(), 2U) << "those that stood already";
  events.problems({event_on("a"), event_on("b"), event_on("c")});
  world.pass(1s);
  EXPECT_EQ(created(), 3U);
  events.lead(false);
  events.problems({event_on("d")});
  world.pass(1h);
  EXPECT_EQ(created(), 3U);
}

TEST_F(EventsTest, WhatStandsIsToldAgainBeforeTheEventEnds) {
  events.lead(true);
  events.problems({event_on("a")});
  world.pass(49min);
  EXPECT_EQ(created(), 1U);
  world.pass(2min);
  EXPECT_EQ(created(), 2U);
  events.problems({});
  world.pass(2h);
  EXPECT_EQ(created(), 2U);
}

TEST_F(EventsTest, AFailureIsOnlyADebugLine) {
  next_answer = bad(403, "Forbidden");
  events.tell(event_on("a"));
  world.pass(1s);
  EXPECT_NE(log.str().find("debug"), std::string::npos) << log.str();
  EXPECT_EQ(log.str().find("warn"), std::string::npos);
  EXPECT_EQ(events.dropped(), 1U);
}

TEST_F(EventsTest, TellingNeverWaitsWhateverTheServerDoes) {
  next_answer = Failure(FailureKind::connect_failed);
  for (int i = 0; i < 5000; ++i) events.tell(event_on(std::to_string(i)));
  world.pass(1h);
  EXPECT_EQ(events.dropped(), 4000U);
  EXPECT_LE(requests.size(), 400U) << "one in ten seconds";
}

}  // namespace
}  // namespace gatehouse::kubernetes
