#include "config/reload.h"

#include "config/kubernetes/cluster_store.h"
#include "config/kubernetes/manifest.h"

#include "tests/doubles/manual_clock.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

std::string ingress(const std::string& name, const std::string& host) {
  return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name +
         "}\nspec: {ingressClassName: gatehouse, rules: [{host: " + host +
         ", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " + name +
         ", port: {number: 80}}}}]}}]}\n---\n";
}

std::string service(const std::string& name, const std::string& external) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         "}\nspec: {type: ExternalName, externalName: " + external + ", ports: [{port: 80}]}\n---\n";
}

const std::string token = "abcdefghijklmnopqrstuv";

// Stands in for the API server.
struct ClusterDouble {
  kubernetes::ClusterStore store;
  bool synced = false;
  bool listed = true;  // it takes what it is told of Secrets
  std::optional<SecretNames> syncs_by;  // when it is told to want these
  std::vector<Problem> problems;
  std::vector<SecretNames> wanted;
  SecretNames awaited;

  ClusterSource source() {
    return {[this]() -> const kubernetes::ClusterObjects& { return store.objects(); },
            [this] { return synced; },
            [this] { return problems; },
            [this](const SecretNames& names) {
              wanted.push_back(names);
              if (syncs_by == names) synced = true;
              return listed;
            },
            [this](const ObjectName& name) { return awaited.contains(name); },
            [this] { return store.take_touched(); }};
  }
  void put(const std::string& yaml) {
    for (const auto& object : kubernetes::parse_manifest(yaml, "cluster").objects) store.put(object);
  }
};

class Reloading : public testing::Test {
 protected:
  Reloading() { std::filesystem::create_directory(root_ / "manifests"); }

  std::string settings_text(const std::string& more = "") const {
    return "entryPoints: {web: {address: '127.0.0.1:8000'}}\nproviders: {manifests: {directory: " +
           (root_ / "manifests").string() + "}}\n" + more;
  }

  void start(const std::string& text) {
    settings_text_ = text;
    auto loaded = load();
    ASSERT_TRUE(loaded.settings) << loaded.problems.at(0).text();
    Reload::Ports ports;
    ports.publish = [this](const Publication& publication) { published_.push_back(publication); };
    ports.load_settings = [this] { return load(); };
    ports.resolve = [this](std::string name) { return answer(name); };
    reload_.emplace(context_.get_executor(), clock_, *loaded.settings, loaded.problems, ports);
    if (cluster_) reload_->use_cluster(cluster_->source());
    reload_->start();
    asio::co_spawn(context_, reload_->run(), asio::detached);
    context_.poll();
  }

  SettingsOrProblems load() const { return load_settings({"gatehouse.yaml", settings_text_, {}, {}}); }

  Awaitable<Result<Addresses>> answer(std::string name) {
    if (!answers_.contains(name)) co_return Failure(FailureKind::no_endpoint, "Host not found");
    co_return answers_[name];
  }

  // Runs until it is so; false when it does not come to pass.
  template <class Condition>
  bool run_until(Condition condition) {
    auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < end)
      if (context_.run_one_for(20s) == 0) break;
    return condition();
  }

  // The change was noticed: someone waits for quiet.
  bool noticed() {
    return run_until([this] { return clock_.next_wake() <= clock_.now() + Reload::quiet; });
  }

  // Waits until a change was noticed, lets the quiet time pass and gives what is then published.
  const Publication& next() {
    auto before = published_.size();
    EXPECT_TRUE(noticed()) << "no change was noticed";
    clock_.advance(Reload::quiet);
    EXPECT_TRUE(run_until([&] { return published_.size() > before; })) << "nothing was published";
    return published_.back();
  }

  static std::string routes(const Publication& publication, std::string_view entry_point = "web") {
    auto found = publication.snapshot->find_entry_point(entry_point);
    return found ? found->http->print() : "no such entry point";
  }
  static std::string texts(const std::vector<Problem>& problems) {
    std::string text;
    for (const auto& problem : problems) text += problem.text() + "\n";
    return text;
  }
  static bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

  TemporaryDirectory root_;
  ManualClock clock_;
  asio::io_context context_;
  std::string settings_text_;
  std::map<std::string, Addresses> answers_;
  std::vector<Publication> published_;
  std::optional<ClusterDouble> cluster_;
  std::optional<Reload> reload_;
};

