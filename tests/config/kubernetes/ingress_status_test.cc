#include "config/kubernetes/ingress_status.h"

#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/load_balancer.h"
#include "tests/config/kubernetes/simulation.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using boost::json::object;

TEST(LoadBalancerText, IsSortedAndCanonical) {
  EXPECT_EQ(print_load_balancer({{"2001:DB8:0::1", ""}, {"", "LB.Example.com."}, {"10.0.0.1", ""}, {"10.0.0.1", ""}}),
            "10.0.0.1 2001:db8::1 lb.example.com");
  EXPECT_EQ(print_load_balancer({{"10.0.0.1", "lb.example.com"}}), "10.0.0.1/lb.example.com");
  EXPECT_EQ(print_load_balancer({}), "");
}

TEST(LoadBalancerText, OfWhatIsWrongIsAQuestionMark) {
  EXPECT_EQ(print_load_balancer({{"10.0.0.256", ""}}), "?");
  EXPECT_EQ(print_load_balancer({{"", "a b"}}), "?");
  EXPECT_EQ(print_load_balancer({{"", "10.0.0.1"}}), "?");
  EXPECT_EQ(print_load_balancer({{"", "a_b.example"}}), "?");
  EXPECT_EQ(print_load_balancer({{"", ""}}), "?");
  EXPECT_EQ(print_load_balancer({{"10.0.0.1", "*"}, {"10.0.0.1", ""}}), "10.0.0.1 ?");
}

TEST(LoadBalancerText, OfALongListIsBounded) {
  std::vector<LoadBalancerPoint> points;
  for (int i = 0; i < 10'000; ++i) points.push_back({"", "n" + std::to_string(i) + ".example"});
  const std::string text = print_load_balancer(points);
  EXPECT_LT(text.size(), 64U * 20);
  EXPECT_TRUE(text.ends_with(" n9.example") || text.find('?') != text.npos);
}

TEST(LoadBalancerText, IsReadBack) {
  for (const std::vector<LoadBalancerPoint>& points : {std::vector<LoadBalancerPoint>{},
                                                       {{"10.0.0.1", ""}},
                                                       {{"", "a.example"}},
                                                       {{"10.0.0.1", "a.example"}},
                                                       {{"10.0.0.1", ""}, {"::1", ""}, {"", "a.example"}}})
    EXPECT_EQ(parse_load_balancer(print_load_balancer(points)), points);
  EXPECT_EQ(parse_load_balancer("? 10.0.0.1  ").size(), 1U);
}

TEST(LoadBalancerText, OfJson) {
  EXPECT_EQ(load_balancer_of_json(R"({"ingress": [{"hostname": "b.example", "ports": [{"port": 80}]},
                                                  {"ip": "192.0.2.7", "ipMode": "VIP"}]})"),
            "192.0.2.7 b.example");
  for (const char* none : {"{}", R"({"ingress": []})", R"({"ingress": null})"})
    EXPECT_EQ(load_balancer_of_json(none), "");
  for (const char* wrong : {"", "[]", "{", R"({"ingress": 3})", R"({"ingress": [7]})", R"({"ingress": [{"ip": {}}]})"})
    EXPECT_EQ(load_balancer_of_json(wrong), "?") << wrong;
}

TEST(LoadBalancerText, OfFixedAddresses) {
  EXPECT_EQ(fixed_load_balancer({"lb.example.com", "192.0.2.7"}).value(), "192.0.2.7 lb.example.com");
  EXPECT_EQ(fixed_load_balancer({"192.0.2.7", "a b"}).error().detail, "'a b' is neither an address nor a name");
}

