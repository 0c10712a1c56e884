#include "config/kubernetes/manifest.h"

#include "config/kubernetes/object_reader.h"

#include <gtest/gtest.h>

namespace gatehouse::kubernetes {
namespace {

const char* const ingress = R"(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: gitlab
  creationTimestamp: "2024-01-01T00:00:00Z"
  labels: {app: webservice, acme.cert-manager.io/http01-solver: "true"}
  annotations: {example.com/foreign: "x", traefik.ingress.kubernetes.io/router.tls: "true"}
spec:
  ingressClassName: gatehouse
  defaultBackend: {service: {name: rest, port: {name: http}}}
  rules:
    - host: a.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service: {name: web, port: {number: 8080}}
    - http: null
  tls:
    - hosts: [a.example.com]
      secretName: web-tls
)";

template <class T>
std::shared_ptr<const T> only(const ParsedManifest& parsed) {
  if (parsed.objects.size() != 1) return nullptr;
  const auto* object = std::get_if<std::shared_ptr<const T>>(&parsed.objects[0]);
  return object ? *object : nullptr;
}

std::string problem_lines(const ParsedManifest& parsed) {
  std::string text;
  for (const auto& problem : parsed.problems) text += problem.text() + "\n";
  return text;
}

TEST(Manifest, ReadsAnIngress) {
  const auto parsed = parse_manifest(ingress, "web.yaml");
  EXPECT_EQ(problem_lines(parsed), "");
  const auto read = only<Ingress>(parsed);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->meta.name, (ObjectName{"gitlab", "web"}));
  EXPECT_EQ(read->meta.notes().created, "2024-01-01T00:00:00Z");
  EXPECT_EQ(read->meta.notes().labels.size(), 1u);
  EXPECT_EQ(read->meta.notes().annotations.size(), 1u);
  EXPECT_EQ(read->meta.origin.file_name(), "web.yaml");
  EXPECT_EQ(read->meta.origin.line.number, 1);
  EXPECT_EQ(read->class_name, "gatehouse");
  ASSERT_TRUE(read->default_backend);
  EXPECT_EQ(read->default_backend->port, (PortRef{0, "http"}));
  ASSERT_EQ(read->rules.size(), 2u);
  EXPECT_TRUE(read->rules[0].has_http);
  EXPECT_FALSE(read->rules[1].has_http);
  ASSERT_EQ(read->rules[0].paths.size(), 1u);
  EXPECT_EQ(read->rules[0].paths[0].type, PathType::prefix);
  EXPECT_EQ(read->rules[0].paths[0].line.number, 16);
  EXPECT_EQ(read->rules[0].paths[0].backend.port, (PortRef{8080, ""}));
  EXPECT_EQ(read->tls.at(0).hosts, std::vector<std::string>{"a.example.com"});
}

TEST(Manifest, ReadsServicesAndSlices) {
  const auto parsed = parse_manifest(R"(
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: ClusterIP
  clusterIP: 10.1.0.1
  ports:
    - {name: http, port: 80, targetPort: web}
    - {name: dns, port: 53, protocol: UDP}
    - {name: https, port: 443, targetPort: 8443, appProtocol: https}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080}, {port: null}]
endpoints:
  - addresses: ["2001:db8::1", "2001:db8::2"]
    conditions: {ready: false, serving: true, terminating: true}
    targetRef: {kind: Pod, name: web-a}
  - addresses: ["2001:db8::3"]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: names, labels: {kubernetes.io/service-name: web}}
addressType: FQDN
endpoints: [{addresses: [a.example.com]}]
)",
                                     "a.yaml");
  EXPECT_EQ(problem_lines(parsed), "");
  ASSERT_EQ(parsed.objects.size(), 3u);
  const auto& service = *std::get<std::shared_ptr<const Service>>(parsed.objects[0]);
  EXPECT_EQ(service.meta.name, (ObjectName{"default", "web"}));
  ASSERT_EQ(service.ports.size(), 2u);
  EXPECT_EQ(service.ports[0].target, (PortRef{0, "web"}));
  EXPECT_EQ(service.ports[1].target, (PortRef{8443, ""}));
  const auto& slice = *std::get<std::shared_ptr<const EndpointSlice>>(parsed.objects[1]);
  EXPECT_EQ(slice.service, "web");
  ASSERT_EQ(slice.endpoints.size(), 2u);
  EXPECT_EQ(slice.endpoints[0].address.to_string(), "2001:db8::1");
  EXPECT_FALSE(slice.endpoints[0].ready);
  EXPECT_TRUE(slice.endpoints[0].terminating);
  EXPECT_EQ(slice.endpoints[0].target, "web-a");
  EXPECT_TRUE(slice.endpoints[1].ready && slice.endpoints[1].serving && !slice.endpoints[1].terminating);
  EXPECT_EQ(slice.ports[1], (SlicePort{"", 0}));
  EXPECT_TRUE(std::get<std::shared_ptr<const EndpointSlice>>(parsed.objects[2])->endpoints.empty());
}