TEST_F(Reloading, PublishesWhatIsThereBeforeStartReturns) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  start(settings_text());
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_TRUE(holds(routes(published_[0]), "a.test")) << routes(published_[0]);
  EXPECT_EQ(texts(published_[0].problems), "");
  EXPECT_TRUE(published_[0].synced);
}

TEST_F(Reloading, AnEmptyDirectoryIsSynced) {
  start(settings_text());
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_TRUE(published_[0].synced);
  EXPECT_TRUE(published_[0].snapshot->find_entry_point("web")->http->empty());
}

TEST_F(Reloading, AChangeIsPublishedAfterQuiet) {
  start(settings_text());
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  ASSERT_TRUE(noticed());
  clock_.advance(Reload::quiet - 1ms);
  context_.poll();
  EXPECT_EQ(published_.size(), 1u);
  clock_.advance(1ms);
  ASSERT_TRUE(run_until([this] { return published_.size() == 2; }));
  EXPECT_TRUE(holds(routes(published_[1]), "a.test"));
  EXPECT_GT(published_[1].snapshot->generation, published_[0].snapshot->generation);
}

TEST_F(Reloading, ChangesWithoutEndArePublishedAllTheSame) {
  start(settings_text());
  Duration waited{};
  for (int i = 0; published_.size() == 1 && i < 100; ++i, waited += 5ms) {
    root_.write("manifests/a.yaml", ingress("a", "a" + std::to_string(i) + ".test"));
    ASSERT_TRUE(noticed());
    context_.poll();
    clock_.advance(5ms);
    context_.poll();
  }
  EXPECT_EQ(published_.size(), 2u);
  EXPECT_GE(waited, Reload::longest_wait);
  EXPECT_LE(waited, Reload::longest_wait + 10ms);
}

TEST_F(Reloading, ProblemsAppearAndAreSolved) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  start(settings_text());
  root_.write("manifests/b.yaml", "kind: [\n");
  auto broken = next();
  EXPECT_TRUE(holds(texts(broken.appeared), "b.yaml:")) << texts(broken.appeared);
  EXPECT_TRUE(holds(routes(broken), "a.test"));
  root_.write("manifests/c.yaml", ingress("c", "c.test") + service("c", "127.0.0.1"));
  auto still = next();
  EXPECT_EQ(texts(still.appeared), "") << "an old problem is no news";
  EXPECT_TRUE(holds(texts(still.problems), "b.yaml:"));
  root_.write("manifests/b.yaml", ingress("b", "b.test") + service("b", "127.0.0.1"));
  auto mended = next();
  EXPECT_EQ(texts(mended.problems), "");
  EXPECT_TRUE(holds(texts(mended.solved), "b.yaml:"));
}

TEST_F(Reloading, NamesAreResolvedAndThenItIsSynced) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "upstream.test"));
  answers_["upstream.test"] = {asio::ip::make_address("10.0.0.1")};
  start(settings_text());
  EXPECT_FALSE(published_[0].synced);
  auto resolved = next();
  EXPECT_TRUE(resolved.synced);
  auto endpoints = [](const Publication& publication) {
    return publication.snapshot->find_entry_point("web")->http->routes().at(0)->service->endpoints;
  };
  EXPECT_EQ(endpoints(resolved), (std::vector<Endpoint>{{asio::ip::make_address("10.0.0.1"), 80}}));
  answers_["upstream.test"] = {asio::ip::make_address("10.0.0.2")};
  clock_.advance(NameResolver::refresh_every);
  EXPECT_EQ(endpoints(next()), (std::vector<Endpoint>{{asio::ip::make_address("10.0.0.2"), 80}}));
}

TEST_F(Reloading, ANameThatDoesNotResolveDoesNotKeepItFromBeingSynced) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "upstream.test"));
  start(settings_text());
  auto failed = next();
  EXPECT_TRUE(failed.synced);
  EXPECT_TRUE(holds(texts(failed.appeared), "ExternalName upstream.test")) << texts(failed.appeared);
}