TEST(PublishedServiceText, IsWhatClientsReach) {
  const auto text = [](PublishedService service) { return load_balancer_of(service); };
  EXPECT_EQ(text({"LoadBalancer", "10.96.0.1", "", {}, "192.0.2.7 lb.example.com"}), "192.0.2.7 lb.example.com");
  EXPECT_EQ(text({"LoadBalancer", "10.96.0.1", "", {"192.0.2.9"}, "192.0.2.7"}), "192.0.2.7 192.0.2.9");
  EXPECT_EQ(text({"LoadBalancer", "10.96.0.1", "", {}, ""}), "") << "it waits for its address";
  EXPECT_EQ(text({"LoadBalancer", "10.96.0.1", "", {}, "?"}), "");
  EXPECT_EQ(text({"ClusterIP", "10.96.0.1", "", {}, ""}), "10.96.0.1");
  EXPECT_EQ(text({"ClusterIP", "10.96.0.1", "", {"192.0.2.9"}, ""}), "192.0.2.9");
  EXPECT_EQ(text({"ClusterIP", "None", "", {}, ""}), "");
  EXPECT_EQ(text({"NodePort", "10.96.0.1", "", {"192.0.2.9", "garbage"}, ""}), "192.0.2.9");
  EXPECT_EQ(text({"ExternalName", "", "lb.example.com", {"192.0.2.9"}, ""}), "lb.example.com");
  EXPECT_EQ(text({"ExternalName", "", "192.0.2.9", {}, ""}), "192.0.2.9");
}

class PublishedServiceTest : public testing::Test {
 protected:
  void add(const std::string& ns, const std::string& name, const std::string& type, const std::string& pod) {
    auto service = std::make_shared<Service>();
    service->meta.name = {ns, name};
    service->type = type;
    objects.add(std::shared_ptr<const Service>(service));
    auto slice = std::make_shared<EndpointSlice>();
    slice->meta.name = {ns, name + "-1"};
    slice->service = name;
    slice->endpoints.push_back({.address = asio::ip::make_address("10.1.1.1"), .target = pod, .hints = nullptr});
    objects.add(std::shared_ptr<const EndpointSlice>(slice));
  }
  ClusterObjects objects;
};

TEST_F(PublishedServiceTest, IsTheOneThatHasOurPod) {
  add("edge", "admin", "ClusterIP", "gatehouse-1");
  add("edge", "other", "LoadBalancer", "traefik-1");
  add("edge", "public", "LoadBalancer", "gatehouse-1");
  add("elsewhere", "a", "LoadBalancer", "gatehouse-1");
  EXPECT_EQ(find_published_service(objects, {"edge", "gatehouse-1"}), (ObjectName{"edge", "public"}));
  EXPECT_EQ(find_published_service(objects, {"edge", "gatehouse-2"}), std::nullopt);
  EXPECT_EQ(find_published_service(objects, {"nowhere", "gatehouse-1"}), std::nullopt);
}

TEST(StatusPatch, NamesTheListAndNothingElse) {
  const ApiRequest request = status_patch({"shop", "web"}, "192.0.2.7 lb.example.com");
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.path, "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web/status");
  EXPECT_EQ(request.content_type, "application/merge-patch+json");
  EXPECT_EQ(request.body,
            R"({"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"},{"hostname":"lb.example.com"}]}}})");
  EXPECT_EQ(status_patch({"a", "b"}, "10.0.0.1/x.example").body,
            R"({"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.1","hostname":"x.example"}]}}})");
  EXPECT_EQ(status_patch({"a", "b"}, "", "17").body,
            R"({"status":{"loadBalancer":{"ingress":null}},"metadata":{"resourceVersion":"17"}})");
  EXPECT_EQ(status_patch({"a", "../../x?y"}, "").path,
            "/apis/networking.k8s.io/v1/namespaces/a/ingresses/..%2F..%2Fx%3Fy/status");
  EXPECT_EQ(status_patch({"a", ".."}, "").path, "/apis/networking.k8s.io/v1/namespaces/a/ingresses/%2E%2E/status");
}

constexpr auto ours = "192.0.2.7";
constexpr auto theirs = "198.51.100.1";

class StatusPlanTest : public testing::Test {
 protected:
  TimePoint now{1000h};
  StatusPlan plan{StatusRules{}, now};
  const ObjectName web{"shop", "web"}, api{"shop", "api"};