TEST(Manifest, ReadsBothGroupsOfTcpRoutes) {
  const auto parsed = parse_manifest(R"(
apiVersion: traefik.containo.us/v1alpha1
kind: IngressRouteTCP
metadata: {name: ssh, namespace: gitlab}
spec:
  entryPoints: [ssh]
  routes:
    - match: HostSNI(`*`)
      services: [{name: shell, port: 22, proxyProtocol: {}}, {name: other, namespace: x, port: ssh, weight: 0, proxyProtocol: {version: 1}, terminationDelay: 100}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: ssh, namespace: gitlab}
spec:
  ingressClassName: gatehouse
  routes: [{match: x, priority: -5, syntax: v2, middlewares: [{name: allow}]}]
  tls: {secretName: s, certResolver: r, domains: [{main: a, sans: [b, c]}], options: {name: strict, namespace: gitlab}, store: {name: s}}
)",
                                     "a.yaml");
  EXPECT_EQ(problem_lines(parsed), "");
  ASSERT_EQ(parsed.objects.size(), 2u);
  const auto& old = *std::get<std::shared_ptr<const IngressRouteTcp>>(parsed.objects[0]);
  EXPECT_TRUE(old.old_group);
  EXPECT_EQ(old.routes.at(0).services.at(0).proxy_protocol, 2);
  EXPECT_EQ(old.routes[0].services[0].weight, 1u);
  EXPECT_EQ(old.routes[0].services[1].proxy_protocol, 1);
  EXPECT_EQ(old.routes[0].services[1].port, (PortRef{0, "ssh"}));
  EXPECT_EQ(old.routes[0].services[1].ignored, "terminationDelay");
  EXPECT_FALSE(old.tls);
  const auto& route = *std::get<std::shared_ptr<const IngressRouteTcp>>(parsed.objects[1]);
  EXPECT_EQ(route.routes.at(0).priority, -5);
  EXPECT_TRUE(route.routes[0].v2_syntax);
  EXPECT_EQ(route.routes[0].middlewares, std::vector<std::string>{"allow"});
  ASSERT_TRUE(route.tls);
  EXPECT_EQ(route.tls->domains, (std::vector<std::vector<std::string>>{{"a", "b", "c"}}));
  EXPECT_EQ(route.tls->options, "gitlab-strict");
  EXPECT_EQ(route.tls->ignored, "store");
  EXPECT_NE(key_of(parsed.objects[0]), key_of(parsed.objects[1]));
}

TEST(Manifest, RefusesTlsOptionsOfATcpRouteThatHaveNoName) {
  const std::string start =
      "apiVersion: traefik.io/v1alpha1\nkind: IngressRouteTCP\nmetadata: {name: ssh}\n"
      "spec: {routes: [{match: x}], tls: {options: ";
  for (const char* given : {"{namespace: gitlab}", "{name: '', namespace: gitlab}"}) {
    const auto parsed = parse_manifest(start + given + "}}\n", "a.yaml");
    EXPECT_TRUE(parsed.objects.empty()) << "it would be served under others";
    EXPECT_NE(
        problem_lines(parsed).find("error: IngressRouteTCP default/ssh: spec.tls.options: has a namespace, but not "
                                   "the name of TLS options"),
        std::string::npos)
        << problem_lines(parsed);
  }
  EXPECT_EQ(problem_lines(parse_manifest(start + "{}}}\n", "a.yaml")), "") << "as if it had none";
}