TEST_F(Reloading, EntryPointsComeAndGo) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  start(settings_text());
  settings_text_ = settings_text();
  settings_text_.replace(settings_text_.find("web: {address: '127.0.0.1:8000'}"), 32,
                         "other: {address: '127.0.0.1:8001'}, more: {address: '127.0.0.1:8002'}");
  reload_->reload_settings();
  auto changed = next();
  EXPECT_EQ(changed.snapshot->find_entry_point("web"), nullptr);
  ASSERT_NE(changed.snapshot->find_entry_point("other"), nullptr);
  EXPECT_EQ(changed.snapshot->find_entry_point("more")->addresses.at(0).port, 8002);
  EXPECT_TRUE(holds(routes(changed, "other"), "a.test"));
}

TEST_F(Reloading, BrokenSettingsChangeNothingButTheProblems) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  start(settings_text());
  auto good = settings_text_;
  settings_text_ = "entryPonts: {}\n";
  reload_->reload_settings();
  auto broken = next();
  EXPECT_TRUE(holds(texts(broken.appeared), "gatehouse.yaml:1:1: error:")) << texts(broken.appeared);
  EXPECT_TRUE(holds(routes(broken), "a.test"));
  settings_text_ = good;
  reload_->reload_settings();
  EXPECT_EQ(texts(next().problems), "");
}

TEST_F(Reloading, ManifestsCanMoveToAnotherDirectory) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  std::filesystem::create_directory(root_ / "others");
  root_.write("others/b.yaml", ingress("b", "b.test") + service("b", "127.0.0.1"));
  start(settings_text());
  auto at = settings_text_.find("/manifests}");
  settings_text_.replace(at, 10, "/others");
  reload_->reload_settings();
  auto moved = next();
  EXPECT_TRUE(holds(routes(moved), "b.test"));
  EXPECT_FALSE(holds(routes(moved), "a.test"));
  root_.write("others/c.yaml", ingress("c", "c.test") + service("c", "127.0.0.1"));
  EXPECT_TRUE(holds(routes(next()), "c.test")) << "the new directory is watched";
  root_.write("manifests/d.yaml", ingress("d", "d.test"));
  context_.poll();
  EXPECT_GT(clock_.next_wake(), clock_.now() + Reload::longest_wait) << "the old one is not";
}

TEST_F(Reloading, WhatTakesARestartIsSaid) {
  start(settings_text());
  settings_text_ += "workers: 3\n";
  reload_->reload_settings();
  EXPECT_TRUE(holds(texts(next().problems), "warning: workers: the change takes effect at the next start"));
}

TEST_F(Reloading, CertificateFilesAreReadAgainAndABadOneKeepsTheLast) {
  auto write_certificate = [this](const std::string& host) {
    auto made = tls::make_self_signed({*HostName::parse(host)}, clock_.wall_now());
    ASSERT_TRUE(made);
    root_.write("cert.pem", (*made)->pem());
    root_.write("key.pem", (*made)->key_pem());
  };
  write_certificate("a.test");
  start(settings_text("tls: {certificates: [{certFile: " + (root_ / "cert.pem").string() +
                      ", keyFile: " + (root_ / "key.pem").string() + "}]}\n"));
  EXPECT_NE(published_[0].snapshot->certificates->find("a.test"), nullptr);
  write_certificate("b.test");
  reload_->reload_settings();
  auto fresh = next();
  EXPECT_EQ(fresh.snapshot->certificates->find("a.test"), nullptr);
  EXPECT_NE(fresh.snapshot->certificates->find("b.test"), nullptr);
  root_.write("cert.pem", "nonsense");
  reload_->reload_settings();
  auto bad = next();
  EXPECT_NE(bad.snapshot->certificates->find("b.test"), nullptr);
  EXPECT_TRUE(holds(texts(bad.appeared), "cert.pem: error: tls.certificates[0]: ")) << texts(bad.appeared);
}

