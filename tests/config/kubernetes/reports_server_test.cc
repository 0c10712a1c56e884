// Lease, Ingress status and Events against an API server over HTTP: the double, or, when GATEHOUSE_TEST_KUBECONFIG
// names a kubeconfig of a cluster made for tests, that one (all but what only a double can do).
#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/api_client.h"
#include "config/kubernetes/events.h"
#include "config/kubernetes/ingress_status.h"
#include "config/kubernetes/kubeconfig.h"
#include "config/kubernetes/lease.h"
#include "config/kubernetes/load_balancer.h"
#include "tests/doubles/kubernetes/api_server.h"
#include "tls/digest.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <spdlog/sinks/ostream_sink.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using boost::json::object;

class ReportsServerTest : public testing::Test {
 protected:
  ReportsServerTest() {
    const char* real = std::getenv("GATEHOUSE_TEST_KUBECONFIG");
    if (real != nullptr)
      access = *from_kubeconfig_files({real}, "").access;
    else
      access.server = server.emplace().url();
    client.emplace(ApiClient::Ports{io, deadlines, clock, [](std::string) { return loopback(); }, log}, access);
    asio::co_spawn(io, deadlines.run(), asio::detached);
    ask("POST", "/api/v1/namespaces", object{{"metadata", object{{"name", ns}}}});
  }
  ~ReportsServerTest() override {
    deadlines.stop();
    io.restart();
    io.run_for(5s);
    EXPECT_TRUE(io.stopped()) << "something goes on running";
  }

  static Awaitable<Result<std::vector<asio::ip::address>>> loopback() {
    co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback()};
  }

  // False: it did not come true in time.
  bool until(const std::function<bool()>& condition, Duration limit = 30s) {
    const TimePoint end = clock.now() + limit;
    io.restart();
    while (!condition() && clock.now() < end) io.run_one_for(50ms);
    return condition();
  }

  // Asks the server itself; fails the test unless that is good.
  object ask(const std::string& method, const std::string& path, const object& body = {},
             const std::string& content_type = {}) {
    std::optional<Result<ApiAnswer>> got;
    ApiRequest request{.method = method, .path = path, .content_type = content_type};
    if (!body.empty()) request.body = boost::json::serialize(body);
    asio::co_spawn(io, client->call(std::move(request)),
                   [&](std::exception_ptr, Result<ApiAnswer> answer) { got = std::move(answer); });
    until([&] { return got.has_value(); });
    const bool is_good = got && *got && (*got)->good();
    EXPECT_TRUE(is_good) << method << " " << path << ": "
                         << (!got   ? "no answer"
                             : *got ? (*got)->message
                                    : describe(got->error()));
    return is_good ? read_object((*got)->body).value() : object();
  }

  ShownStatus make_ingress(const std::string& name) {
    ask("POST", ingresses(),
        object{{"apiVersion", "networking.k8s.io/v1"},
               {"kind", "Ingress"},
               {"metadata", object{{"name", name}, {"namespace", ns}}},
               {"spec", object{{"defaultBackend",
                                object{{"service", object{{"name", "web"}, {"port", object{{"number", 80}}}}}}}}}});
    return shown(name);
  }
  ShownStatus shown(const std::string& name) {
    const object ingress = ask("GET", ingresses() + "/" + name);
    const object balancer = object_in(object_in(ingress, "status"), "loadBalancer");
    return {{ns, name},
            load_balancer_of_json(boost::json::serialize(balancer)),
            text_in(object_in(ingress, "metadata"), "resourceVersion")};
  }
  std::string uid(const std::string& name) {
    return text_in(object_in(ask("GET", ingresses() + "/" + name), "metadata"), "uid");
  }
  std::string ingresses() const { return "/apis/networking.k8s.io/v1/namespaces/" + ns + "/ingresses"; }
  std::vector<object> events() {
    std::vector<object> all;
    const object list = ask("GET", "/apis/events.k8s.io/v1/namespaces/" + ns + "/events");
    if (const auto* items = list.if_contains("items"))
      for (const auto& item : items->as_array()) all.push_back(item.as_object());
    return all;
  }

  const std::string ns = "reports-" + tls::hex(tls::random_bytes(4));
  std::optional<fake::ApiServer> server;  // null: a real one
  asio::io_context io;
  SystemClock clock;
  Deadlines deadlines{clock};
  std::ostringstream logged;
  Logger log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(logged));
  Access access;
  std::optional<ApiClient> client;
};