TEST(Manifest, ReadsSecretsDecodedAndPlain) {
  const auto parsed = parse_manifest(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {tls.crt: aGVs\n    bG8=, tls.key: eA==, other: '!!'}\n"
      "stringData: {tls.key: plain}\n",
      "a.yaml");
  EXPECT_EQ(problem_lines(parsed),
            "a.yaml:4:17: error: Secret default/s: data.tls.crt: not base64\n");  // a space in it
  const auto good = parse_manifest(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
      "data: {tls.crt: aGVsbG8=, tls.key: eA==}\nstringData: {tls.key: plain}\n",
      "a.yaml");
  const auto secret = only<Secret>(good);
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->certificate, "hello");
  EXPECT_EQ(secret->key, "plain");
}

TEST(Manifest, TakesListsAndSkipsWhatOthersRead) {
  const auto parsed = parse_manifest(R"(
kind: List
apiVersion: v1
items:
  - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
  - {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: none}, {port: "80"}]}}
---
kind: ServiceList
apiVersion: v1
items: [{metadata: {name: d}}]
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: m, namespace: x}
---
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: old}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: k}
)",
                                     "a.yaml");
  ASSERT_EQ(parsed.objects.size(), 2u);
  EXPECT_EQ(key_of(parsed.objects[0]).text(), "Service default/a");
  EXPECT_EQ(key_of(parsed.objects[1]).text(), "Service default/d");
  EXPECT_EQ(problem_lines(parsed),
            "a.yaml:7:80: error: Service default/b: items[2].spec.ports[0].port: expected a number from 1 to 65535, "
            "found 'none'\n"
            "a.yaml:7:94: error: Service default/b: items[2].spec.ports[1].port: expected a number from 1 to 65535, "
            "found '80'\n"
            "a.yaml:13:1: warning: Middleware x/m: kind 'Middleware' of 'traefik.io/v1alpha1' is not read\n"
            "a.yaml:17:1: warning: Ingress default/old: apiVersion 'extensions/v1beta1' is not read; use "
            "networking.k8s.io/v1\n"
            "a.yaml:21:1: warning: Service default/k: kind 'Service' of 'serving.knative.dev/v1' is not read\n");
  ASSERT_EQ(parsed.refused.size(), 1u);
  EXPECT_EQ(parsed.refused[0].text(), "Service default/b");
  EXPECT_FALSE(parsed.damaged);
}

TEST(Manifest, ABrokenDocumentCostsOnlyItself) {
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n";
  const auto parsed =
      parse_manifest("%YAML 1.2\n---\n" + service + "--- # words\na: [1\n---\nnot an object\n...\n---\n--- {}\n---\n" +
                         service + "---\nkind: Secret\napiVersion: v1\n",
                     "a.yaml");
  EXPECT_EQ(parsed.objects.size(), 2u);
  EXPECT_TRUE(parsed.damaged);
  EXPECT_EQ(problem_lines(parsed),
            "a.yaml:8:1: error: not YAML: end of sequence flow not found\n"
            "a.yaml:9:1: error: not a Kubernetes object: it has no kind\n"
            "a.yaml:12:5: error: not a Kubernetes object: it has no kind\n"
            "a.yaml:18:1: error: Secret without a name: it has no name\n");
}

TEST(Manifest, NamesFileLineObjectAndFieldOfAWrongType) {
  const auto parsed = parse_manifest(R"(apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bad, namespace: gitlab}
spec:
  rules:
    host: a.example.com
  tls: [{hosts: a, secretName: "a b"}]
  defaultBackend: {service: {name: web, port: {number: "80", name: http}}, resource: {kind: K, name: n}}
)",
                                     "a.yaml");
  EXPECT_TRUE(parsed.objects.empty());
  EXPECT_EQ(problem_lines(parsed),
            R"(a.yaml:8:19: error: Ingress gitlab/bad: spec.defaultBackend: service and resource exclude each other
a.yaml:8:56: error: Ingress gitlab/bad: spec.defaultBackend.service.port.number: expected a number from 1 to 65535, found '80'
a.yaml:8:47: error: Ingress gitlab/bad: spec.defaultBackend.service.port: number and name exclude each other
a.yaml:6:5: error: Ingress gitlab/bad: spec.rules: expected a list, found a map
a.yaml:7:17: error: Ingress gitlab/bad: spec.tls[0].hosts: expected a list, found 'a'
a.yaml:7:32: error: Ingress gitlab/bad: spec.tls[0].secretName: 'a b' is not a name
)");
  ASSERT_EQ(parsed.refused.size(), 1u);
  EXPECT_EQ(parsed.refused[0].text(), "Ingress gitlab/bad");
}