  std::vector<ObjectName> see(const std::vector<ShownStatus>& shown, const std::string& wanted = ours) {
    return plan.see(wanted, shown, now);
  }
  static ApiAnswer written(int version) {
    return good(R"({"metadata": {"resourceVersion": ")" + std::to_string(version) + R"("}})");
  }
  void write(const ObjectName& ingress, const Result<ApiAnswer>& answer) {
    now = std::max(now, plan.next_at());
    ASSERT_EQ(plan.take_next(now), ingress);
    complaint = plan.wrote(ingress, answer, now);
  }
  bool idle() const { return plan.next_at() == TimePoint::max(); }
  std::string complaint;
};

TEST_F(StatusPlanTest, WritesWhatIsDifferentAndNothingElse) {
  see({{web, "", "1"}, {api, ours, "2"}});
  write(web, written(3));
  EXPECT_TRUE(idle());
  see({{web, ours, "3"}, {api, ours, "2"}});
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, AddressesThatAreNotKnownChangeNothing) {
  see({{web, theirs, "1"}}, "");
  EXPECT_TRUE(idle());
  see({{web, theirs, "1"}});
  EXPECT_EQ(plan.next_at(), now);
  see({{web, theirs, "1"}}, "");
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, OtherAddressesAreWrittenAtOnce) {
  see({{web, "", "1"}});
  write(web, written(2));
  see({{web, ours, "2"}}, "203.0.113.1");
  write(web, written(3));
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, AChangeDuringAWriteIsWrittenAfterIt) {
  see({{web, "", "1"}});
  ASSERT_EQ(plan.take_next(now), web);
  see({{web, "", "1"}}, "203.0.113.1");
  EXPECT_TRUE(idle());
  plan.wrote(web, written(2), now);
  write(web, written(3));
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, ALateViewIsNotTakenForARewrite) {
  see({{web, "", "1"}});
  write(web, written(5));
  see({{web, "", "1"}});
  see({{web, theirs, "4"}});  // before ours
  EXPECT_TRUE(idle());
  see({{web, ours, "5"}});
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, AWriteThatNeverComesBackIsRepeated) {
  see({{web, "", "1"}});
  write(web, written(5));
  now += 10s;
  see({{web, "", "1"}});
  EXPECT_FALSE(idle());
}

TEST_F(StatusPlanTest, AFightIsAnsweredMoreSlowlyEachTimeAndGivenUp) {
  see({{web, theirs, "1"}});
  write(web, written(2));
  int version = 3;
  std::vector<ObjectName> given_up;
  std::vector<Duration> waits;
  while (given_up.empty() && waits.size() < 20) {
    given_up = see({{web, theirs, std::to_string(version)}});
    if (!given_up.empty()) break;
    if (idle()) {
      now += 10s;
      continue;
    }
    waits.push_back(plan.next_at() - now);
    write(web, written(version + 1));
    version += 2;
  }
  EXPECT_EQ(given_up, std::vector{web});
  EXPECT_EQ(waits, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s}));
  EXPECT_EQ(plan.contested(), 1U);
  EXPECT_EQ(plan.next_at(), now + 1h);
  EXPECT_TRUE(see({{web, theirs, "99"}}).empty()) << "said once";
  EXPECT_EQ(plan.next_at(), now + 1h);
  write(web, written(100));
  see({{web, ours, "100"}});
  EXPECT_TRUE(idle());
  EXPECT_EQ(plan.contested(), 0U);
}

TEST_F(StatusPlanTest, ARewriteNowAndThenIsNoFight) {
  see({{web, "", "1"}});
  int version = 2;
  write(web, written(version));
  for (int day = 0; day < 20; ++day) {
    see({{web, ours, std::to_string(version)}});
    now += 24h;
    EXPECT_TRUE(see({{web, "", std::to_string(++version)}}).empty());
    write(web, written(++version));
  }
}

