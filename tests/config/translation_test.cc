// What tests/golden/ingress cannot show: what a translation keeps of the one before it.
#include "config/translation.h"

#include "config/kubernetes/manifest.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

class Translating : public testing::Test {
 protected:
  Translating() {
    for (const char* name : {"web", "websecure"}) {
      EntryPointInput entry_point;
      entry_point.entry_point.name = name;
      input_.entry_points.push_back(entry_point);
    }
    put(service("web", "10.0.0.1"));
    put(ingress("a", "a.example.com", "web"));
    put(ingress("b", "b.example.com", "web"));
  }

  static std::string service(const std::string& name, const std::string& address) {
    return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name +
           "}\nspec: {ports: [{port: 80}]}\n---\n"
           "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " +
           name + "-1, labels: {kubernetes.io/service-name: " + name +
           "}}\naddressType: IPv4\nports: [{port: 8080}]\n"
           "endpoints: [{addresses: [" +
           address + "]}]\n";
  }

  static std::string ingress(const std::string& name, const std::string& host, const std::string& backend,
                             const std::string& secret = "") {
    return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + name + "}\nspec:\n" +
           "  ingressClassName: gatehouse\n  rules: [{host: " + host +
           ", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: " + backend +
           ", port: {number: 80}}}}]}}]\n" +
           (secret.empty() ? "" : "  tls: [{hosts: [" + host + "], secretName: " + secret + "}]\n");
  }

  static std::string indented(const std::string& pem) {
    std::string text = "    ";
    for (const char c : pem) text += c == '\n' ? "\n    " : std::string(1, c);
    return text + "\n";
  }

  static std::string secret(const std::string& name, const std::string& host) {
    const auto made = tls::make_self_signed({*HostName::parse(host)}, std::chrono::system_clock::now());
    return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\nstringData:\n  tls.crt: |\n" +
           indented((*made)->pem()) + "  tls.key: |\n" + indented((*made)->key_pem());
  }

  void put(const std::string& yaml) {
    const auto parsed = kubernetes::parse_manifest(yaml, "objects.yaml");
    for (const auto& problem : parsed.problems) ADD_FAILURE() << problem.text();
    for (const auto& object : parsed.objects) objects_.put(object);
  }

  void translate() { now_ = translator_.translate({{&objects_, &input_.manifests}}, input_, resolved_); }

  const HttpRoute* route(const char* host) const {
    return now_.snapshot->entry_points[0]->http->match(host, "/", false);
  }
  tls::CertificatePtr certificate(const char* host) const {
    const auto* found = now_.snapshot->certificates->find(host);
    return found ? *found : nullptr;
  }
  std::string problems() const {
    std::string text;
    for (const auto& problem : *now_.problems) text += problem.text() + "\n";
    return text;
  }

  kubernetes::ClusterObjects objects_;
  TranslationInput input_;
  ResolvedNames resolved_;
  Translator translator_;
  Translation now_;
};

TEST_F(Translating, AnEmptyDirectoryIsAValidState) {
  objects_ = {};
  translate();
  ASSERT_EQ(now_.snapshot->entry_points.size(), 2u);
  for (const auto& entry_point : now_.snapshot->entry_points) {
    EXPECT_TRUE(entry_point->http->empty());
    EXPECT_TRUE(entry_point->tcp->empty());
  }
  EXPECT_NE(now_.snapshot->certificates, nullptr);
  EXPECT_EQ(problems(), "");
}

TEST_F(Translating, KeepsWhatDidNotChange) {
  translate();
  const auto before = now_.snapshot;
  const auto* a = route("a.example.com");
  EXPECT_EQ(before->entry_points[0]->http, before->entry_points[1]->http);
  translate();
  EXPECT_EQ(now_.snapshot->entry_points[0]->http, before->entry_points[0]->http);
  EXPECT_EQ(now_.snapshot->certificates, before->certificates);

  put(ingress("b", "changed.example.com", "web"));
  translate();
  EXPECT_NE(now_.snapshot->entry_points[0]->http, before->entry_points[0]->http);
  EXPECT_EQ(route("a.example.com"), a);
  EXPECT_EQ(route("b.example.com"), nullptr);
  ASSERT_NE(route("changed.example.com"), nullptr);
  EXPECT_EQ(route("changed.example.com")->service, a->service);
}