class ElectionServerTest : public ReportsServerTest {
 protected:
  ~ElectionServerTest() override { stop_all(); }

  struct Replica {
    bool reachable = true;
    bool ended = false;
    std::optional<LeaderElection> election;
  };

  // Times as short as whole seconds in the Lease allow.
  std::unique_ptr<Replica> replica(const std::string& pod) {
    auto made = std::make_unique<Replica>();
    const LeaseTerms terms{
        .lease = {ns, "leader"}, .identity = lease_identity(pod), .lasts = 2s, .renew_within = 1200ms, .retry = 200ms};
    made->election.emplace(terms, LeaderElection::Ports{io.get_executor(), clock, log,
                                                        [this, replica = made.get()](ApiRequest request) {
                                                          return call_if(replica->reachable, std::move(request));
                                                        },
                                                        [](bool) {}});
    asio::co_spawn(io, made->election->run(), [replica = made.get()](std::exception_ptr bug) {
      EXPECT_FALSE(bug);
      replica->ended = true;
    });
    return made;
  }
  Awaitable<Result<ApiAnswer>> call_if(bool reachable, ApiRequest request) {
    if (!reachable) co_return Failure(FailureKind::connect_failed);
    auto answer = co_await client->call(std::move(request));
    co_return answer;
  }

  Replica* leader() {
    Replica* found = nullptr;
    for (auto& one : replicas) {
      if (!one->election->leading()) continue;
      EXPECT_EQ(found, nullptr) << "two lead";
      found = one.get();
    }
    return found;
  }
  object lease() {
    return object_in(ask("GET", "/apis/coordination.k8s.io/v1/namespaces/" + ns + "/leases/leader"), "spec");
  }
  void stop_all() {
    for (auto& one : replicas) one->election->stop();
    EXPECT_TRUE(until(
        [&] { return std::all_of(replicas.begin(), replicas.end(), [](const auto& one) { return one->ended; }); }));
  }

  std::vector<std::unique_ptr<Replica>> replicas;
};

TEST_F(ElectionServerTest, OfFiveThatBeginAtOnceOneLeads) {
  for (int i = 0; i < 5; ++i) replicas.push_back(replica("gatehouse-" + std::to_string(i)));
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  Replica* first = leader();
  const TimePoint end = clock.now() + 3s;  // longer than the lease
  until([&] { return leader() != first || clock.now() > end; });
  EXPECT_EQ(leader(), first);
  const object spec = lease();
  EXPECT_EQ(text_in(spec, "holderIdentity"), first->election->terms().identity);
  EXPECT_EQ(number_in(spec, "leaseDurationSeconds"), 2);
  EXPECT_NE(text_in(spec, "renewTime"), text_in(spec, "acquireTime"));
  stop_all();
  EXPECT_EQ(text_in(lease(), "holderIdentity"), "");
}

TEST_F(ElectionServerTest, ALeaderThatGoesIsFollowedAtOnceAndOneThatIsCutOffAfterItsLease) {
  for (int i = 0; i < 3; ++i) replicas.push_back(replica("gatehouse-" + std::to_string(i)));
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  Replica* first = leader();
  first->election->stop();
  ASSERT_TRUE(until([&] { return leader() != nullptr; }, 1500ms)) << logged.str();
  Replica* second = leader();
  EXPECT_NE(second, first);
  const auto transitions = number_in(lease(), "leaseTransitions");

  const TimePoint cut = clock.now();
  second->reachable = false;
  ASSERT_TRUE(until([&] { return leader() != nullptr && leader() != second; })) << logged.str();
  EXPECT_GT(clock.now() - cut, 1500ms);
  EXPECT_EQ(number_in(lease(), "leaseTransitions"), transitions + 1);
  stop_all();
}

