#include "proxy/route/route_table.h"

#include "proxy/route/precedence.h"
#include "proxy/route/regex.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

std::shared_ptr<const Service> service(std::string name, std::vector<Endpoint> endpoints = {}) {
  auto made = std::make_shared<Service>();
  made->name = std::move(name);
  made->endpoints = std::move(endpoints);
  return made;
}

// A route whose name is what the tests ask for.
HttpRoute route(std::string name, std::string host, PathKind kind, std::string path) {
  HttpRoute made;
  made.name = name;
  made.host = std::move(host);
  made.path_kind = kind;
  made.path = std::move(path);
  made.service = service(std::move(name), {{asio::ip::make_address("10.0.0.1"), 80}});
  return made;
}

HttpRoute with_priority(HttpRoute made, std::int64_t priority) {
  made.priority = priority;
  return made;
}

HttpRoute tls_only(HttpRoute made) {
  made.tls_only = true;
  return made;
}

HttpRoute overlay(HttpRoute made) {
  made.creates_host = false;
  return made;
}

std::vector<HttpRoutePtr> shared(std::vector<HttpRoute> routes) {
  std::vector<HttpRoutePtr> all;
  for (auto& one : routes) all.push_back(std::make_shared<const HttpRoute>(std::move(one)));
  return all;
}

std::string answer(const RouteTable& table, std::string_view host, std::string_view path, bool over_tls = true) {
  const HttpRoute* const found = table.match(host, path, over_tls);
  return found ? found->name : "404";
}

using enum PathKind;

// kubernetes-sigs/ingress-controller-conformance, features/path_rules.feature: all 16 scenarios.
TEST(Conformance, path_rules) {
  const RouteTable table(shared({
      route("foo-exact", "exact-path-rules", exact, "/foo"),
      route("foo-prefix", "prefix-path-rules", prefix, "/foo"),
      route("aaa-slash-bbb-prefix", "multiple-prefix-path-rules", prefix, "/aaa/bbb"),
      route("aaa-prefix", "multiple-prefix-path-rules", prefix, "/aaa"),
      route("foo-prefix", "multiple-prefix-path-rules", prefix, "/foo"),
      route("foo-prefix", "mixed-path-rules", prefix, "/foo"),
      route("foo-exact", "mixed-path-rules", exact, "/foo"),
      route("aaa-slash-bbb-slash-prefix", "trailing-slash-path-rules", prefix, "/aaa/bbb/"),
      route("foo-slash-exact", "trailing-slash-path-rules", exact, "/foo/"),
  }));
  struct Scenario {
    std::string_view host, path, expected;
  };
  const Scenario scenarios[] = {
      {"exact-path-rules", "/foo", "foo-exact"},
      {"exact-path-rules", "/foo/", "404"},
      {"exact-path-rules", "/FOO", "404"},
      {"exact-path-rules", "/bar", "404"},
      {"prefix-path-rules", "/foo", "foo-prefix"},
      {"prefix-path-rules", "/foo/", "foo-prefix"},
      {"prefix-path-rules", "/FOO", "404"},
      {"multiple-prefix-path-rules", "/aaa/bbb", "aaa-slash-bbb-prefix"},
      {"multiple-prefix-path-rules", "/aaa/bbb/ccc", "aaa-slash-bbb-prefix"},
      {"multiple-prefix-path-rules", "/aaa/ccc", "aaa-prefix"},
      {"multiple-prefix-path-rules", "/aaaccc", "404"},
      {"multiple-prefix-path-rules", "/foo/", "foo-prefix"},
      {"mixed-path-rules", "/foo", "foo-exact"},
      {"trailing-slash-path-rules", "/aaa/bbb", "aaa-slash-bbb-slash-prefix"},
      {"trailing-slash-path-rules", "/aaa/bbb/", "aaa-slash-bbb-slash-prefix"},
      {"trailing-slash-path-rules", "/foo", "404"},
  };
  for (const auto& [host, path, expected] : scenarios) EXPECT_EQ(answer(table, host, path), expected) << host << path;
}

