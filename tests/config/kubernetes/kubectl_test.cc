// The API server double driven by real kubectl: what people's tools find good enough is a fair picture of the real one.
#include "tests/doubles/kubernetes/api_server.h"
#include "tests/doubles/missing.h"
#include "tests/doubles/temporary_directory.h"

#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

namespace gatehouse::kubernetes {
namespace {

constexpr const char* manifest = R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports: [{name: http, port: 80, targetPort: 8080}, {name: admin, port: 8000}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
  - host: shop.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteTCP
metadata: {name: ssh, namespace: shop}
spec: {entryPoints: [ssh], routes: [{match: HostSNI(`*`), services: [{name: shell, port: 22}]}]}
)";

bool installed() { return std::system("command -v kubectl >/dev/null") == 0; }

class Kubectl : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!installed()) GTEST_SKIP() << missing("kubectl");
    directory_.write("config", server.kubeconfig());
  }

  using Pipe = std::unique_ptr<FILE, int (*)(FILE*)>;

  Pipe start(const std::string& arguments) {
    const std::string command = "cd " + directory_.path().string() + " && timeout 30 kubectl --kubeconfig config " +
                                "--cache-dir cache " + arguments + " 2>&1";
    return {::popen(command.c_str(), "r"), ::pclose};
  }

  static std::string rest_of(FILE* pipe) {
    std::string said;
    char buffer[4096];
    while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
    return said;
  }

  // What it says, on both streams.
  std::string run(const std::string& arguments) { return rest_of(start(arguments).get()); }

  void write(std::string_view name, std::string text) { directory_.write(name, text); }
  static bool has(const std::string& said, std::string_view words) { return said.find(words) != std::string::npos; }

  fake::ApiServer server{{.https = true, .tokens = {"secret-token"}}};
  TemporaryDirectory directory_;
};

TEST_F(Kubectl, applies_and_applies_again) {
  write("shop.yaml", manifest);
  const std::string created = run("apply -f shop.yaml");
  EXPECT_TRUE(has(created, "ingressroutetcp.traefik.io/ssh created")) << created;
  std::string changed = manifest;
  changed.replace(changed.find("8080"), 4, "9090");
  write("shop.yaml", changed);
  const std::string again = run("apply -f shop.yaml");
  EXPECT_TRUE(has(again, "service/web configured")) << again;
  EXPECT_TRUE(has(again, "ingress.networking.k8s.io/web unchanged")) << again;
  const auto ports = server.object("services/shop/web").at("spec").at("ports");
  EXPECT_EQ(ports.at(0).at("targetPort"), 9090);
  EXPECT_EQ(ports.get_array().size(), 2u) << "a strategic merge patch changes one port and leaves the other";
}

TEST_F(Kubectl, replaces_the_ports_of_an_endpoint_slice) {
  const auto slice = [](const std::string& port) {
    return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {namespace: shop, name: web-1}\n"
           "addressType: IPv4\nports: [{name: http, port: " +
           port + "}]\nendpoints: []\n";
  };
  server.apply(manifest);
  for (const char* port : {"8080", "9090"}) {
    write("slice.yaml", slice(port));
    run("apply -f slice.yaml");
  }
  const auto ports = server.object("endpointslices/shop/web-1").at("ports");
  ASSERT_EQ(ports.get_array().size(), 1u);
  EXPECT_EQ(ports.at(0).at("port"), 9090);
}

TEST_F(Kubectl, reads_changes_and_deletes) {
  server.apply(manifest);
  EXPECT_EQ(run("get ingress -A -o name"), "ingress.networking.k8s.io/web\n");
  EXPECT_EQ(run("get svc web -n shop -o jsonpath='{.spec.ports[1].port}'"), "8000");
  const std::string patched = run(R"(patch ingress web -n shop --type=merge -p '{"spec":{"ingressClassName":"x"}}')");
  EXPECT_TRUE(has(patched, "patched")) << patched;
  EXPECT_EQ(server.object("ingresses/shop/web").at("spec").at("ingressClassName"), "x");
  EXPECT_TRUE(
      has(run(R"(patch ingress web -n shop --type=json -p '[{"op":"remove","path":"/spec/ingressClassName"}]')"),
          "patched"));
  EXPECT_TRUE(has(run("label service web -n shop tier=front"), "labeled"));
  EXPECT_EQ(run("get service -A -l 'tier in (front, back)' -o name"), "service/web\n");
  const std::string deleted = run("delete ingressroutetcp ssh -n shop");
  EXPECT_TRUE(has(deleted, "deleted")) << deleted;
  EXPECT_TRUE(has(run("get ingressroutetcp ssh -n shop"), "(NotFound)"));
  EXPECT_TRUE(has(run("delete namespace shop"), "deleted"));
  EXPECT_TRUE(server.objects("services").empty());
}

TEST_F(Kubectl, watches) {
  server.apply(manifest);
  const auto pipe = start("wait --for=delete ingress/web -n shop --timeout=25s");
  ASSERT_TRUE(server.await([](const fake::View& now) { return now.watches("ingresses") == 1; }));
  server.remove("ingresses/shop/web");
  const std::string said = rest_of(pipe.get());
  EXPECT_TRUE(has(said, "ingress.networking.k8s.io/web condition met")) << said;
}

TEST_F(Kubectl, is_told_why_not) {
  server.forbid("list", "secrets");
  const std::string said = run("get secrets -A");
  EXPECT_TRUE(has(said, "(Forbidden)")) << said;
  server.set_tokens({"another"});
  EXPECT_TRUE(has(run("get services -A"), "Unauthorized") || has(run("get services -A"), "logged in"));
}

}  // namespace
}  // namespace gatehouse::kubernetes
