// Translator::amend against translate: whatever happens to a cluster's objects, in whatever order and company, the
// result is the same.
#include "config/kubernetes/cluster_store.h"
#include "config/kubernetes/manifest.h"
#include "config/translation.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <sstream>

namespace gatehouse {
namespace {

using kubernetes::ClusterStore;
using kubernetes::Kind;
using kubernetes::ObjectKey;

const auto now = std::chrono::system_clock::now();

tls::CertificatePtr certificate_of(const std::vector<std::string>& hosts) {
  std::vector<HostName> names;
  for (const auto& host : hosts) names.push_back(*HostName::parse_with_wildcard(host));
  return *tls::make_self_signed(names, now);
}

// Few names, so that everything meets everything.
const std::vector<std::string> namespaces = {"old", "new", "other"};
const std::vector<std::string> hosts = {"a.test", "b.test", "c.test", "d.test", "*.test", "e.test", ""};

class Cluster {
 public:
  // `gentle`: a Secret that was there stays and is good, so that no certificate is remembered from before.
  Cluster(std::uint64_t seed, bool gentle) : random_(seed), gentle_(gentle) {
    for (const auto& names :
         std::vector<std::vector<std::string>>{{"a.test"}, {"b.test", "c.test"}, {"*.test"}, {"d.test"}})
      certificates_.push_back(certificate_of(names));
  }

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  bool once_in(std::size_t times) { return below(times) == 0; }
  std::string one_of(const std::vector<std::string>& list) { return list[below(list.size())]; }
  std::string number(std::size_t end) { return std::to_string(below(end)); }

  void change() {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
      case 3: return once_in(4) ? erase(Kind::ingress, "i" + number(6)) : put(ingress());
      case 4: return once_in(4) ? erase(Kind::service, "s" + number(3)) : put(service());
      case 5:
      case 6: return once_in(4) ? erase(Kind::slice, "s" + number(3) + "-" + number(2)) : put(slice());
      case 7:
      case 8: return once_in(4) && !gentle_ ? erase(Kind::secret, "t" + number(3)) : put(secret());
      default:
        return once_in(10) ? (once_in(2) ? erase(Kind::tcp_route, "r" + number(2)) : put(tcp_route())) : put(ingress());
    }
  }

  ClusterStore store;

 private:
  void put(const std::string& yaml) {
    const auto parsed = kubernetes::parse_manifest(yaml, "");
    for (const auto& problem : parsed.problems) ADD_FAILURE() << problem.text() << "\n" << yaml;
    for (auto object : parsed.objects) {
      std::visit(
          [](auto& o) {
            auto copy = std::make_shared<std::remove_cvref_t<decltype(*o)>>(
                std::move(const_cast<std::remove_cvref_t<decltype(*o)>&>(*o)));
            copy->meta.origin = {};
            o = std::move(copy);
          },
          object);
      store.put(std::move(object));
    }
  }
  void erase(Kind kind, const std::string& name) { store.erase({kind, {one_of(namespaces), name}}); }

  std::string head(const std::string& api, const std::string& kind, const std::string& name,
                   const std::string& notes = "") {
    return "apiVersion: " + api + "\nkind: " + kind + "\nmetadata: {namespace: " + one_of(namespaces) +
           ", name: " + name + ", creationTimestamp: \"2026-01-0" + std::to_string(1 + below(3)) + "T00:00:00Z\"" +
           notes + "}\n";
  }