TEST_F(ElectionServerTest, ALeaseThatWasDeletedIsMadeAgain) {
  replicas.push_back(replica("gatehouse-0"));
  replicas.push_back(replica("gatehouse-1"));
  // A candidate that has not seen who holds it cannot know that a missing Lease is held.
  const auto knows = [](const auto& one) { return !one->election->holder().empty(); };
  ASSERT_TRUE(until([&] { return leader() != nullptr && std::all_of(replicas.begin(), replicas.end(), knows); }))
      << logged.str();
  ask("DELETE", "/apis/coordination.k8s.io/v1/namespaces/" + ns + "/leases/leader");
  const TimePoint end = clock.now() + 3s;
  until([&] {
    leader();
    return clock.now() > end;
  });
  ASSERT_NE(leader(), nullptr) << logged.str();
  EXPECT_EQ(text_in(lease(), "holderIdentity"), leader()->election->terms().identity);
  stop_all();
}

TEST_F(ElectionServerTest, WithoutTheServerNobodyLeads) {
  if (!server) GTEST_SKIP() << "only a double can be stopped";
  replicas.push_back(replica("gatehouse-0"));
  replicas.push_back(replica("gatehouse-1"));
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  server->stop();
  ASSERT_TRUE(until([&] { return leader() == nullptr; }, 2s));
  server->start();
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  stop_all();
}

TEST_F(ElectionServerTest, AServerThatAnswersNothingDoesNotProlongIt) {
  if (!server) GTEST_SKIP() << "only a double can be told to";
  replicas.push_back(replica("gatehouse-0"));
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  server->inject({.which = {.resource = "leases"}, .times = 1000, .delay = 20s});
  ASSERT_TRUE(until([&] { return leader() == nullptr; }, 3s));
  server->clear_faults();
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  stop_all();
}

TEST_F(ElectionServerTest, ARenewalWhoseAnswerIsLostCostsNothing) {
  if (!server) GTEST_SKIP() << "only a double can be told to";
  replicas.push_back(replica("gatehouse-0"));
  replicas.push_back(replica("gatehouse-1"));
  ASSERT_TRUE(until([&] { return leader() != nullptr; })) << logged.str();
  Replica* first = leader();
  server->inject({.which = {.verb = "update", .resource = "leases"}, .times = 1, .lost = true});
  const TimePoint end = clock.now() + 3s;
  until([&] { return leader() != first || clock.now() > end; });
  EXPECT_EQ(leader(), first) << logged.str();
  EXPECT_EQ(number_in(lease(), "leaseTransitions"), 0);
  stop_all();
}

class StatusServerTest : public ReportsServerTest {
 protected:
  ~StatusServerTest() override {
    status.stop();
    EXPECT_TRUE(until([&] { return ended; }));
  }
  void begin(std::vector<ShownStatus> ingresses_seen) {
    seen = std::move(ingresses_seen);
    asio::co_spawn(io, status.run(), [this](std::exception_ptr) { ended = true; });
    status.lead(true);
  }

  std::vector<ShownStatus> seen;
  bool ended = false;
  int calls = 0;
  IngressStatus status{{io.get_executor(), clock, log,
                        [this](ApiRequest request) {
                          ++calls;
                          return client->call(std::move(request));
                        },
                        [] { return "192.0.2.7 lb.example.com"; }, [this](auto) { return seen; },
                        [](const ObjectName&) {}}};
};

