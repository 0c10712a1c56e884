// router.tls.options from one translation to the next; tests/golden/ingress/tls_options.yaml has what it means.
#include "config/kubernetes/manifest.h"
#include "config/problem_reasons.h"
#include "config/translation.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TlsOptionsPtr options(const std::string& name, tls::ClientAuth auth) {
  return make_tls_options(name, {.client_auth = auth}).value();
}

std::string ingress(const std::string& name, const std::string& host, const std::string& asks) {
  const std::string note = asks.empty() ? "" : ", annotations: {gatehouse.dev/router.tls.options: " + asks + "}";
  return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {namespace: shop, name: " + name + note +
         "}\nspec: {ingressClassName: gatehouse, rules: [{host: " + host + ", http: {paths: [{path: /" + name +
         ", pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n---\n";
}

class NamedTlsOptions : public testing::Test {
 protected:
  NamedTlsOptions() {
    EntryPointInput point;
    point.entry_point.name = "websecure";
    point.entry_point.tls.options = options("default", tls::ClientAuth::none);
    input_.entry_points = {std::move(point)};
    input_.tls_options["mtls"] = options("mtls", tls::ClientAuth::require_and_verify);
    input_.tls_options["lax"] = options("lax", tls::ClientAuth::request);
    const std::string web =
        "apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: web}\n"
        "spec: {type: ExternalName, externalName: 10.0.0.1, ports: [{port: 80}]}\n---\n";
    for (const auto& object :
         kubernetes::parse_manifest(web + ingress("strict", "x.test", "mtls@file") + ingress("lax", "x.test", "lax") +
                                        ingress("other", "y.test", "lax") + ingress("none", "z.test", ""),
                                    "")
             .objects)
      objects_.add(object);
  }

  const RouteTable& translate() {
    last_ = translator_.translate({{&objects_, &input_.manifests, nullptr}}, input_, {});
    return *last_.snapshot->entry_points[0]->http;
  }
  std::size_t told(std::string_view reason) const {
    return static_cast<std::size_t>(std::count_if(last_.problems->begin(), last_.problems->end(),
                                                  [&](const Problem& problem) { return problem.reason == reason; }));
  }

  TranslationInput input_;
  kubernetes::ClusterObjects objects_;
  Translator translator_;
  Translation last_;
};

TEST_F(NamedTlsOptions, AreTheHosts) {
  const RouteTable& table = translate();
  EXPECT_EQ(table.tls_options("x.test").options(), input_.tls_options["mtls"].get());
  EXPECT_EQ(table.tls_options("y.test").options(), input_.tls_options["lax"].get());
  EXPECT_EQ(table.tls_options("z.test").options(), nullptr);
  EXPECT_EQ(told(reasons::conflicting_tls_options), 1u);
  const auto before = last_.snapshot->entry_points[0]->http;
  translate();
  EXPECT_EQ(last_.snapshot->entry_points[0]->http, before) << "nothing has changed";
}

TEST_F(NamedTlsOptions, AreMadeAnewWithTheSettings) {
  translate();
  input_.tls_options["mtls"] = options("mtls", tls::ClientAuth::require_any);
  EXPECT_EQ(translate().tls_options("x.test").options(), input_.tls_options["mtls"].get());
}

TEST_F(NamedTlsOptions, ThatGoAwayAreNotServedWithoutUntilTheyComeBack) {
  translate();
  const auto mtls = input_.tls_options.extract("mtls").mapped();
  const RouteTable& without = translate();
  EXPECT_FALSE(without.tls_options("x.test").options()->can_be_met());
  EXPECT_EQ(without.match("x.test", "/strict", true)->service, nullptr);
  EXPECT_TRUE(without.tls_options("y.test").options()->can_be_met());
  EXPECT_EQ(told(reasons::tls_options_not_found), 1u);
  EXPECT_EQ(told(reasons::conflicting_tls_options), 1u) << "who named others learns of it too";
  input_.tls_options["mtls"] = mtls;
  const RouteTable& with = translate();
  EXPECT_EQ(with.tls_options("x.test").options(), mtls.get());
  EXPECT_NE(with.match("x.test", "/strict", true)->service, nullptr);
  EXPECT_EQ(told(reasons::tls_options_not_found), 0u);
}

}  // namespace
}  // namespace gatehouse