TEST_F(StatusPlanTest, WhatIsGoneOrNotOursAnyMoreIsForgotten) {
  see({{web, "", "1"}, {api, "", "2"}});
  see({{api, "", "2"}});
  write(api, bad(404, "NotFound"));
  EXPECT_TRUE(complaint.empty());
  EXPECT_TRUE(idle());
  see({{api, "", "2"}});
  EXPECT_TRUE(idle()) << "the view is late";
  see({});
  see({{api, "", "9"}});
  EXPECT_EQ(plan.next_at(), now);
}

TEST_F(StatusPlanTest, ForgottenDuringItsWrite) {
  see({{web, "", "1"}});
  ASSERT_EQ(plan.take_next(now), web);
  see({});
  EXPECT_EQ(plan.wrote(web, written(2), now), "");
  EXPECT_TRUE(idle());
}

TEST_F(StatusPlanTest, WhatTheServerCallsWrongIsLeftUntilItChanges) {
  see({{web, "", "1"}});
  write(web, bad(422, "Invalid"));
  EXPECT_EQ(complaint, "status of Ingress shop/web could not be written: 422 Invalid: because");
  see({{web, "", "1"}});
  EXPECT_TRUE(idle());
  see({{web, "", "2"}});
  EXPECT_FALSE(idle());
}

TEST_F(StatusPlanTest, AServerInTroubleIsLeftAloneLongerEachTime) {
  see({{web, "", "1"}});
  std::vector<Duration> waits;
  for (int i = 0; i < 10; ++i) {
    now = std::max(now, plan.next_at());
    const auto next = plan.take_next(now);
    ASSERT_TRUE(next);
    plan.wrote(*next, Failure(FailureKind::connect_failed), now);
    waits.push_back(plan.next_at() - now);
  }
  EXPECT_EQ(waits, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s}));
  write(web, written(2));
  see({{web, theirs, "2"}});
  write(web, bad(503, "Unavailable", 7s));
  EXPECT_EQ(plan.next_at(), now + 7s) << "as the server says";
}

TEST_F(StatusPlanTest, OneForbiddenNamespaceDoesNotStopTheOthers) {
  see({{{"a", "x"}, "", "1"}, {{"b", "x"}, "", "2"}});
  write({"a", "x"}, bad(403, "Forbidden"));
  write({"b", "x"}, written(3));
  EXPECT_EQ(plan.next_at(), now + 5min);
}

