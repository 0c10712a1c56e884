// Objects that anybody in the cluster may write: nobody else is touched by them.
#include "tests/end_to_end/cluster_bench.h"

namespace gatehouse::end_to_end {
namespace {

class KubernetesHostile : public ClusterBench {
 protected:
  static std::string ingress(const std::string& name, const std::string& annotations, const std::string& spec) {
    return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {namespace: bank, name: " + name +
           ", annotations: {" + annotations + "}}\nspec: " + spec + "\n---\n";
  }
  static std::string rules(const std::string& host, const std::string& path = "/", const std::string& more = "") {
    return "{ingressClassName: gatehouse, rules: [{host: '" + host + "', http: {paths: [{path: '" + path +
           "', pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}]}}]" + more + "}";
  }
  static std::string many(std::size_t count, const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
  }

  // What was there first, as all clusters have it: creationTimestamps are whole seconds.
  void put_shop() {
    std::string ingress = ingress_text({"shop", "web"}, "shop.test", "web", "pair");
    const std::string name = "name: web";
    ingress.replace(ingress.find(name), name.size(), name + ", creationTimestamp: '2026-01-01T00:00:00Z'");
    api_.apply(service_text({"shop", "web"}, page_.endpoint()) + tls_secret_text({"shop", "pair"}, "shop.test") +
               ingress);
  }
  // An object that is as it should be, applied after the others, is served: they have all been looked at.
  void expect_others_are_served(const GatehouseProcess& running) {
    api_.apply(service_text({"gitlab", "last"}, page_.endpoint()) +
               ingress_text({"gitlab", "last"}, "last.test", "last"));
    EXPECT_TRUE(comes([&] { return running.body("last.test") == "page"; }, std::chrono::seconds(20)))
        << running.problems();
    EXPECT_EQ(running.body("shop.test"), "page") << running.problems();
  }
  bool told(const std::string& reason, const std::string& object) const {
    const auto is_told = [&] {
      for (const auto& event : api_.objects("events.events.k8s.io"))
        if (event.at("reason").as_string() == reason && event.at("regarding").at("name").as_string() == object)
          return true;
      return false;
    };
    return comes(is_told, std::chrono::seconds(20));
  }

  const AnsweringUpstream page_{"page"}, theirs_{"theirs"};
};

TEST_F(KubernetesHostile, what_one_namespace_writes_touches_no_other) {
  put_shop();
  api_.apply(service_text({"bank", "web"}, theirs_.endpoint()));
  const auto running = ready_gatehouse();
  ASSERT_EQ(running->body("shop.test"), "page");
  const std::string certificate = shown_certificate(running->websecure(), "shop.test");
  const std::string regex = "traefik.ingress.kubernetes.io/router.pathmatcher: PathRegexp";

  for (const std::string& object : {
           ingress("regex", regex, rules("bank.test", "/(a|a)*(b+)+((c{1000}){1000}){1000}$")),
           ingress("stars", regex, rules("bank.test", "/" + many(3000, "(.*)"))),
           ingress("long-path", "", rules("bank.test", "/" + many(20'000, "x/"))),
           ingress("bad-host", "", rules("..", "/")),
           ingress("control", "", rules("b\x01nk.test", "/")),
           ingress("steal", "", rules("shop.test", "/", ", tls: [{hosts: [shop.test], secretName: pair}]")),
           ingress("steal-path", "traefik.ingress.kubernetes.io/router.priority: '2147483647'", rules("shop.test")),
           ingress("garbage", "", rules("garbage.test", "/", ", tls: [{hosts: [garbage.test], secretName: pair}]")),
           ingress("huge", "junk: " + std::string(200'000, 'j'), rules("huge.test")),
           ingress("everything", "", rules("*")),
           std::string(
               "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {namespace: bank, name: pair}\n"
               "stringData: {tls.crt: garbage, tls.key: -----BEGIN}\n"),
           std::string(
               "apiVersion: traefik.io/v1alpha1\nkind: IngressRouteTCP\nmetadata: {namespace: bank, name: x}\n"
               "spec: {entryPoints: [web, websecure, admin], routes: [{match: 'HostSNI(`*`)', services: [{name: "
               "web, namespace: shop, port: 80}]}]}\n"),
           std::string("apiVersion: traefik.io/v1alpha1\nkind: IngressRouteTCP\nmetadata: {namespace: bank, name: y}\n"
                       "spec: {routes: [{match: '" +
                       many(5000, "(") + "', services: 7}], tls: nonsense}\n"),
       })
    api_.apply(object);
  expect_others_are_served(*running);
  EXPECT_EQ(running->ask_admin("/ping").status(), 200) << "the admin entry point is nobody's";
  EXPECT_EQ(shown_certificate(running->websecure(), "shop.test"), certificate);
  EXPECT_TRUE(told("InvalidRule", "regex"));
  EXPECT_TRUE(told("InvalidRule", "bad-host"));
  EXPECT_TRUE(told("ConflictingHost", "steal"));
  EXPECT_TRUE(told("ConflictingHost", "steal-path"));
  EXPECT_TRUE(told("InvalidSecret", "garbage"));
  EXPECT_TRUE(told("ConflictingHost", "x")) << "a route that would take all plain connections";
}

TEST_F(KubernetesHostile, much_of_everything_does_not_cost_much_memory) {
  put_shop();
  const auto running = ready_gatehouse();
  const long before = running->mebibytes();
  ASSERT_GT(before, 0);
  const std::string junk(200'000, 'j');
  std::string hosts;
  for (int i = 0; i < 2000; ++i) hosts += "x" + std::to_string(i) + ".bank.test, ";
  for (int i = 0; i < 40; ++i) {
    const std::string name = "x" + std::to_string(i);
    api_.apply(ingress(name, "junk: " + junk, rules(name + ".test", "/", ", tls: [{hosts: [" + hosts + "]}]")));
    api_.apply("apiVersion: v1\nkind: Secret\nmetadata: {namespace: bank, name: " + name +
               "}\nstringData: {junk: " + junk + junk + "}\n");
  }
  expect_others_are_served(*running);
  EXPECT_LT(running->mebibytes() - before, 150) << "of 24 MB that nobody needs";
}

TEST_F(KubernetesHostile, values_of_wrong_types_cost_only_their_object) {
  put_shop();
  const auto running = ready_gatehouse();
  // As no API server would let them pass; through a CRD without schema some would.
  for (const char* spec : {"7", "[]", "{routes: {}}", "{routes: [null, 7, {}]}", "{entryPoints: [[[[[[]]]]]]}",
                           "{routes: [{match: [], services: [{name: {}, port: {}}]}], tls: []}",
                           "{routes: [{match: 'HostSNI(`a`)', priority: 1e300, services: [{name: a, port: -1}]}]}"})
    api_.apply("apiVersion: traefik.io/v1alpha1\nkind: IngressRouteTCP\nmetadata: {namespace: bank, name: r}\nspec: " +
               std::string(spec) + "\n");
  expect_others_are_served(*running);
}

}  // namespace
}  // namespace gatehouse::end_to_end