  std::string ingress() {
    std::string annotations;
    const auto annotate = [&](const std::string& key, const std::string& value) {
      annotations += (annotations.empty() ? "" : ", ") + key + ": \"" + value + "\"";
    };
    if (once_in(6)) annotate("traefik.ingress.kubernetes.io/router.priority", "7" + number(9));
    if (once_in(6))
      annotate("traefik.ingress.kubernetes.io/router.tls.certresolver", one_of({"le", "two", "own", "nobody"}));
    if (once_in(8)) annotate("traefik.ingress.kubernetes.io/router.tls.domains.0.main", "x" + number(2) + ".test");
    if (once_in(8)) annotate("traefik.ingress.kubernetes.io/router.pathmatcher", "PathRegexp");
    if (once_in(10)) annotate("cert-manager.io/cluster-issuer", once_in(2) ? "ours" : "theirs");
    if (once_in(8)) annotate("traefik.ingress.kubernetes.io/router.entrypoints", once_in(2) ? "web" : "websecure");
    if (once_in(5))
      annotate("traefik.ingress.kubernetes.io/router.tls.options", one_of({"mtls@file", "lax", "default", "gone"}));
    std::string text = head("networking.k8s.io/v1", "Ingress", "i" + number(6),
                            annotations.empty() ? "" : ", annotations: {" + annotations + "}");
    text += "spec:\n  ingressClassName: " + std::string(once_in(8) ? "nginx" : "gatehouse") + "\n  rules:\n";
    for (std::size_t i = 0; i <= below(2); ++i) {
      const auto host = one_of(hosts);
      text += "  - {" + (host.empty() ? "" : "host: \"" + host + "\", ") + "http: {paths: [";
      for (std::size_t j = 0; j <= below(2); ++j)
        text += std::string(j == 0 ? "" : ", ") + "{path: /" + (once_in(2) ? "" : "p" + number(2)) +
                ", pathType: " + one_of({"Exact", "Prefix", "ImplementationSpecific"}) +
                ", backend: {service: {name: s" + number(4) + ", port: {number: 80}}}}";
      text += "]}}\n";
    }
    if (once_in(8)) text += "  defaultBackend: {service: {name: s0, port: {number: 80}}}\n";
    if (!once_in(3)) return text;
    text += "  tls:\n";
    for (std::size_t i = 0; i <= below(2); ++i) {
      text += "  - {secretName: " + (once_in(6) ? "''" : "t" + number(3));
      if (const auto host = one_of(hosts); !host.empty())
        text += ", hosts: [\"" + host + "\"" + (once_in(3) ? ", e.test" : "") + "]";
      text += "}\n";
    }
    return text;
  }

  std::string service() {
    const std::string name = "s" + number(3);
    if (once_in(6))
      return head("v1", "Service", name) + "spec: {type: ExternalName, externalName: up" + number(2) +
             ".lan, ports: [{port: 80}]}\n";
    return head("v1", "Service", name,
                once_in(4) ? ", annotations: {traefik.ingress.kubernetes.io/service.serversscheme: odd}" : "") +
           "spec: {ports: [{port: 80}]}\n";
  }

  std::string slice() {
    const std::string service = "s" + number(3);
    return head("discovery.k8s.io/v1", "EndpointSlice", service + "-" + number(2),
                ", labels: {kubernetes.io/service-name: " + (once_in(5) ? "s0" : service) + "}") +
           "addressType: IPv4\nports: [{port: 8080}]\nendpoints: [{addresses: [" +
           (once_in(6) ? "255.255.255.255" : "10.0.0." + number(4)) + "]}]\n";
  }

  std::string secret() {
    const auto indented = [](const std::string& pem) {
      std::string text = "    ";
      for (const char c : pem) text += c == '\n' ? "\n    " : std::string(1, c);
      return text + "\n";
    };
    const auto& certificate = certificates_[below(certificates_.size())];
    return head("v1", "Secret", "t" + number(3)) + "stringData:\n  tls.crt: |\n" +
           indented(once_in(6) && !gentle_ ? "nonsense" : certificate->pem()) + "  tls.key: |\n" +
           indented((*certificate).key_pem());
  }