TEST_F(Reloading, AReloadKeepsTheTlsContext) {
  start(settings_text());
  reload_->reload_settings();
  auto again = next();
  EXPECT_NE(published_[0].snapshot->find_entry_point("web")->tls.options, nullptr);
  EXPECT_EQ(published_[0].snapshot->find_entry_point("web")->tls.options,
            again.snapshot->find_entry_point("web")->tls.options);
}

TEST_F(Reloading, TheBuiltInCaIsMadeOnce) {
  start(settings_text("certificatesResolvers: {local: {internal: {storage: " + (root_ / "ca").string() + "}}}\n"));
  auto ca = published_[0].snapshot->certificates->internal_ca();
  ASSERT_NE(ca, nullptr);
  reload_->reload_settings();
  EXPECT_EQ(next().snapshot->certificates->internal_ca(), ca);
}

std::shared_ptr<const tls::ChallengeBoard> board(const std::string& host) {
  std::vector<tls::ChallengeBoard::HttpAnswer> answers{{HostName::parse(host).value(), token, "key authorization"}};
  return std::make_shared<const tls::ChallengeBoard>(std::move(answers), std::vector<tls::ChallengeBoard::TlsAnswer>());
}

TEST_F(Reloading, AChallengeIsPublishedAtOnceWithTheRoutesInForce) {
  root_.write("manifests/a.yaml", ingress("a", "a.test") + service("a", "127.0.0.1"));
  start(settings_text());
  EXPECT_TRUE(published_[0].snapshot->challenges->empty());
  reload_->use_challenges(board("a.test"));
  ASSERT_EQ(published_.size(), 2u);
  EXPECT_NE(published_[1].snapshot->challenges->http_answer("a.test", token), nullptr);
  EXPECT_EQ(published_[1].snapshot->generation, published_[0].snapshot->generation + 1);
  EXPECT_EQ(published_[1].snapshot->find_entry_point("web"), published_[0].snapshot->find_entry_point("web"));
  reload_->use_challenges(nullptr);
  EXPECT_TRUE(published_.back().snapshot->challenges->empty());
}

TEST_F(Reloading, AChangeThatWaitsForQuietIsNotLostToAChallenge) {
  start(settings_text());
  root_.write("manifests/a.yaml", ingress("a", "a.test"));
  ASSERT_TRUE(noticed());
  reload_->use_challenges(board("a.test"));
  EXPECT_FALSE(holds(routes(published_.back()), "a.test"));
  const auto generation = published_.back().snapshot->generation;
  const auto& later = next();
  EXPECT_TRUE(holds(routes(later), "a.test"));
  EXPECT_NE(later.snapshot->challenges->http_answer("a.test", token), nullptr);
  EXPECT_GT(later.snapshot->generation, generation);
}

std::string with_acme(const TemporaryDirectory& root) {
  return "certificatesResolvers: {le: {acme: {tlsChallenge: {}, untilIssued: none}}}\n"
         "providers: {manifests: {directory: " +
         (root / "manifests").string() +
         "}}\nentryPoints: {web: {address: '127.0.0.1:8000', http: {tls: {certResolver: le}}}}\n";
}

TEST_F(Reloading, RequestsGoOutAndCertificatesObtainedComeIn) {
  root_.write("manifests/a.yaml", ingress("a", "a.test"));
  start(with_acme(root_));
  ASSERT_EQ(published_[0].certificate_requests->size(), 1u);
  EXPECT_EQ(published_[0].certificate_requests->at(0).resolver, "le");
  EXPECT_EQ(published_[0].certificate_requests->at(0).names, (std::vector{HostName::parse("a.test").value()}));
  EXPECT_TRUE(published_[0].snapshot->certificates->is_bare("a.test"));
  const auto made = tls::make_self_signed({HostName::parse("a.test").value()}, clock_.wall_now()).value();
  reload_->use_certificates({{"le", made}});
  const auto& later = next();
  ASSERT_NE(later.snapshot->certificates->find("a.test"), nullptr);
  EXPECT_EQ(*later.snapshot->certificates->find("a.test"), made);
  reload_->use_challenges(board("a.test"));
  EXPECT_EQ(published_.back().certificate_requests->size(), 1u);
}