// features/host_rules.feature.
TEST(Conformance, host_rules) {
  const RouteTable table(shared({
      route("wildcard-foo-com", "*.foo.com", prefix, "/"),
      route("foo-bar-com", "foo.bar.com", prefix, "/"),
  }));
  EXPECT_EQ(answer(table, "foo.bar.com", "/", true), "foo-bar-com");
  EXPECT_EQ(answer(table, "foo.bar.com", "/", false), "foo-bar-com");
  EXPECT_EQ(answer(table, "subdomain.bar.com", "/"), "404");
  EXPECT_EQ(answer(table, "bar.foo.com", "/"), "wildcard-foo-com");
  EXPECT_EQ(answer(table, "baz.bar.foo.com", "/"), "404");
  EXPECT_EQ(answer(table, "foo.com", "/"), "404");
}

// features/default_backend.feature: an Ingress with nothing but a default backend.
TEST(Conformance, default_backend) {
  const RouteTable table(shared({route("echo", "", prefix, "")}));
  for (const std::string_view path : {"/", "/sub", "/sub/path", "*"}) {
    EXPECT_EQ(answer(table, "any.example", path), "echo");
    EXPECT_EQ(answer(table, "", path), "echo");
  }
}

TEST(RouteTable, a_host_hides_the_wildcard_but_not_any_host_routes) {
  const RouteTable table(shared({
      route("default", "", prefix, ""),
      route("anywhere", "", prefix, "/health"),
      route("wild", "*.a.example", prefix, "/"),
      route("own", "x.a.example", prefix, "/own"),
  }));
  EXPECT_EQ(answer(table, "x.a.example", "/own"), "own");
  EXPECT_EQ(answer(table, "x.a.example", "/other"), "default");
  EXPECT_EQ(answer(table, "x.a.example", "/health"), "anywhere");
  EXPECT_EQ(answer(table, "y.a.example", "/other"), "wild");
  EXPECT_EQ(answer(table, "[::1]", "/other"), "default");
}