TEST_F(StatusPlanTest, WithoutTheRightItIsNotTriedThousandsOfTimes) {
  std::vector<ShownStatus> many;
  for (int i = 0; i < 10'000; ++i) many.push_back({{"a", std::to_string(i)}, "", "1"});
  see(many);
  int tried = 0;
  const TimePoint end = now + 1h;
  while (plan.next_at() < end) {
    now = std::max(now, plan.next_at());
    const auto next = plan.take_next(now);
    ASSERT_TRUE(next);
    plan.wrote(*next, bad(403, "Forbidden"), now);
    ++tried;
  }
  EXPECT_LT(tried, 50);
}

TEST_F(StatusPlanTest, IsLimitedInRate) {
  std::vector<ShownStatus> many;
  for (int i = 0; i < 1000; ++i) many.push_back({{"a", std::to_string(i)}, "", "1"});
  see(many);
  int burst = 0;
  while (plan.take_next(now)) ++burst;
  EXPECT_EQ(burst, 50);
  EXPECT_EQ(plan.next_at(), now + 50ms);
}

// Ingresses and their status, seen by us when `tell` is called.
class StatusServer {
 public:
  explicit StatusServer(asio::io_context& io) : released_(io, TimePoint::max()) {}

  std::map<ObjectName, std::string> shown;
  std::map<ObjectName, int> versions;
  std::vector<std::string> requests;
  std::vector<ApiAnswer> next_answers;

  ApiCall call() {
    return [this](ApiRequest request) -> Awaitable<Result<ApiAnswer>> { return serve(std::move(request)); };
  }
  // The answer comes late, though what was asked is done.
  bool held = false;
  void release() {
    held = false;
    released_.cancel();
  }
  std::vector<ShownStatus> view(const std::set<ObjectName>* among = nullptr) const {
    std::vector<ShownStatus> view;
    for (const auto& [name, text] : shown)
      if (!among || among->contains(name)) view.push_back({name, text, std::to_string(versions.at(name))});
    return view;
  }
  void set(const ObjectName& name, const std::string& text) {
    shown[name] = text;
    versions[name] = ++version_;
  }

 private:
  Awaitable<Result<ApiAnswer>> serve(ApiRequest request) {
    ApiAnswer given = answer(request);
    error_code cancelled;
    if (held) co_await released_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    co_return given;
  }
  ApiAnswer answer(const ApiRequest& request) {
    requests.push_back(request.path);
    if (request.method == "GET") return read(request.path);
    if (!next_answers.empty()) {
      ApiAnswer first = next_answers.front();
      next_answers.erase(next_answers.begin());
      return first;
    }
    for (auto& [name, text] : shown) {
      if (status_patch(name, "").path != request.path) continue;
      const object patch = *read_object(request.body);
      const std::string version = text_in(object_in(patch, "metadata"), "resourceVersion");
      if (!version.empty() && version != std::to_string(versions[name])) return bad(409, "Conflict");
      std::vector<LoadBalancerPoint> points;
      if (const auto* list = object_in(object_in(patch, "status"), "loadBalancer").at("ingress").if_array())
        for (const auto& point : *list)
          points.push_back({text_in(point.as_object(), "ip"), text_in(point.as_object(), "hostname")});
      set(name, print_load_balancer(points));
      return good(R"({"metadata": {"resourceVersion": ")" + std::to_string(versions[name]) + R"("}})");
    }
    return bad(404, "NotFound");
  }
  ApiAnswer read(const std::string& path) const {
    for (const auto& [name, text] : shown) {
      if (ingress_path(name) != path) continue;
      boost::json::array points;
      for (const auto& point : parse_load_balancer(text)) points.push_back(object{{"ip", point.ip}});
      const object ingress{{"metadata", object{{"resourceVersion", std::to_string(versions.at(name))}}},
                           {"status", object{{"loadBalancer", object{{"ingress", points}}}}}};
      return good(boost::json::serialize(ingress));
    }
    return bad(404, "NotFound");
  }
  asio::steady_timer released_;  // never expires
  int version_ = 0;
};

class IngressStatusTest : public testing::Test {
 protected:
  IngressStatusTest()
      : clock(world.add_clock()),
        status({world.io.get_executor(), clock,
                std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(log)),
                server.call(), [this] { return wanted; },
                [this](const std::set<ObjectName>* among) {
                  looks.push_back(among ? *among : everything);
                  return server.view(among);
                },
                [this](const ObjectName& name) { given_up.push_back(name); }}) {
    server.set(web, "");
    server.set(api, theirs);
    world.spawn(status.run());
  }
  ~IngressStatusTest() override {
    status.stop();
    world.settle();
    EXPECT_EQ(world.running(), 0);
  }

  const ObjectName web{"shop", "web"}, api{"shop", "api"};
  std::ostringstream log;
  Simulation world;
  ManualClock& clock;
  StatusServer server{world.io};
  std::string wanted = ours;
  std::vector<ObjectName> given_up;
  static inline const std::set<ObjectName> everything = {{"*", "*"}};
  std::vector<std::set<ObjectName>> looks;  // at which
  IngressStatus status;
};

TEST_F(IngressStatusTest, OnlyTheLeaderWrites) {
  world.pass(60s);
  EXPECT_TRUE(server.requests.empty());
  status.lead(true);
  world.pass(200ms);
  EXPECT_EQ(server.shown, (std::map<ObjectName, std::string>{{web, ours}, {api, ours}}));
  world.pass(300s);
  EXPECT_EQ(server.requests.size(), 2U);
  status.lead(false);
  server.set(web, theirs);
  world.pass(300s);
  EXPECT_EQ(server.requests.size(), 2U);
}