TEST_F(Translating, AServiceWithOtherEndpointsGoesOnWithItsTurn) {
  translate();
  const auto before = now_.snapshot;
  const auto service_before = route("a.example.com")->service;
  service_before->turn = 5;
  put(service("web", "10.0.0.2"));
  translate();
  const auto service_now = route("a.example.com")->service;
  EXPECT_NE(service_now, service_before);
  EXPECT_EQ(service_now, route("b.example.com")->service);
  EXPECT_EQ(service_now->turn, 5u);
  EXPECT_EQ(service_now->endpoints.at(0).text(), "10.0.0.2:8080");
  EXPECT_EQ(service_before->endpoints.at(0).text(), "10.0.0.1:8080");
}

TEST_F(Translating, FollowsIngressesThatComeAndGo) {
  for (const char* name : {"c", "0", "aa"}) {
    put(ingress(name, std::string("h") + name + ".example.com", "web"));
    translate();
    EXPECT_NE(route((std::string("h") + name + ".example.com").c_str()), nullptr);
  }
  for (const char* name : {"aa", "a", "c", "b", "0"}) {
    objects_.erase({kubernetes::Kind::ingress, {"default", name}});
    translate();
    const Translation anew = gatehouse::translate({{&objects_, &input_.manifests}}, input_, resolved_);
    EXPECT_EQ(now_.snapshot->entry_points[0]->http->print(), anew.snapshot->entry_points[0]->http->print());
  }
  EXPECT_TRUE(now_.snapshot->entry_points[0]->http->empty());
}

TEST_F(Translating, TheOrderOfAddingDoesNotMatter) {
  const std::vector<std::string> all = {ingress("x", "same.example.com", "one"),
                                        ingress("y", "same.example.com", "two"), service("one", "10.0.0.1"),
                                        service("two", "10.0.0.2")};
  for (const auto& object : all) put(object);
  translate();
  const std::string table = now_.snapshot->entry_points[0]->http->print(), said = problems();
  objects_ = {};
  for (auto object = all.rbegin(); object != all.rend(); ++object) put(*object);
  put(service("web", "10.0.0.1"));
  put(ingress("b", "b.example.com", "web"));
  put(ingress("a", "a.example.com", "web"));
  translate();
  EXPECT_EQ(now_.snapshot->entry_points[0]->http->print(), table);
  EXPECT_EQ(problems(), said);
  EXPECT_NE(said.find("Ingress default/y: same.example.com path '/' is left out"), std::string::npos) << said;
}

TEST_F(Translating, MissingServicesComeBack) {
  put(ingress("late", "late.example.com", "late"));
  translate();
  EXPECT_EQ(route("late.example.com")->service, nullptr);
  EXPECT_EQ(route("late.example.com")->missing, "Service default/late is not there");
  EXPECT_NE(problems().find("objects.yaml:6: warning: Ingress default/late: Service default/late is not there"),
            std::string::npos)
      << problems();
  put(service("late", "10.0.0.9"));
  translate();
  ASSERT_NE(route("late.example.com")->service, nullptr);
  EXPECT_EQ(route("late.example.com")->missing, "");
  EXPECT_EQ(problems(), "");
}

TEST_F(Translating, ABrokenOrMissingSecretKeepsTheLastGoodCertificate) {
  put(ingress("a", "a.example.com", "web", "cert"));
  put(secret("cert", "a.example.com"));
  translate();
  const auto good = certificate("a.example.com");
  ASSERT_TRUE(good);
  put("apiVersion: v1\nkind: Secret\nmetadata: {name: cert}\nstringData: {tls.crt: broken, tls.key: broken}\n");
  translate();
  EXPECT_EQ(certificate("a.example.com"), good);
  EXPECT_NE(problems().find("its last good certificate stays in use"), std::string::npos) << problems();
  objects_.erase({kubernetes::Kind::secret, {"default", "cert"}});
  translate();
  translate();
  EXPECT_EQ(certificate("a.example.com"), good);
  EXPECT_NE(problems().find("Secret default/cert is not there"), std::string::npos) << problems();

  put(secret("cert", "a.example.com"));
  translate();
  ASSERT_TRUE(certificate("a.example.com"));
  EXPECT_NE(certificate("a.example.com"), good);
  EXPECT_EQ(problems(), "");
  put(ingress("a", "a.example.com", "web"));
  translate();
  EXPECT_FALSE(certificate("a.example.com"));
}

