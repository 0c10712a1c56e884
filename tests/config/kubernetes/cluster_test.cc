#include "config/kubernetes/cluster.h"

#include "tests/config/kubernetes/scripted_api.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>

#include <sys/stat.h>

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;
using Secrets = ClusterOptions::Secrets;

std::string metadata(const std::string& name) {
  return R"("metadata":{"name":")" + name + R"(","namespace":"a","uid":"u-)" + name + R"(","resourceVersion":"1"})";
}
std::string ingress(const std::string& name, const std::string& host) {
  return "{" + metadata(name) + R"(,"spec":{"rules":[{"host":")" + host +
         R"("}]},"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.9"}]}}})";
}
std::string secret(const std::string& name, const std::string& text = "aGk=") {
  return "{" + metadata(name) + R"(,"data":{"tls.crt":")" + text + R"("}})";
}
const std::string bad_ingress = "{" + metadata("web") + R"(,"spec":{"rules":"none"}})";

class ClusterTest : public testing::Test {
 protected:
  ~ClusterTest() override { stop(); }

  void start(ClusterOptions options = {}) {
    cluster = std::make_shared<Cluster>(Cluster::Ports{io.get_executor(), clock, api.stream(),
                                                       std::make_shared<spdlog::logger>("quiet"), [] { return 0.0; }},
                                        std::move(options));
    ended = false;
    asio::co_spawn(io, cluster->run([this] {
      ++changes;
      if (when_changed) when_changed();
    }),
                   [this, held = cluster](std::exception_ptr) {
                     ended = true;
                     EXPECT_EQ(api.open(), 0u) << "it has ended before its watches:\n" << api.paths();
                   });
    api.run();
  }
  void stop() {
    if (!cluster) return;
    cluster->stop();
    api.run();
    EXPECT_TRUE(ended);
    EXPECT_EQ(api.open(), 0u) << api.paths();
    cluster.reset();
  }
  // Every kind but those is listed without objects.
  void list_nothing(const std::vector<std::string>& but = {}) {
    for (const std::string kind :
         {"ingresses", "ingressclasses", "services", "endpointslices", "secrets", "traefik.io", "traefik.containo.us"})
      if (std::find(but.begin(), but.end(), kind) == but.end() && api.is_open(kind)) api.initial(kind, {});
  }
  void pass(Duration by) {
    clock.advance(by);
    api.run();
  }
  std::string problems() const {
    std::string text;
    for (const auto& problem : cluster->problems()) text += problem.text() + "\n";
    return text;
  }
  const Ingress* web() const {
    const auto found = cluster->objects().ingresses.find({"a", "web"});
    return found == cluster->objects().ingresses.end() ? nullptr : found->second.get();
  }
  std::string secrets() const {
    std::string text;
    for (const auto& [name, held] : cluster->objects().secrets) text += name.name + "=" + held->certificate + " ";
    return text;
  }

  asio::io_context io;
  ManualClock clock;
  ScriptedApi api{io};
  std::shared_ptr<Cluster> cluster;
  bool ended = false;
  int changes = 0;
  std::function<void()> when_changed;
};

TEST_F(ClusterTest, FollowsAllKindsAtOnceAndIsSyncedWhenAllAreListed) {
  start({.route_selector = "app in (a,b)"});
  EXPECT_EQ(api.open(), 7u) << api.paths();
  EXPECT_TRUE(api.is_open("/api/v1/secrets?labelSelector=owner%21%3Dhelm&watch=1"));
  EXPECT_TRUE(api.is_open("/apis/networking.k8s.io/v1/ingresses?labelSelector=app%20in%20%28a%2Cb%29&watch=1"));
  EXPECT_TRUE(api.is_open("/apis/traefik.io/v1alpha1/ingressroutetcps?labelSelector=app%20in%20%28a%2Cb%29&watch=1"));
  list_nothing({"ingresses"});
  EXPECT_FALSE(cluster->has_synced());
  changes = 0;
  api.send("ingresses", api.event("ADDED", ingress("web", "one")) + api.event("ADDED", ingress("other", "two")));
  EXPECT_EQ(changes, 0);
  api.initial("ingresses", {});
  EXPECT_TRUE(cluster->has_synced());
  EXPECT_GT(changes, 0);
  ASSERT_TRUE(web());
  EXPECT_EQ(web()->rules.at(0).host, "one");
  EXPECT_EQ(problems(), "");
  const ObjectDetails* details = cluster->details({Kind::ingress, {"a", "web"}});
  ASSERT_TRUE(details);
  EXPECT_EQ(details->uid, "u-web");
  EXPECT_EQ(details->resource_version, "1");
  EXPECT_EQ(details->status, "10.0.0.9");
  EXPECT_EQ(cluster->watches().size(), 7u);
}