TEST_F(IngressStatusTest, AChangeIsSeenWithinASecondAndOthersInHalfAMinute) {
  status.lead(true);
  world.pass(10s);
  server.set({"shop", "new"}, "");
  status.changed({.ingresses = {{"shop", "new"}}});
  world.pass(1s);
  EXPECT_EQ(server.shown.at({"shop", "new"}), ours);
  server.set({"shop", "newer"}, "");
  world.pass(30s);
  EXPECT_EQ(server.shown.at({"shop", "newer"}), ours);
}

TEST_F(IngressStatusTest, LooksOnlyAtWhatChanged) {
  status.lead(true);
  world.pass(10s);
  EXPECT_EQ(looks, std::vector{everything});
  looks.clear();
  status.changed({.ingresses = {web}});
  status.changed({.ingresses = {{"shop", "new"}}, .services = {{"shop", "web"}}});
  world.pass(10s);
  EXPECT_EQ(looks, (std::vector<std::set<ObjectName>>{{{"shop", "new"}, web}})) << "once, at both";
  looks.clear();
  status.changed({.beyond = true});
  world.pass(10s);
  EXPECT_EQ(looks, std::vector{everything});
  looks.clear();
  world.pass(60s);
  EXPECT_EQ(looks, (std::vector{everything, everything})) << "every half minute, whatever was heard";
}

TEST_F(IngressStatusTest, AnIngressThatIsGoneIsNotWritten) {
  status.lead(true);
  world.pass(10s);
  const auto before = server.requests.size();
  server.next_answers = {bad(500, "InternalError")};
  server.set(web, theirs);
  status.changed({.ingresses = {web}});
  world.pass(1s);
  server.shown.erase(web);
  status.changed({.ingresses = {web}});
  world.pass(20s);
  EXPECT_EQ(server.requests.size(), before + 1);
}

TEST_F(IngressStatusTest, FollowsItsOwnAddresses) {
  status.lead(true);
  world.pass(10s);
  wanted = "lb.example.com";
  status.changed({.services = {{"edge", "gatehouse"}}});
  world.pass(1s);
  EXPECT_EQ(server.shown.at(web), "lb.example.com");
  wanted.clear();
  status.changed({.services = {{"edge", "gatehouse"}}});
  world.pass(60s);
  EXPECT_EQ(server.shown.at(web), "lb.example.com") << "not known is not none";
}

TEST_F(IngressStatusTest, AServerInTroubleGetsItLater) {
  server.next_answers = {bad(500, "InternalError"), bad(429, "TooManyRequests", 20s)};
  status.lead(true);
  world.pass(20s);
  EXPECT_EQ(server.requests.size(), 2U);
  world.pass(5s);
  EXPECT_EQ(server.shown, (std::map<ObjectName, std::string>{{web, ours}, {api, ours}}));
  EXPECT_NE(log.str().find("500 InternalError"), std::string::npos) << log.str();
}

TEST_F(IngressStatusTest, AnotherControllerIsLeftToItself) {
  status.lead(true);
  for (int i = 0; i < 600; ++i) {
    server.set(web, theirs);
    status.changed({.ingresses = {web}});
    world.pass(1s);
  }
  EXPECT_EQ(given_up, std::vector{web});
  EXPECT_LT(server.requests.size(), 10U);
  EXPECT_EQ(status.contested(), 1U);
  EXPECT_EQ(server.shown.at(api), ours);
  EXPECT_NE(log.str().find("Ingress shop/web: another controller writes its status again and again"),
            std::string::npos);
}

TEST_F(IngressStatusTest, AnotherTermInTheMiddleOfAWrite) {
  status.lead(true);
  status.lead(false);
  status.lead(true);
  world.pass(5s);
  EXPECT_EQ(server.shown.at(web), ours);
}