  std::string tcp_route() {
    const bool tls = once_in(2);
    const std::string end = once_in(2) ? "{secretName: t0}" : "{certResolver: le, domains: [{main: x0.test}]}";
    return head("traefik.io/v1alpha1", "IngressRouteTCP", "r" + number(2)) + "spec:\n" +
           (once_in(4) ? "" : "  entryPoints: [" + one_of({"ssh", "websecure"}) + "]\n") +
           "  routes: [{match: \"HostSNI(`" + (tls ? "d.test" : "*") + "`)\", services: [{name: s" + number(3) +
           ", port: 80}]}]\n" + (tls ? "  tls: " + end + "\n" : "");
  }

  std::mt19937_64 random_;
  const bool gentle_;
  std::vector<tls::CertificatePtr> certificates_;
};

// All that can be seen of a translation.
std::string shown(const Translation& translation) {
  std::string text;
  for (const auto& entry_point : translation.snapshot->entry_points)
    text += entry_point->name + "\n" + entry_point->http->print() + entry_point->tcp->print();
  const tls::CertificateStore& store = *translation.snapshot->certificates;
  text += "certificates: " + std::to_string(store.size()) + "\n";
  for (const auto& entry_point : translation.snapshot->entry_points)
    for (const std::string& host : hosts)
      for (const char* path : {"/", "/p0", "/p1/x"})
        for (const bool over_tls : {false, true})
          if (const auto* route = entry_point->http->match(host == "*.test" ? "z.test" : host, path, over_tls))
            text += "match " + entry_point->name + " " + host + path + (over_tls ? " tls " : " ") + route->name + "\n";
  for (const auto& entry_point : translation.snapshot->entry_points)
    for (const std::string& host : hosts)
      if (const auto own = entry_point->http->tls_options(host == "*.test" ? "z.test" : host); own.named_by != nullptr)
        text += "TLS options of " + host + " at " + entry_point->name + ": " + own.options()->name + " by " +
                own.named_by->name + "\n";
  for (const std::string host :
       {"a.test", "b.test", "c.test", "d.test", "e.test", "x0.test", "x1.test", "z.test", "f.other"}) {
    const auto* certificate = store.find(host);
    const auto* issuable = store.may_issue(host);
    text += host + ": " + (certificate ? (*certificate)->fingerprint() : "none") +
            (issuable ? " for " + issuable->text() : "") + (store.is_bare(host) ? " bare" : "") + "\n";
  }
  for (const auto& problem : *translation.problems) text += problem.text() + " " + std::string(problem.reason) + "\n";
  for (const auto& request : *translation.certificate_requests) {
    text += request.resolver + " " + request.asked_by + ":";
    for (const auto& name : request.names) text += " " + name.text();
    text += "\n";
  }
  for (const auto& name : *translation.names_to_resolve) text += "resolve " + name + "\n";
  for (const auto& names : translation.secrets_in_use)
    for (const auto& name : *names) text += "secret " + name.text() + "\n";
  return text;
}

// The lines of only one of two, for the failure to be readable.
std::string difference(const std::string& is, const std::string& should_be) {
  const auto lines = [](const std::string& text) {
    std::multiset<std::string> found;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) found.insert(line);
    return found;
  };
  const auto a = lines(is), b = lines(should_be);
  std::vector<std::string> more, less;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(more));
  std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(less));
  std::string text;
  for (const auto& line : more) text += "  is        " + line + "\n";
  for (const auto& line : less) text += "  should be " + line + "\n";
  return text.empty() ? "the order" : text;
}

struct Terms {
  bool shared_hosts = false;
  UntilIssued until_issued = UntilIssued::internal_ca;
  bool static_certificate = false;
  bool resolver_everywhere = false;
  bool claims = false;
};