TEST_F(Reloading, NewSettingsKeepCertificatesAndChallenges) {
  root_.write("manifests/a.yaml", ingress("a", "a.test"));
  start(with_acme(root_));
  reload_->use_certificates(
      {{"le", tls::make_self_signed({HostName::parse("a.test").value()}, clock_.wall_now()).value()}});
  next();
  reload_->use_challenges(board("a.test"));
  reload_->reload_settings();
  const auto& later = next();
  EXPECT_NE(later.snapshot->certificates->find("a.test"), nullptr);
  EXPECT_FALSE(later.snapshot->challenges->empty());
}

class ReloadingACluster : public Reloading {
 protected:
  ReloadingACluster() { cluster_.emplace(); }

  std::string with_cluster(const std::string& more = "") const {
    return "entryPoints: {web: {address: '127.0.0.1:8000'}}\nproviders: {manifests: {directory: " +
           (root_ / "manifests").string() + "}, kubernetes: {" + more + "}}\n";
  }
  static std::string tls_ingress(const std::string& name) {
    return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name +
           "}\nspec: {ingressClassName: gatehouse, tls: [{hosts: [" + name + ".test], secretName: " + name +
           "-tls}], rules: [{host: " + name + ".test}]}\n---\n";
  }
};

TEST_F(ReloadingACluster, TakesPartWhenItHasSyncedAndNotBefore) {
  root_.write("manifests/f.yaml", ingress("f", "f.test"));
  cluster_->put(ingress("c", "c.test"));
  start(with_cluster());
  EXPECT_TRUE(holds(routes(published_[0]), "f.test"));
  EXPECT_FALSE(holds(routes(published_[0]), "c.test"));
  EXPECT_FALSE(published_[0].synced);
  reload_->note_cluster_change();
  EXPECT_FALSE(holds(routes(next()), "c.test"));
  cluster_->synced = true;
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "c.test"));
  EXPECT_TRUE(holds(routes(published_.back()), "f.test"));
  EXPECT_TRUE(published_.back().synced);
}

TEST_F(ReloadingACluster, WithoutOneItIsNeverSynced) {
  cluster_.reset();
  start(with_cluster());
  EXPECT_FALSE(published_[0].synced);
}

TEST_F(ReloadingACluster, WhatServesServesOnWhateverBecomesOfTheApiServer) {
  cluster_->put(ingress("c", "c.test"));
  cluster_->synced = true;
  start(with_cluster());
  EXPECT_TRUE(published_[0].synced);
  cluster_->synced = false;
  cluster_->problems = {{"", 0, 0, Severity::error, "API server", "is away"}};
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "c.test"));
  EXPECT_TRUE(published_.back().synced);
  EXPECT_EQ(texts(published_.back().appeared), "error: API server: is away\n");
}

TEST_F(ReloadingACluster, IsToldOfSecretsBeforeItHasSyncedAndLaterOnlyOfOthers) {
  cluster_->put(ingress("plain", "plain.test"));
  cluster_->syncs_by = SecretNames{{"default", "c-tls"}};
  start(with_cluster());
  EXPECT_EQ(cluster_->wanted, std::vector{SecretNames()});
  EXPECT_FALSE(holds(routes(published_.at(0)), "plain.test"));
  EXPECT_FALSE(published_[0].synced);

  cluster_->put(tls_ingress("c"));
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "plain.test"));
  EXPECT_TRUE(published_.back().synced);
  EXPECT_EQ(cluster_->wanted.size(), 2u);

  cluster_->put(ingress("later", "later.test"));
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "later.test"));
  EXPECT_EQ(cluster_->wanted.size(), 2u) << "they are the same";
  cluster_->put(tls_ingress("d"));
  reload_->note_cluster_change();
  next();
  ASSERT_EQ(cluster_->wanted.size(), 3u);
  EXPECT_EQ(cluster_->wanted[2], (SecretNames{{"default", "c-tls"}, {"default", "d-tls"}}));
}