TEST_F(IngressStatusTest, ClearRemovesOnlyWhatWeWrote) {
  server.set(web, ours);
  server.set({"shop", "moved"}, ours);
  server.set({"shop", "edited"}, ours);
  auto view = server.view();
  server.set({"shop", "moved"}, theirs);  // another controller's since
  server.set({"shop", "edited"}, ours);  // changed since, but not in this
  server.next_answers = {bad(503, "Unavailable")};
  ClearedStatus cleared;
  world.spawn(
      [](Clock& its_clock, ApiCall call, std::vector<ShownStatus> all, ClearedStatus* report) -> Awaitable<void> {
        *report = co_await clear_ingress_status(its_clock, std::move(call), std::move(all), ours);
      }(clock, server.call(), view, &cleared));
  world.pass(10s);
  EXPECT_EQ(cleared.removed, 2U);
  EXPECT_EQ(cleared.left, 2U);
  EXPECT_TRUE(cleared.failures.empty());
  EXPECT_EQ(server.shown.at(web), "");
  EXPECT_EQ(server.shown.at(api), theirs);
  EXPECT_EQ(server.shown.at({"shop", "moved"}), theirs);
  EXPECT_EQ(server.shown.at({"shop", "edited"}), "");
}

// What a view from before the write does not show is read.
TEST_F(IngressStatusTest, ClearReadsWhatIsNotConfirmed) {
  server.set(web, ours);
  ClearedStatus cleared;
  world.spawn(
      [](Clock& its_clock, ApiCall call, std::vector<ShownStatus> all, ClearedStatus* report) -> Awaitable<void> {
        *report = co_await clear_ingress_status(its_clock, std::move(call), std::move(all), ours);
      }(clock, server.call(), {{web, "", ""}, {api, "", ""}, {{"shop", "gone"}, "", ""}}, &cleared));
  world.pass(10s);
  EXPECT_EQ(cleared.removed, 1U);
  EXPECT_EQ(cleared.left, 2U);
  EXPECT_TRUE(cleared.failures.empty());
  EXPECT_EQ(server.shown.at(web), "");
  EXPECT_EQ(server.shown.at(api), theirs);
}

TEST_F(IngressStatusTest, EndsOnlyWhenTheWriteUnderWayIsAnswered) {
  server.held = true;
  status.lead(true);
  world.settle();
  ASSERT_EQ(server.requests.size(), 1U);
  status.stop();
  world.pass(1s);
  EXPECT_EQ(world.running(), 1);
  EXPECT_EQ(status.unconfirmed(), std::vector{api});
  server.release();
  world.pass(1s);
  EXPECT_EQ(world.running(), 0);
  EXPECT_EQ(server.requests.size(), 1U) << "nothing is begun after stop()";
  EXPECT_EQ(status.unconfirmed(), std::vector{api}) << "written, and not seen there since";
}

TEST_F(IngressStatusTest, WhatWasSeenOrRefusedIsConfirmed) {
  server.next_answers = {bad(422, "Invalid")};
  status.lead(true);
  world.pass(5s);
  EXPECT_EQ(status.unconfirmed(), std::vector{web});
  status.changed({.ingresses = {web, api}});
  world.pass(2s);
  EXPECT_TRUE(status.unconfirmed().empty());
}

TEST_F(IngressStatusTest, ClearTellsWhatFailed) {
  server.set(web, ours);
  server.next_answers = std::vector<ApiAnswer>(5, bad(500, "InternalError"));
  ClearedStatus cleared;
  world.spawn(
      [](Clock& its_clock, ApiCall call, std::vector<ShownStatus> all, ClearedStatus* report) -> Awaitable<void> {
        *report = co_await clear_ingress_status(its_clock, std::move(call), std::move(all), ours);
      }(clock, server.call(), {{web, ours, "1"}}, &cleared));
  world.pass(60s);
  EXPECT_EQ(cleared.failures, std::vector<std::string>{"shop/web: because"});
}

}  // namespace
}  // namespace gatehouse::kubernetes