TEST(RouteTable, an_overlay_wins_on_its_path_and_leaves_the_rest) {
  const RouteTable table(shared({
      with_priority(route("wild", "*.a.example", prefix, "/"), 100'000),
      overlay(route("solver", "x.a.example", exact, "/.well-known/acme-challenge/token")),
      overlay(route("own solver", "y.a.example", prefix, "/.well-known/acme-challenge/token")),
      route("longer", "y.a.example", regex, "/.well-known/acme-challenge/[a-z]+/and/more/and/more|/"),
  }));
  EXPECT_EQ(answer(table, "x.a.example", "/.well-known/acme-challenge/token"), "solver");
  EXPECT_EQ(answer(table, "x.a.example", "/"), "wild");
  EXPECT_EQ(answer(table, "y.a.example", "/.well-known/acme-challenge/token"), "own solver");
  EXPECT_TRUE(table.has_specific_tls_host("x.a.example"));
  EXPECT_FALSE(RouteTable(shared({overlay(route("s", "x.example", exact, "/t"))})).has_specific_tls_host("x.example"));
}

TEST(RouteTable, tls_only_routes_do_not_exist_on_plain_http) {
  const RouteTable table(shared({
      tls_only(route("secure", "a.example", prefix, "/")),
      tls_only(route("secure-x", "b.example", prefix, "/x")),
      route("plain-x", "b.example", prefix, "/x"),
      route("fallback", "", prefix, "/"),
  }));
  EXPECT_EQ(answer(table, "a.example", "/", true), "secure");
  EXPECT_EQ(answer(table, "a.example", "/", false), "fallback");
  EXPECT_EQ(answer(table, "b.example", "/x", true), "secure-x");
  EXPECT_EQ(answer(table, "b.example", "/x", false), "plain-x");
  EXPECT_TRUE(table.has_specific_tls_host("a.example"));
  EXPECT_FALSE(table.has_specific_tls_host("c.example"));
}

TEST(RouteTable, a_regex_competes_by_its_length) {
  const RouteTable table(shared({
      route("kas", "kas.example", prefix, "/"),
      route("grpc", "kas.example", regex, "/gitlab\\.agent\\.(.+)"),
      route("long prefix", "kas.example", prefix, "/gitlab.agent.rpc.Something"),
      route("exact", "kas.example", exact, "/gitlab.agent.x"),
  }));
  EXPECT_EQ(answer(table, "kas.example", "/gitlab.agent.rpc.V1/Get"), "grpc");
  EXPECT_EQ(answer(table, "kas.example", "/gitlab.agent.rpc.Something"), "long prefix");
  EXPECT_EQ(answer(table, "kas.example", "/gitlab.agent.x"), "exact");
  EXPECT_EQ(answer(table, "kas.example", "/gitlab-agent"), "kas");
}

TEST(RouteTable, the_first_given_wins_between_equals) {
  const RouteTable table(shared({
      route("first", "a.example", prefix, "/x/"),
      route("second", "a.example", prefix, "/x"),
  }));
  EXPECT_EQ(answer(table, "a.example", "/x/y"), "first");
}

TEST(RouteTable, explicit_priorities_compare_as_in_traefik) {
  // Default priorities: Host(`x.a.example`) && PathPrefix(`/api`) is 41.
  EXPECT_EQ(default_priority(route("", "x.a.example", prefix, "/api")), 41);
  const auto answers = [](std::int64_t wildcard_priority) {
    const RouteTable table(shared({
        route("own", "x.a.example", prefix, "/api"),
        with_priority(route("wild", "*.a.example", prefix, "/"), wildcard_priority),
    }));
    return answer(table, "x.a.example", "/api") + " " + answer(table, "x.a.example", "/other");
  };
  EXPECT_EQ(answers(1), "own wild");
  EXPECT_EQ(answers(41), "own wild");
  EXPECT_EQ(answers(42), "wild wild");
  const RouteTable table(shared({
      route("long", "a.example", prefix, "/api/v4"),
      with_priority(route("low", "a.example", prefix, "/api/v4/projects"), 1),
      with_priority(route("high", "a.example", prefix, "/api"), 50),
  }));
  EXPECT_EQ(answer(table, "a.example", "/api/v4/projects"), "high");
  const RouteTable lowered(shared({
      route("long", "a.example", prefix, "/api/v4"),
      with_priority(route("low", "a.example", prefix, "/api/v4/projects"), 1),
  }));
  EXPECT_EQ(answer(lowered, "a.example", "/api/v4/projects"), "long");
}

TEST(RouteTable, a_priority_is_compared_with_the_route_that_matches) {
  const RouteTable table(shared({
      route("short exact", "a.example", exact, "/x"),              // 31
      route("long prefix", "a.example", prefix, "/long/long/long"),  // 50
      with_priority(route("catch-all", "a.example", prefix, "/"), 40),
  }));
  EXPECT_EQ(answer(table, "a.example", "/x"), "catch-all");
  EXPECT_EQ(answer(table, "a.example", "/long/long/long"), "long prefix");
}

TEST(DefaultPriority, is_the_length_of_the_rule_traefik_would_write) {
  const auto length = [](std::string_view rule) { return static_cast<std::int64_t>(rule.size()); };
  EXPECT_EQ(default_priority(route("", "a.b", prefix, "/p")), length("Host(`a.b`) && PathPrefix(`/p`)"));
  EXPECT_EQ(default_priority(route("", "a.b", exact, "/p")), length("Host(`a.b`) && Path(`/p`)"));
  EXPECT_EQ(default_priority(route("", "", regex, "/p")), length("PathRegexp(`/p`)"));
  EXPECT_EQ(default_priority(route("", "a.b", prefix, "")), length("Host(`a.b`)"));
  EXPECT_EQ(default_priority(route("", "*.b.example", prefix, "")),
            length("HostRegexp(`^[a-zA-Z0-9-]+\\.b\\.example$`)"));
  EXPECT_EQ(default_priority(route("", "", prefix, "")), std::numeric_limits<std::int32_t>::min());
}

TEST(RouteTable, matches_a_normalised_copy_of_the_path) {
  const RouteTable table(shared({
      route("admin", "a.example", prefix, "/admin"),
      route("tilde", "a.example", exact, "/%7Euser"),
      route("all", "a.example", prefix, "/"),
      route("never", "a.example", prefix, "/x/../../y"),
  }));
  EXPECT_EQ(answer(table, "a.example", "/x/..//%61dmin/"), "admin");
  EXPECT_EQ(answer(table, "a.example", "/x%2Fadmin"), "all");
  EXPECT_EQ(answer(table, "a.example", "/~user"), "tilde");
  EXPECT_EQ(answer(table, "a.example", "/../admin"), "404");
  EXPECT_EQ(answer(table, "a.example", "/%00"), "404");
}

TEST(RouteTable, prints_one_aligned_line_a_route_in_matching_order) {
  HttpRoute missing = route("Ingress b/y rule 0 path 0", "a.example", exact, "/x\n");
  missing.service = nullptr;
  missing.missing = "Service b/y does not exist";
  HttpRoute no_endpoint = route("Ingress b/z default backend", "", prefix, "");
  no_endpoint.service = service("b/z:80");
  HttpRoute web = tls_only(route("Ingress b/web rule 0 path 0", "a.example", prefix, "/"));
  web.service = service("b/web:80", {{asio::ip::make_address("10.0.0.1"), 8080}, {asio::ip::make_address("::1"), 80}});
  EXPECT_EQ(RouteTable(shared({no_endpoint, web, missing})).print(),
            "a.example  exact   /x\\x0a       → 503 Service b/y does not exist      Ingress b/y rule 0 path 0\n"
            "a.example  prefix  /       tls  → b/web:80 [10.0.0.1:8080, [::1]:80]  Ingress b/web rule 0 path 0\n"
            "*          prefix  /            → 503 b/z:80 has no ready endpoint    Ingress b/z default backend\n");
  EXPECT_EQ(RouteTable(
                shared({with_priority(route("p", "a.example", prefix, "/"), 7), route("q", "a.example", prefix, "/q")}))
                .print(),
            "a.example  prefix  /q  (37)  → q [10.0.0.1:80]  q\n"
            "a.example  prefix  /   7     → p [10.0.0.1:80]  p\n");
  EXPECT_EQ(RouteTable({}).print(), "");
}

TEST(RouteTable, explains_every_candidate) {
  const RouteTable table(shared({
      route("wild", "*.example", prefix, "/"),
      route("api", "a.example", prefix, "/api"),
      tls_only(route("secure", "a.example", prefix, "/secure")),
      route("root", "a.example", prefix, "/"),
      route("other", "b.example", prefix, "/"),
      route("only", "c.example", prefix, "/only"),
  }));
  using Lines = std::vector<std::string>;
  EXPECT_EQ(table.explain("a.example", "/secure/x", false),
            (Lines{"a.example prefix /secure → secure [10.0.0.1:80]: only over TLS",
                   "a.example prefix /api → api [10.0.0.1:80]: path differs",
                   "a.example prefix / → root [10.0.0.1:80]: chosen",
                   "*.example prefix / → wild [10.0.0.1:80]: matches, but another comes first"}));
  EXPECT_EQ(table.explain("c.example", "/", false),
            (Lines{"c.example prefix /only → only [10.0.0.1:80]: path differs",
                   "*.example prefix / → wild [10.0.0.1:80]: hidden by routes of the exact host"}));
  EXPECT_EQ(table.explain("z.test", "/", true), Lines{"no route names this host"});
  EXPECT_EQ(table.explain("a.example", "/..", true).size(), 1u);
}

TEST(RouteTable, an_empty_table_matches_nothing) {
  const RouteTable table({});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.match("a.example", "/", true), nullptr);
  EXPECT_EQ(table.match("", "", false), nullptr);
  EXPECT_FALSE(table.has_specific_tls_host(""));
}