TEST_F(Translating, UnchangedSecretsAreNotParsedAgain) {
  put(ingress("a", "a.example.com", "web", "cert"));
  put(secret("cert", "a.example.com"));
  translate();
  const auto before = certificate("a.example.com");
  put(ingress("b", "other.example.com", "web"));
  translate();
  EXPECT_EQ(certificate("a.example.com"), before);
}

TEST_F(Translating, CertificatesOfTheSettingsComeFirst) {
  input_.certificates = {*tls::make_self_signed({*HostName::parse("a.example.com")}, std::chrono::system_clock::now())};
  put(ingress("a", "a.example.com", "web", "cert"));
  put(secret("cert", "a.example.com"));
  translate();
  EXPECT_EQ(certificate("a.example.com"), input_.certificates[0]);
  EXPECT_NE(problems().find("shows another certificate already"), std::string::npos) << problems();
}

TEST_F(Translating, ExternalNamesFollowTheResolver) {
  put("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: web.lan}\n");
  translate();
  EXPECT_EQ(*now_.names_to_resolve, std::vector<std::string>{"web.lan"});
  EXPECT_TRUE(route("a.example.com")->service->endpoints.empty());
  resolved_["web.lan"] = {asio::ip::make_address("192.0.2.1")};
  translate();
  EXPECT_EQ(*now_.names_to_resolve, std::vector<std::string>{"web.lan"});
  EXPECT_EQ(route("a.example.com")->service->endpoints.at(0).text(), "192.0.2.1:80");
}

TEST_F(Translating, TcpRoutesKeepTheirTurnToo) {
  const std::string tcp =
      "apiVersion: traefik.io/v1alpha1\nkind: IngressRouteTCP\nmetadata: {name: t}\nspec:\n"
      "  entryPoints: [web]\n  routes: [{match: HostSNI(`*`), services: [{name: web, port: 80}]}]\n";
  put(tcp);
  translate();
  const auto before = now_.snapshot->entry_points[0]->tcp->routes().at(0);
  before->turn = 3;
  translate();
  EXPECT_EQ(now_.snapshot->entry_points[0]->tcp->routes().at(0), before);
  put(service("web", "10.0.0.7"));
  translate();
  const auto after = now_.snapshot->entry_points[0]->tcp->routes().at(0);
  EXPECT_NE(after, before);
  EXPECT_EQ(after->turn, 3u);
}

TEST_F(Translating, EntryPointsKeepWhatTheSettingsSay) {
  input_.entry_points[1].entry_point.timeouts.head = std::chrono::seconds(3);
  translate();
  EXPECT_EQ(now_.snapshot->entry_points[1]->name, "websecure");
  EXPECT_EQ(now_.snapshot->entry_points[1]->timeouts.head, std::chrono::seconds(3));
}

TEST_F(Translating, RoutesAreOnTheFirst64EntryPoints) {
  for (int i = 2; i < 70; ++i) {
    EntryPointInput entry_point;
    entry_point.entry_point.name = "e" + std::to_string(i);
    input_.entry_points.push_back(entry_point);
  }
  translate();
  ASSERT_EQ(now_.snapshot->entry_points.size(), 70u);
  EXPECT_FALSE(now_.snapshot->entry_points[63]->http->empty());
  EXPECT_TRUE(now_.snapshot->entry_points[64]->http->empty());
}

TEST_F(Translating, ManyIngressesCostLittleMore) {
  for (int i = 0; i < 2000; ++i) {
    const std::string n = std::to_string(i);
    put(ingress("many" + n, "host" + n + ".example.com", "web"));
  }
  translate();
  const auto before = now_.snapshot->entry_points[0]->http;
  EXPECT_EQ(before->routes().size(), 2002u);
  put(ingress("many7", "host7.example.org", "web"));
  translate();
  const auto after = now_.snapshot->entry_points[0]->http;
  std::size_t shared = 0;
  for (const auto& r : after->routes()) shared += before->match(r->host, "/", false) == r.get() ? 1 : 0;
  EXPECT_EQ(shared, 2001u);
}

}  // namespace
}  // namespace gatehouse