TranslationInput input_with(const Terms& terms) {
  TranslationInput input;
  for (const char* name : {"web", "websecure", "ssh"}) {
    EntryPointInput entry_point;
    entry_point.entry_point.name = name;
    entry_point.as_default = name != std::string_view("ssh");
    if (terms.resolver_everywhere && name == std::string_view("websecure")) entry_point.cert_resolver = "le";
    input.entry_points.push_back(entry_point);
  }
  input.entry_points[1].domains = {{*HostName::parse("f.other")}};
  input.tls_options["mtls"] = *make_tls_options("mtls", {.client_auth = tls::ClientAuth::require_and_verify});
  input.tls_options["lax"] = *make_tls_options("lax", {.client_auth = tls::ClientAuth::request});
  for (auto& entry_point : input.entry_points) entry_point.entry_point.tls.options = *make_tls_options("default", {});
  input.resolvers = {"le", "two", "own"};
  input.internal_resolvers = {"own"};
  input.acme_resolvers["le"] = {terms.until_issued, {"ours"}};
  input.acme_resolvers["two"] = {UntilIssued::internal_ca, {}};
  input.obtained = {{"le", certificate_of({"c.test"})}, {"le", certificate_of({"x0.test"})}};
  input.internal_ca = std::make_shared<const tls::InternalCa>(*tls::make_self_signed({}, now));
  if (terms.static_certificate) input.certificates = {certificate_of({"b.test"})};
  input.kubernetes.shared_hosts = terms.shared_hosts;
  if (terms.claims) {
    const std::vector<HostClaims::Rule> rules{{{"old", "new"}, {*NamePattern::parse("*.test")}}};
    input.kubernetes.host_claims = std::make_shared<const HostClaims>(rules);
  }
  return input;
}

class AmendingAtRandom : public testing::TestWithParam<Terms> {};

TEST_P(AmendingAtRandom, GivesWhatTranslatingEverythingGives) {
  const TranslationInput input = input_with(GetParam());
  const ResolvedNames resolved{{"up0.lan", {asio::ip::make_address("10.9.9.9")}}};
  int amended = 0, rounds = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const bool gentle = seed % 3 == 0;
    Cluster files(seed + 1000, gentle), cluster(seed, gentle);
    for (int i = 0; i < 6; ++i) files.change();
    std::set<ObjectName> known;  // it is known whether these are there
    const std::vector<TranslationSource> sources = {
        {&files.store.objects(), &input.manifests, nullptr},
        {&cluster.store.objects(), &input.kubernetes, [&](const ObjectName& name) { return !known.contains(name); }}};
    Translator stepwise, whole;
    stepwise.translate(sources, input, resolved);
    cluster.store.take_touched();
    std::deque<std::pair<Translation, std::string>> former;  // what was handed out stays as it was
    for (int step = 0; step < 150; ++step) {
      for (std::size_t changes = cluster.below(4); changes-- > 0;) cluster.change();
      if (cluster.once_in(5)) known.insert({cluster.one_of(namespaces), "t" + cluster.number(3)});
      const auto touched = cluster.store.take_touched();
      auto made = stepwise.amend(sources, input, resolved, touched);
      ++rounds;
      amended += made ? 1 : 0;
      if (!made) made = stepwise.translate(sources, input, resolved);
      const std::string is = shown(*made), expected = shown(whole.translate(sources, input, resolved));
      ASSERT_TRUE(is == expected) << "seed " << seed << " step " << step << "\n" << difference(is, expected);
      if (gentle) {
        const std::string fresh = shown(translate(sources, input, resolved));
        ASSERT_TRUE(is == fresh) << "seed " << seed << " step " << step << " anew\n" << difference(is, fresh);
      }
      for (const auto& [translation, text] : former) ASSERT_TRUE(shown(translation) == text);
      former.emplace_back(*made, is);
      if (former.size() > 3) former.pop_front();
    }
  }
  EXPECT_GT(amended, rounds / 3);
}

INSTANTIATE_TEST_SUITE_P(Of, AmendingAtRandom,
                         testing::Values(Terms{}, Terms{.shared_hosts = true},
                                         Terms{.until_issued = UntilIssued::none, .resolver_everywhere = true},
                                         Terms{.until_issued = UntilIssued::default_certificate,
                                               .static_certificate = true,
                                               .claims = true}));