std::shared_ptr<const RouteTable> table_of(const std::vector<HttpRoutePtr>& routes) {
  return std::make_shared<const RouteTable>(routes);
}

TEST(RouteTable, changed_has_other_routes_for_some_hosts) {
  const auto before = table_of(shared({route("a", "a.example", prefix, "/"), route("wild", "*.example", prefix, "/"),
                                       route("b", "b.example", prefix, "/"), route("any", "", prefix, "/")}));
  const auto after =
      RouteTable::changed(before, {"a.example", "*.example", "new.example", ""},
                          shared({route("a2", "a.example", prefix, "/"), route("n", "new.example", prefix, "/")}));
  EXPECT_EQ(answer(*after, "a.example", "/"), "a2");
  EXPECT_EQ(answer(*after, "b.example", "/"), "b");
  EXPECT_EQ(answer(*after, "new.example", "/"), "n");
  EXPECT_EQ(answer(*after, "c.example", "/"), "404");
  EXPECT_EQ(after->routes().size(), 3u);
  EXPECT_EQ(answer(*before, "a.example", "/"), "a");
  EXPECT_EQ(answer(*before, "c.example", "/"), "wild");
  EXPECT_EQ(answer(*before, "c.test", "/"), "any");
}

TEST(RouteTable, changed_without_a_change_is_the_same_table) {
  const auto routes = shared({route("a", "a.example", prefix, "/"), route("b", "b.example", prefix, "/")});
  const auto before = table_of(routes);
  EXPECT_EQ(RouteTable::changed(before, {"a.example", "none.example"}, {routes[0]}), before);
  EXPECT_NE(RouteTable::changed(before, {"a.example"}, {}), before);
  EXPECT_TRUE(before->same_routes(*table_of(routes)));
  EXPECT_FALSE(before->same_routes(*table_of({routes[0]})));
}