TEST_F(StatusServerTest, IsWrittenOnceAndRemovedAtTheEnd) {
  std::vector<ShownStatus> made = {make_ingress("web"), make_ingress("api")};
  const std::string generation_before = boost::json::serialize(object_in(ask("GET", ingresses() + "/web"), "spec"));
  begin(made);
  ASSERT_TRUE(until([&] { return calls == 2; }));
  EXPECT_TRUE(until([&] { return shown("api").load_balancer == "192.0.2.7 lb.example.com"; }, 5s));
  EXPECT_EQ(shown("web").load_balancer, "192.0.2.7 lb.example.com");
  EXPECT_EQ(boost::json::serialize(object_in(ask("GET", ingresses() + "/web"), "spec")), generation_before);

  seen = {shown("web"), shown("api")};
  status.changed({.beyond = true});
  const TimePoint end = clock.now() + 2s;
  until([&] { return clock.now() > end; });
  EXPECT_EQ(calls, 2);

  std::optional<ClearedStatus> cleared;
  asio::co_spawn(io, clear_ingress_status(clock, client->caller(), seen, "192.0.2.7 lb.example.com"),
                 [&](std::exception_ptr, ClearedStatus report) { cleared = std::move(report); });
  status.lead(false);
  ASSERT_TRUE(until([&] { return cleared.has_value(); }));
  EXPECT_EQ(cleared->removed, 2U);
  EXPECT_EQ(cleared->failures, std::vector<std::string>());
  EXPECT_EQ(shown("web").load_balancer, "");
}

TEST_F(StatusServerTest, AnIngressThatIsGoneIsForgotten) {
  begin({{{ns, "gone"}, "", "1"}, make_ingress("web")});
  ASSERT_TRUE(until([&] { return calls == 2; }));
  EXPECT_TRUE(until([&] { return !shown("web").load_balancer.empty(); }, 5s));
}

class EventsServerTest : public ReportsServerTest {
 protected:
  EventsServerTest() {
    log->set_level(spdlog::level::debug);
    asio::co_spawn(io, told.run(), [this](std::exception_ptr) { ended = true; });
  }
  ~EventsServerTest() override {
    told.stop();
    EXPECT_TRUE(until([&] { return ended; }));
    EXPECT_EQ(told.dropped(), 0U) << logged.str();
  }

  bool ended = false;
  int calls = 0;
  Events told{{io.get_executor(),
               clock,
               log,
               [this](ApiRequest request) {
                 ++calls;
                 return client->call(std::move(request));
               },
               "gatehouse-7d9f-abcde",
               {.series_rest = 300ms}}};
};

TEST_F(EventsServerTest, AreTakenAndCounted) {
  make_ingress("web");
  const EventOn event{.object = {Kind::ingress, {ns, "web"}},
                      .uid = uid("web"),
                      .reason = "SecretNotFound",
                      .note = "secret tls does not exist; caf\xe9 \n" + std::string(2000, 'x')};
  for (int i = 0; i < 5; ++i) told.tell(event);
  told.tell({.object = {Kind::ingress, {ns, "web"}},
             .uid = uid("web"),
             .reason = "CertificateIssued",
             .note = "certificate for web.example obtained",
             .warning = false,
             .action = "Order"});
  ASSERT_TRUE(until([&] { return calls == 3; })) << logged.str();
  ASSERT_TRUE(until([&] {
    const auto all = events();
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return number_in(object_in(one, "series"), "count") == 5; });
  }));
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  for (const object& one : all) {
    EXPECT_EQ(text_in(object_in(one, "regarding"), "uid"), event.uid);
    EXPECT_EQ(text_in(one, "reportingController"), "gatehouse.dev/ingress-controller");
  }
}

TEST_F(EventsServerTest, OfAnIngressClassAreTaken) {
  told.tell({.object = {Kind::ingress_class, {"", "reports"}},
             .uid = "7a2c5c3e-7f3e-4b7a-9a51-0a2b3c4d5e6f",
             .reason = "InvalidObject",
             .note = ns});
  ASSERT_TRUE(until([&] { return calls == 1; }));
  const TimePoint end = clock.now() + 10s;
  bool found = false;
  while (!found && clock.now() < end) {
    const object list = ask("GET", "/apis/events.k8s.io/v1/namespaces/default/events");
    for (const auto& item : list.at("items").as_array()) found = found || text_in(item.as_object(), "note") == ns;
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace gatehouse::kubernetes