TEST(Manifest, RefusesAbsurdTextAndBoundsItsWords) {
  const std::string long_text(64 * 1024, 'a');
  const auto parsed = parse_manifest(
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\nspec: {rules: [{host: " + long_text +
          "}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: " + long_text + "}\n---\nkind: " + long_text +
          "\n",
      "a.yaml");
  EXPECT_TRUE(parsed.objects.empty());
  ASSERT_EQ(parsed.problems.size(), 3u);
  for (const auto& problem : parsed.problems) EXPECT_LT(problem.text().size(), 400u);
}

TEST(Manifest, RefusesASliceOfMoreThanAThousandEndpoints) {
  std::string text = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x}\nendpoints:\n";
  for (int i = 0; i < 1001; ++i) text += "  - {addresses: [10.0.0.1]}\n";
  const auto parsed = parse_manifest(text, "a.yaml");
  EXPECT_TRUE(parsed.objects.empty());
  EXPECT_EQ(problem_lines(parsed), "a.yaml:5:3: error: EndpointSlice default/x: endpoints: more than 1000 endpoints\n");
}

TEST(Manifest, KeepsAtMostAThousandProblems) {
  std::string text = "kind: List\nitems:\n";
  for (int i = 0; i < 5000; ++i) text += "  - {kind: Unknown}\n";
  EXPECT_EQ(parse_manifest(text, "a.yaml").problems.size(), most_problems);
}

TEST(Manifest, EqualityIsAboutWhatIsSaid) {
  const auto one = only<Ingress>(parse_manifest(ingress, "a.yaml"));
  const auto moved = only<Ingress>(parse_manifest(std::string("\n# words\n---\n") + ingress, "b.yaml"));
  std::string text = ingress;
  text.replace(text.find("8080"), 4, "8081");
  const auto changed = only<Ingress>(parse_manifest(text, "a.yaml"));
  ASSERT_TRUE(one && moved && changed);
  EXPECT_NE(one->meta.origin.line.number, moved->meta.origin.line.number);
  EXPECT_TRUE(equal(one, moved));
  EXPECT_FALSE(equal(one, changed));
  EXPECT_FALSE(equal(Object(one), Object(std::make_shared<const Service>())));
}

TEST(ClusterObjects, KeepsServicesWithTheirSlices) {
  ClusterObjects objects;
  const auto slice = [](const char* name, const char* service, int port) {
    auto made = std::make_shared<EndpointSlice>();
    made->meta.name = {"ns", name};
    made->service = service;
    made->ports = {{"", static_cast<std::uint16_t>(port)}};
    return std::shared_ptr<const EndpointSlice>(made);
  };
  auto service = std::make_shared<Service>();
  service->meta.name = {"ns", "web"};
  EXPECT_TRUE(objects.put(slice("one", "web", 80)));
  EXPECT_FALSE(objects.put(slice("one", "web", 80)));
  EXPECT_TRUE(objects.put(slice("one", "web", 81)));
  EXPECT_TRUE(objects.put(slice("two", "web", 80)));
  EXPECT_TRUE(objects.put(std::shared_ptr<const Service>(service)));
  EXPECT_FALSE(objects.add(std::shared_ptr<const Service>(service)));
  ASSERT_NE(objects.service({"ns", "web"}), nullptr);
  EXPECT_EQ(objects.service({"ns", "web"})->slices.size(), 2u);
  EXPECT_TRUE(objects.put(slice("two", "other", 80)));
  EXPECT_EQ(objects.service({"ns", "web"})->slices.size(), 1u);
  EXPECT_TRUE(objects.erase({Kind::service, {"ns", "web"}}));
  EXPECT_FALSE(objects.erase({Kind::service, {"ns", "web"}}));
  EXPECT_EQ(objects.service({"ns", "web"})->service, nullptr);
  EXPECT_TRUE(objects.erase({Kind::slice, {"ns", "one"}}));
  EXPECT_EQ(objects.service({"ns", "web"}), nullptr);
}

TEST(Base64, IsStrict) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(decode_base64("aGVs\nbG8="), "hello");
  EXPECT_EQ(decode_base64("/+8="), "\xff\xef");
  for (const char* wrong :
       {"a", "aGVsbG8", "aGVsbG8==", "aGVs bG8=", "=aGVsbG8", "aGV=sbG8", "aGVsbG8*", "a===", "===="})
    EXPECT_EQ(decode_base64(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace gatehouse::kubernetes