TEST_F(ClusterTest, ARelistIsADifference) {
  start();
  list_nothing({"ingresses"});
  api.initial("ingresses", {ingress("web", "one"), ingress("gone", "two"), ingress("other", "three")});
  const Ingress* before = web();
  api.end("ingresses", 410);
  pass(800ms);
  changes = 0;
  // Cut: nothing is concluded.
  api.send("ingresses", api.event("ADDED", ingress("web", "one")));
  api.lose("ingresses");
  EXPECT_EQ(cluster->objects().ingresses.size(), 3u);
  pass(1600ms);
  changes = 0;
  api.initial("ingresses", {ingress("web", "one"), ingress("other", "four")});
  EXPECT_EQ(web(), before);
  EXPECT_FALSE(cluster->objects().ingresses.contains({"a", "gone"}));
  EXPECT_EQ(cluster->objects().ingresses.at({"a", "other"})->rules.at(0).host, "four");
  EXPECT_FALSE(cluster->details({Kind::ingress, {"a", "gone"}}));
  EXPECT_EQ(changes, 2);  // the list, and that the API server is heard again
}

TEST_F(ClusterTest, ABadObjectKeepsItsLastGoodVersion) {
  start();
  list_nothing({"ingresses"});
  api.initial("ingresses", {ingress("web", "one")});
  changes = 0;
  api.send("ingresses", api.event("MODIFIED", bad_ingress));
  EXPECT_EQ(changes, 1);
  ASSERT_TRUE(web());
  EXPECT_EQ(web()->rules.size(), 1u);
  EXPECT_EQ(problems(), "error: Ingress a/web: spec.rules: expected a list, found 'none'\n");
  EXPECT_TRUE(cluster->details({Kind::ingress, {"a", "web"}}));
  api.send("ingresses", api.event("MODIFIED", bad_ingress));
  EXPECT_EQ(changes, 1);
  api.send("ingresses", api.event("DELETED", bad_ingress));
  EXPECT_FALSE(web());
  EXPECT_EQ(problems(), "");
}