// A start from the cache: routes are there before it is known which Secrets there are.
TEST_F(ReloadingACluster, SecretsAreToldAgainUntilTheyAreTaken) {
  cluster_->put(tls_ingress("c"));
  cluster_->synced = true;
  cluster_->listed = false;
  start(with_cluster());
  cluster_->listed = true;
  reload_->note_cluster_change();
  next();
  ASSERT_EQ(cluster_->wanted.size(), 2u);
  EXPECT_EQ(cluster_->wanted[1], (SecretNames{{"default", "c-tls"}}));
  reload_->note_cluster_change();
  next();
  EXPECT_EQ(cluster_->wanted.size(), 2u);
}

// Each time only what the change reaches is translated; what else has changed meanwhile is not overlooked.
TEST_F(ReloadingACluster, ChangesOfTheClusterAndOfEverythingElseComeTogether) {
  cluster_->put(ingress("c", "c.test"));
  cluster_->synced = true;
  start(with_cluster("allowExternalNameServices: true"));
  const auto c = published_[0].snapshot->find_entry_point("web")->http->routes().at(0);
  cluster_->put(ingress("d", "d.test") + service("d", "10.0.0.2"));
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "10.0.0.2")) << routes(published_.back());
  EXPECT_TRUE(holds(routes(published_.back()), "c.test"));
  EXPECT_EQ(published_.back().snapshot->find_entry_point("web")->http->routes().at(0), c) << "it is as it was";

  root_.write("manifests/f.yaml", ingress("f", "f.test"));
  ASSERT_TRUE(noticed());
  cluster_->put(ingress("e", "e.test"));
  reload_->note_cluster_change();
  EXPECT_TRUE(holds(routes(next()), "f.test"));
  EXPECT_TRUE(holds(routes(published_.back()), "e.test"));

  settings_text_ = with_cluster("ingressClasses: [other]");
  reload_->reload_settings();
  cluster_->put(ingress("g", "g.test"));
  reload_->note_cluster_change();
  EXPECT_FALSE(holds(routes(next()), "g.test"));
  EXPECT_FALSE(holds(routes(published_.back()), "c.test"));
}

TEST_F(ReloadingACluster, NothingIsOrderedNorSaidOfASecretThatIsStillAwaited) {
  cluster_->put(tls_ingress("c"));
  cluster_->synced = true;
  cluster_->awaited = {{"default", "c-tls"}};
  start(
      "entryPoints: {web: {address: '127.0.0.1:8000', http: {tls: {certResolver: le}}}}\n"
      "certificatesResolvers: {le: {acme: {tlsChallenge: {}}}}\nproviders: {kubernetes: {}}\n");
  EXPECT_TRUE(published_[0].certificate_requests->empty());
  EXPECT_FALSE(holds(texts(published_[0].problems), "c-tls"));
  cluster_->awaited.clear();
  reload_->note_cluster_change();
  EXPECT_EQ(next().certificate_requests->size(), 1u) << "it is not there indeed";
}

TEST_F(ReloadingACluster, RulesAreReadAgainAndItLeavesWithItsSection) {
  cluster_->put(ingress("c", "c.test"));
  cluster_->synced = true;
  start(with_cluster());
  settings_text_ = with_cluster("ingressClasses: [other]");
  reload_->reload_settings();
  EXPECT_FALSE(holds(routes(next()), "c.test"));
  settings_text_ = with_cluster("endpoint: https://10.0.0.1:6443, hostClaims: [{namespaces: [x], hosts: [c.test]}]");
  reload_->reload_settings();
  EXPECT_FALSE(holds(routes(next()), "c.test"));
  EXPECT_TRUE(
      holds(texts(published_.back().problems), "providers.kubernetes: the change takes effect at the next start"));
  EXPECT_TRUE(holds(texts(published_.back().problems), "namespace default may not claim host 'c.test'"));
  settings_text_ = with_cluster();
  reload_->reload_settings();
  EXPECT_TRUE(holds(routes(next()), "c.test"));
  settings_text_ = settings_text();
  reload_->reload_settings();
  EXPECT_FALSE(holds(routes(next()), "c.test"));
}

}  // namespace
}  // namespace gatehouse
