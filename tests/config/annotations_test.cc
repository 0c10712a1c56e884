// The table behind tests/golden/ingress/*_annotations.yaml.
#include "config/annotations.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

RouteAnnotations routes(kubernetes::TextMap annotations, std::vector<Problem>& problems) {
  kubernetes::Ingress ingress;
  ingress.meta.name = {"ns", "web"};
  ingress.meta.given = std::make_shared<const kubernetes::Notes>(kubernetes::Notes{"", {}, std::move(annotations)});
  return read_route_annotations(ingress, problems);
}

TEST(RouteAnnotations, DefaultToNothing) {
  std::vector<Problem> problems;
  const auto read = routes({{"example.com/x", "y"}}, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_FALSE(read.entry_points);
  EXPECT_EQ(read.priority, 0);
  EXPECT_FALSE(read.tls_only);
  EXPECT_EQ(read.specific_path, PathKind::prefix);
  EXPECT_TRUE(read.refusal.empty());
}

TEST(RouteAnnotations, ReadEveryValue) {
  std::vector<Problem> problems;
  const std::string t = "traefik.ingress.kubernetes.io/";
  const auto read = routes({{t + "router.entrypoints", " web ,websecure,"},
                            {t + "router.priority", "-7"},
                            {t + "router.tls", "True"},
                            {t + "router.tls.certresolver", "local"},
                            {t + "router.tls.domains.0.main", "a"},
                            {t + "router.tls.domains.0.sans", "b,c"},
                            {t + "router.rulesyntax", "v3"},
                            {t + "router.pathMatcher", "PathRegexp"}},
                           problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(read.entry_points, (std::vector<std::string>{"web", "websecure"}));
  EXPECT_EQ(read.priority, -7);
  EXPECT_TRUE(read.tls_only);
  EXPECT_EQ(read.cert_resolver, "local");
  EXPECT_EQ(read.domains, (std::vector<std::vector<std::string>>{{"a", "b", "c"}}));
  EXPECT_EQ(read.specific_path, PathKind::regex);
}

TEST(RouteAnnotations, NameTlsOptionsWithoutTheirProvider) {
  const auto named = [](const std::string& text) {
    std::vector<Problem> problems;
    const auto read = routes({{"traefik.ingress.kubernetes.io/router.tls.options", text}}, problems);
    EXPECT_TRUE(problems.empty());
    return read.tls_options;
  };
  EXPECT_EQ(named("gitlab-mtls@kubernetescrd"), "gitlab-mtls");
  EXPECT_EQ(named("mtls"), "mtls");
  EXPECT_EQ(named("@file"), "") << "which nobody has";
  EXPECT_EQ(named("a@b@c"), "a");
  for (const char* usual : {"", "default", "default@file"}) EXPECT_EQ(named(usual), std::nullopt) << usual;
}

TEST(RouteAnnotations, AnEmptyMiddlewareListRefusesNothing) {
  std::vector<Problem> problems;
  EXPECT_TRUE(routes({{"traefik.ingress.kubernetes.io/router.middlewares", ""}}, problems).refusal.empty());
  EXPECT_TRUE(problems.empty());
  EXPECT_FALSE(routes({{"traefik.ingress.kubernetes.io/router.middlewares", "x@file"}}, problems).refusal.empty());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, Severity::error);
  EXPECT_EQ(problems[0].object, "Ingress ns/web");
}

TEST(ServiceAnnotations, CookieTextsCannotBreakOut) {
  std::vector<Problem> problems;
  kubernetes::Service service;
  service.meta.name = {"ns", "web"};
  const std::string p = "gatehouse.dev/service.sticky.cookie";
  kubernetes::TextMap annotations = {
      {p, "true"}, {p + ".name", "a b"}, {p + ".domain", "x\r\nSet-Cookie: y"}, {p + ".path", "/ok"}};
  service.meta.given = std::make_shared<const kubernetes::Notes>(kubernetes::Notes{"", {}, std::move(annotations)});
  const auto read = read_service_annotations(service, problems);
  ASSERT_TRUE(read.sticky);
  EXPECT_EQ(read.sticky->name, "");
  EXPECT_EQ(read.sticky->domain, "");
  EXPECT_EQ(read.sticky->path, "/ok");
  EXPECT_EQ(problems.size(), 2u);
}

TEST(KnownAnnotations, AreSpelledInLowerCase) {
  for (const auto name : known_annotations())
    for (const char c : name) EXPECT_FALSE(c >= 'A' && c <= 'Z') << name;
}

}  // namespace
}  // namespace gatehouse