TEST_F(ClusterTest, HostileObjectsCostThemselves) {
  start();
  list_nothing({"ingresses"});
  std::string rules = R"({"host":"a"})";
  for (int i = 0; i < 100'000; ++i) rules += R"(,{"host":"a"})";
  const std::vector<std::string> objects = {
      ingress("web", "one"),
      "[]",
      "17",
      "{}",
      R"({"metadata":7})",
      R"({"metadata":{"name":{},"namespace":[]}})",
      R"({"metadata":{"name":")" + std::string(100'000, 'x') + R"(","namespace":"a"}})",
      R"({"metadata":{"name":"../x","namespace":"a"}})",
      R"({"kind":"Secret","metadata":{"name":"secret","namespace":"a"}})",
      R"({"metadata":{"name":"twice","name":"twice","namespace":"a"}})",
      "{" + metadata("deep") + R"(,"spec":)" + std::string(50'000, '[') + std::string(50'000, ']') + "}",
      "{" + metadata("bytes") + ",\"spec\":\"\xc3\x28\"}",
      "{" + metadata("many") + R"(,"spec":{"rules":[)" + rules + "]}}",
      "{" + metadata("types") +
          R"(,"spec":{"rules":[{"host":[],"http":{"paths":{}}},7],"tls":{"a":1},"ingressClassName":{}}})",
      "{" + metadata("huge") + R"(,"x":")" + std::string(largest_object, 'x') + "\"}",
  };
  api.initial("ingresses", objects);
  EXPECT_TRUE(cluster->has_synced());
  std::string names;
  for (const auto& [name, object] : cluster->objects().ingresses) names += name.name.substr(0, 10) + " ";
  EXPECT_EQ(names, "many web ");
  const std::string text = problems();
  for (const char* name : {"a/deep: not JSON", "a/bytes: not JSON", "a/huge: larger than 3145728", "a/types: spec"})
    EXPECT_NE(text.find(name), std::string::npos) << name << "\n" << text;
  EXPECT_LT(text.size(), 10'000u);
}

TEST_F(ClusterTest, AListWithSomethingNamelessDeletesNothing) {
  start();
  list_nothing({"ingresses"});
  api.initial("ingresses", {ingress("web", "one")});
  api.end("ingresses", 410);
  pass(800ms);
  api.initial("ingresses", {"{}"});
  EXPECT_TRUE(web());
}

TEST_F(ClusterTest, SaysThatTheServerIsAwayAndServesOn) {
  start();
  list_nothing({"ingresses"});
  api.initial("ingresses", {ingress("web", "one")});
  pass(2s);
  for (const char* kind : {"ingresses", "services"}) api.lose(kind);
  EXPECT_EQ(problems(), "error: API server: away since 2026-01-01T00:00:02Z, what is known stays in force: " +
                            describe(Failure(FailureKind::connect_failed, "10.0.0.1:6443")) + "\n");
  EXPECT_TRUE(web());
  pass(800ms);
  for (const char* kind : {"ingresses", "services"})
    api.send(kind, api.event("BOOKMARK", R"({"metadata":{"resourceVersion":"20"}})"));
  EXPECT_EQ(problems(), "");
  EXPECT_TRUE(cluster->has_synced());
}

TEST_F(ClusterTest, ForbiddenKindsAreProblemsAndOptionalOnesDoNotHoldUp) {
  start();
  list_nothing({"traefik.io", "traefik.containo.us", "secrets"});
  api.end("traefik.io", 403, "Forbidden", "no");
  api.end("traefik.containo.us", 404, "", "404 page not found");
  EXPECT_FALSE(cluster->has_synced());
  api.end("secrets", 403, "Forbidden", "no");
  EXPECT_FALSE(cluster->has_synced());
  EXPECT_EQ(
      problems(),
      "error: Secret: not allowed to watch /api/v1/secrets: HTTP 403 Forbidden: 'no'; what is known stays in force\n"
      "warning: IngressRouteTCP: not allowed to watch /apis/traefik.io/v1alpha1/ingressroutetcps: HTTP 403 "
      "Forbidden: 'no'; what is known stays in force\n");
  pass(60s);
  api.initial("secrets", {});
  EXPECT_TRUE(cluster->has_synced());
}

TEST_F(ClusterTest, ReadsOnlyTheNamespacesNamed) {
  start({.namespaces = {"b", "a", "a"}});
  EXPECT_EQ(api.open(), 13u) << api.paths();
  EXPECT_TRUE(api.is_open("/apis/networking.k8s.io/v1/namespaces/a/ingresses"));
  EXPECT_TRUE(api.is_open("/api/v1/namespaces/b/secrets"));
  api.initial("/namespaces/b/ingresses", {ingress("web", "not there")});
  EXPECT_FALSE(web());
  api.initial("/namespaces/a/ingresses", {ingress("web", "one")});
  EXPECT_TRUE(web());
  api.end("/namespaces/b/ingresses", 410);
  pass(800ms);
  api.initial("/namespaces/b/ingresses", {});
  EXPECT_TRUE(web());
  api.end("/ingressclasses", 403);
  EXPECT_NE(problems().find("warning: IngressClass: "), std::string::npos);
}

TEST_F(ClusterTest, FollowsThePublishedServiceWhereverItIs) {
  const auto front = R"({"metadata":{"name":"front","namespace":"gatehouse","uid":"u-front","resourceVersion":"1")";
  const auto balanced = R"(},"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.7"}]}}})";
  const auto details = [this] { return cluster->details({Kind::service, {"gatehouse", "front"}}); };
  start({.namespaces = {"a"}, .published_service = ObjectName{"gatehouse", "front"}});
  EXPECT_EQ(api.open(), 8u) << api.paths();
  const std::string path = "/api/v1/namespaces/gatehouse/services?fieldSelector=metadata.name%3Dfront";
  api.initial(path, {front + std::string(balanced)});
  ASSERT_TRUE(details());
  EXPECT_EQ(details()->status, "10.0.0.7");
  EXPECT_FALSE(details()->deleting);
  api.send(path,
           api.event("MODIFIED", front + std::string(R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")") + balanced));
  EXPECT_TRUE(details()->deleting);
  stop();
  start({.namespaces = {"a"}, .published_service = ObjectName{"a", "front"}});
  EXPECT_EQ(api.open(), 7u) << api.paths();
}

TEST_F(ClusterTest, KeepsOnlySecretsThatAreWantedAndGetsWhatItDropped) {
  start();
  list_nothing({"secrets"});
  api.initial("secrets", {secret("x"), secret("y"), secret("z")});
  EXPECT_EQ(secrets(), "x=hi y=hi z=hi ");
  EXPECT_TRUE(cluster->has_synced());
  cluster->want_secrets({{"a", "x"}, {"a", "none"}, {"a", "../../nodes"}});
  api.run();
  EXPECT_EQ(secrets(), "x=hi ");
  EXPECT_EQ(api.open(), 7u);
  cluster->want_secrets({{"a", "x"}, {"a", "y"}, {"a", "z"}});
  api.run();
  EXPECT_EQ(api.path("/secrets/"), "/api/v1/namespaces/a/secrets/y");
  changes = 0;
  api.send("/secrets/y", secret("y", "Ynll"));
  api.end("/secrets/y");
  EXPECT_EQ(secrets(), "x=hi y=bye ");
  EXPECT_GT(changes, 0);
  // The watch is quicker than the answer.
  pass(50ms);
  api.send("secrets?", api.event("MODIFIED", secret("z", "bmV3")));
  api.send("/secrets/z", secret("z", "b2xk"));
  api.end("/secrets/z");
  EXPECT_EQ(secrets(), "x=hi y=bye z=new ");
  EXPECT_FALSE(api.is_open("/secrets/"));
}

TEST_F(ClusterTest, AsksAgainForASecretThatItCouldNotGet) {
  start();
  list_nothing();
  cluster->want_secrets({});
  cluster->want_secrets({{"a", "x"}});
  api.run();
  api.lose("/secrets/x");
  EXPECT_NE(problems().find("warning: Secret a/x: "), std::string::npos);
  pass(1s);
  api.end("/secrets/x", 404, "NotFound");
  EXPECT_EQ(problems(), "");
  pass(1h);
  EXPECT_FALSE(api.is_open("/secrets/x"));
}

TEST_F(ClusterTest, ASecretThatCannotBeGotIsOneSteadyProblem) {
  start({.secrets = Secrets::referenced, .most_secret_watches = 0});
  list_nothing();
  cluster->want_secrets({{"a", "x"}, {"a", "y"}});
  api.run();
  api.end("/secrets/x", 403, "Forbidden", "request 17");
  pass(1s);
  api.send("/secrets/y", secret("y"));
  api.end("/secrets/y");
  const std::string told = problems();
  EXPECT_NE(told.find("warning: Secret a/x: HTTP 403"), std::string::npos) << told;
  changes = 0;
  for (int minute = 0; minute < 5; ++minute) {
    pass(61s);
    for (int i = 0; i < 2; ++i) {
      if (api.is_open("/secrets/x")) api.end("/secrets/x", 403, "Forbidden", "request " + std::to_string(18 + minute));
      if (api.is_open("/secrets/y")) {
        api.send("/secrets/y", secret("y"));
        api.end("/secrets/y");
      }
      EXPECT_EQ(problems(), told);
      pass(50ms);
    }
  }
  EXPECT_EQ(changes, 0);
  cluster->want_secrets({{"a", "y"}});
  EXPECT_EQ(problems(), "");
  EXPECT_EQ(changes, 1);
}

TEST_F(ClusterTest, SecretsWithoutAnAnswerAreOneProblemTogether) {
  start({.secrets = Secrets::referenced, .most_secret_watches = 0});
  list_nothing();
  cluster->want_secrets({{"a", "x"}, {"a", "y"}});
  api.run();
  for (int i = 0; i < 10; ++i) {
    for (const char* path : {"/secrets/x", "/secrets/y"})
      if (api.is_open(path)) api.lose(path);
    pass(30s);
  }
  const std::string told = problems();
  EXPECT_TRUE(told.starts_with("warning: Secret a/x: ")) << told;
  EXPECT_EQ(told.find("a/y"), std::string::npos) << told;
}

TEST_F(ClusterTest, ReadsOnlyReferencedSecretsAndSyncsWithThem) {
  std::set<ObjectName> wanted;
  when_changed = [&] { cluster->want_secrets(wanted); };
  start({.secrets = Secrets::referenced, .most_secret_watches = 2});
  EXPECT_FALSE(api.is_open("secrets"));
  list_nothing({"ingresses"});
  wanted = {{"a", "x"}, {"a", "y"}, {"b", "z"}};
  api.initial("ingresses", {ingress("web", "one")});
  EXPECT_FALSE(cluster->has_synced());
  EXPECT_EQ(api.open(), 9u) << api.paths();
  api.initial("/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dx&", {secret("x"), secret("foreign")});
  api.end("/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dy&", 403);
  EXPECT_FALSE(cluster->has_synced());
  EXPECT_EQ(secrets(), "x=hi ");
  api.end("/api/v1/namespaces/b/secrets/z", 404, "NotFound");
  EXPECT_TRUE(cluster->has_synced());
  EXPECT_NE(problems().find("warning: Secret a/y: not allowed to watch"), std::string::npos) << problems();
  // Those without a watch are looked at each minute.
  pass(61s);
  EXPECT_TRUE(api.is_open("/secrets/z"));
  wanted = {{"b", "z"}};
  when_changed();
  api.run();
  EXPECT_FALSE(api.is_open("fieldSelector"));
  EXPECT_EQ(secrets(), "");
}

TEST_F(ClusterTest, ServesFromItsCacheUntilTheServerIsHeard) {
  const TemporaryDirectory directory;
  const auto file = directory / "cluster.json";
  start({.cache_file = file});
  list_nothing({"ingresses", "secrets", "traefik.io"});
  api.initial("ingresses", {ingress("web", "one"), ingress("other", "two")});
  api.initial("secrets", {secret("x")});
  pass(6s);
  EXPECT_FALSE(std::filesystem::exists(file));
  api.initial("traefik.io", {});
  pass(6s);
  while (!std::filesystem::exists(file)) io.run_one();
  api.run();
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  stop();

  start({.cache_file = file});
  EXPECT_TRUE(cluster->has_synced());
  ASSERT_TRUE(web());
  EXPECT_EQ(web()->rules.at(0).host, "one");
  EXPECT_EQ(secrets(), "x=hi ");
  EXPECT_EQ(problems(),
            "warning: API server: not heard yet; served is what " + file.string() + " says of 2026-01-01T00:00:12Z\n");
  const Ingress* cached = web();
  list_nothing({"ingresses"});
  api.initial("ingresses", {ingress("web", "one")});
  EXPECT_EQ(web(), cached);
  EXPECT_EQ(cluster->objects().ingresses.size(), 1u);
  EXPECT_EQ(secrets(), "");
  EXPECT_EQ(problems(), "");
  stop();

  std::filesystem::permissions(file, std::filesystem::perms::others_write, std::filesystem::perm_options::add);
  start({.cache_file = file});
  EXPECT_FALSE(cluster->has_synced());
  EXPECT_NE(problems().find("owner alone"), std::string::npos);
}

TEST_F(ClusterTest, ACacheThatCannotBeWrittenIsAProblem) {
  start({.cache_file = "/nowhere/cluster.json"});
  list_nothing();
  pass(6s);
  while (problems().empty()) io.run_one();
  EXPECT_NE(problems().find("warning: the cache cannot be written: /nowhere/cluster.json"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::kubernetes