void put(ClusterStore& store, const std::string& yaml) {
  for (auto& object : kubernetes::parse_manifest(yaml, "").objects) store.put(std::move(object));
}

std::string simple_ingress(const std::string& ns, const std::string& name, const std::string& paths,
                           const std::string& annotations = "") {
  return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {namespace: " + ns + ", name: " + name + ", " +
         annotations + "}\nspec:\n  ingressClassName: gatehouse\n  rules:\n" + paths;
}

std::string rule(const std::string& host, const std::string& path, int times = 1) {
  std::string text = "  - {host: " + host + ", http: {paths: [";
  for (int i = 0; i < times; ++i)
    text += (i == 0 ? "" : ", ") + ("{path: \"" + path + (times == 1 ? "" : std::to_string(i))) +
            "\", pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}";
  return text + "]}}\n";
}

struct OneCluster {
  ClusterStore store;
  const TranslationInput input = input_with({});
  const kubernetes::ClusterObjects no_files = {};
  const std::vector<TranslationSource> sources = {{&no_files, &input.manifests, nullptr},
                                                  {&store.objects(), &input.kubernetes, nullptr}};
  Translator translator = {};

  Translation translate() {
    store.take_touched();
    return translator.translate(sources, input, {});
  }
  std::optional<Translation> amend() { return translator.amend(sources, input, {}, store.take_touched()); }
};

// Another's host is lost with all its paths, and nothing is gained by that: or else hosts would be had that nobody knew
// of.
TEST(Amending, AnIngressHasNoMoreForLosingAHostToAnother) {
  OneCluster cluster;
  const std::string regex = "annotations: {traefik.ingress.kubernetes.io/router.pathmatcher: PathRegexp}";
  put(cluster.store, simple_ingress("a", "owner", rule("a.test", "/")));
  cluster.translate();
  put(cluster.store, simple_ingress("b", "taker", rule("a.test", "/x", 100) + rule("b.test", "/.*"), regex));
  const auto amended = cluster.amend();
  ASSERT_TRUE(amended);
  EXPECT_EQ(shown(*amended), shown(cluster.translate()));
  EXPECT_EQ(amended->snapshot->entry_points[0]->http->match("b.test", "/", false), nullptr);
}

TEST(Amending, WhatReachesTooFarIsLeftToTranslate) {
  OneCluster cluster;
  for (int i = 0; i < 200; ++i)
    put(cluster.store, simple_ingress("a", "i" + std::to_string(i), rule("h" + std::to_string(i) + ".test", "/")));
  cluster.translate();
  put(cluster.store,
      "apiVersion: v1\nkind: Service\nmetadata: {namespace: a, name: web}\nspec: {ports: [{port: 80}]}\n");
  EXPECT_FALSE(cluster.amend()) << "all of them name it";
  EXPECT_FALSE(cluster.amend()) << "until everything was translated";
  const Translation whole = cluster.translate();
  put(cluster.store, simple_ingress("a", "i7", rule("h7.test", "/other")));
  const auto amended = cluster.amend();
  ASSERT_TRUE(amended);
  const auto *before = whole.snapshot->entry_points[0]->http->match("h8.test", "/", false),
             *after = amended->snapshot->entry_points[0]->http->match("h8.test", "/", false);
  EXPECT_EQ(before, after) << "what did not change is the same object";
}

TEST(Amending, ThousandsMayComeOneByOne) {
  OneCluster cluster;
  cluster.translate();
  std::optional<Translation> amended;
  for (int i = 0; i < 2000; ++i) {
    put(cluster.store, simple_ingress("a", "i" + std::to_string(i), rule("h" + std::to_string(i) + ".test", "/")));
    amended = cluster.amend();
    ASSERT_TRUE(amended);
  }
  EXPECT_EQ(shown(*amended), shown(cluster.translate()));
}

}  // namespace
}  // namespace gatehouse