// The last route with a priority of its own takes along that such routes are looked for.
TEST(RouteTable, changed_minds_priorities_that_come_and_go) {
  const auto plain =
      table_of(shared({route("exact", "a.example", prefix, "/x"), route("wild", "*.example", prefix, "/")}));
  const auto high = with_priority(route("high", "*.example", prefix, "/"), 1000);
  const auto with = RouteTable::changed(plain, {"*.example"}, shared({high}));
  EXPECT_EQ(answer(*with, "a.example", "/x"), "high");
  const auto without = RouteTable::changed(with, {"*.example"}, shared({route("wild", "*.example", prefix, "/")}));
  EXPECT_EQ(answer(*without, "a.example", "/x"), "exact");
}

TEST(PathRegex, is_refused_with_a_reason) {
  EXPECT_TRUE(check_path_regex("/gitlab\\.agent\\.(.+)"));
  EXPECT_FALSE(check_path_regex("/(unclosed"));
  EXPECT_FALSE(check_path_regex("(?=lookahead)"));
  EXPECT_FALSE(check_path_regex(std::string(Regex::longest_pattern + 1, 'a')));
  EXPECT_FALSE(check_path_regex("((a{1000}){1000}){1000}"));
  EXPECT_FALSE(check_path_regex("[\xff"));
  HttpRoute bad = route("bad", "a.example", regex, "(");
  EXPECT_EQ(answer(RouteTable(shared({bad})), "a.example", "/("), "404");
}

}  // namespace
}  // namespace gatehouse
