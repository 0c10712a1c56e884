// The indexed table against the precedence rules written down as plainly as possible, over random tables.
#include "proxy/route/precedence.h"
#include "proxy/route/route_table.h"

#include <gtest/gtest.h>

#include <re2/re2.h>
#include <random>

namespace gatehouse {
namespace {

using Routes = std::vector<HttpRoutePtr>;
using Elements = std::vector<std::string>;

Elements elements_of(const std::string& path) {
  Elements elements;
  std::string element;
  for (const char c : path + "/") {
    if (c != '/') {
      element += c;
    } else if (!element.empty()) {
      elements.push_back(element);
      element.clear();
    }
  }
  return elements;
}

bool path_matches(const HttpRoute& route, const std::string& path) {
  if (route.path.empty()) return true;
  if (route.path_kind == PathKind::exact) return route.path == path;
  if (route.path_kind == PathKind::regex) return re2::RE2::PartialMatch(path, route.path);
  const Elements wanted = elements_of(route.path);
  const Elements given = elements_of(path);
  return wanted.size() <= given.size() && std::equal(wanted.begin(), wanted.end(), given.begin());
}

bool host_matches(const std::string& rule, const std::string& host, HostLevel level) {
  if (host_level(rule) != level) return false;
  if (level == HostLevel::any) return true;
  return level == HostLevel::exact ? rule == host : wildcard_covers(rule, host);
}

std::size_t length_of(const HttpRoute& route) {
  const bool trim = route.path_kind == PathKind::prefix && route.path.ends_with('/');
  return route.path.size() - (trim ? 1 : 0);
}

bool path_order(const HttpRoutePtr& a, const HttpRoutePtr& b) {
  const auto kind = [](const HttpRoute& route) { return route.path.empty() ? PathKind::prefix : route.path_kind; };
  const bool a_exact = kind(*a) == PathKind::exact;
  const bool b_exact = kind(*b) == PathKind::exact;
  if (a_exact != b_exact) return a_exact;
  if (length_of(*a) != length_of(*b)) return length_of(*a) > length_of(*b);
  return kind(*a) < kind(*b);
}

bool is_prioritised(const HttpRoute& route) { return route.creates_host && route.priority != 0; }

bool is_special(const HttpRoute& route) { return !route.creates_host || route.priority != 0; }

// Overlays, then explicit priorities, then the rules of paths.
bool matching_order(const HttpRoutePtr& a, const HttpRoutePtr& b) {
  if (a->creates_host != b->creates_host) return !a->creates_host;
  if (a->creates_host && a->priority != b->priority) return a->priority > b->priority;
  return path_order(a, b);
}

bool wins(const HttpRoute& candidate, const HttpRoute* best, bool hidden) {
  if (best && (is_special(candidate) || is_special(*best)))
    return effective_priority(candidate) > effective_priority(*best);
  return !best && (!hidden || is_special(candidate));
}

const HttpRoute* naive_match(const Routes& routes, const std::string& host, const std::string& path, bool over_tls) {
  const HttpRoute* best = nullptr;
  bool host_owned = false;
  for (const HostLevel level : {HostLevel::exact, HostLevel::wildcard, HostLevel::any}) {
    const bool hidden = level == HostLevel::wildcard && host_owned;
    for (const bool prioritised : {false, true}) {
      Routes candidates;
      for (const auto& route : routes) {
        if (!host_matches(route->host, host, level) || (!over_tls && route->tls_only)) continue;
        if (level == HostLevel::exact && route->creates_host) host_owned = true;
        if (is_prioritised(*route) == prioritised && path_matches(*route, path)) candidates.push_back(route);
      }
      std::stable_sort(candidates.begin(), candidates.end(), matching_order);
      if (!candidates.empty() && wins(*candidates.front(), best, hidden)) best = candidates.front().get();
    }
  }
  return best;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  bool one_in(unsigned n) { return engine_() % n == 0; }
  template <class T, std::size_t n>
  const T& of(const T (&choices)[n]) {
    return choices[engine_() % n];
  }
  std::size_t below(std::size_t n) { return engine_() % n; }

  std::string path() {
    static constexpr std::string_view elements[] = {"a", "b", "aa", "ab", "api", "foo.bar", "a%2Fb"};
    std::string made;
    for (auto n = below(5); n > 0; --n) made.append("/").append(of(elements));
    return made.empty() || one_in(4) ? made + "/" : made;
  }

 private:
  std::mt19937 engine_;
};

HttpRoute random_route(Random& random, bool plain) {
  static const std::string hosts[] = {"", "a.example", "b.example", "x.b.example", "*.example", "*.b.example"};
  static const std::string patterns[] = {"/a", "^/(a|b)/", "b$", "/foo\\.bar", "^/api(/.*)?$"};
  HttpRoute route;
  route.host = random.of(hosts);
  route.path_kind = random.one_in(3) ? PathKind::exact : PathKind::prefix;
  route.path = random.one_in(8) ? "" : random.path();
  if (!plain && random.one_in(6)) {
    route.path_kind = PathKind::regex;
    route.path = random.of(patterns);
  }
  route.tls_only = random.one_in(5);
  if (!plain) route.creates_host = !random.one_in(8);
  if (!plain && random.one_in(4)) route.priority = static_cast<std::int64_t>(random.below(80)) - 10;
  return route;
}

void expect_agreement(Random& random, std::size_t routes, std::size_t requests, bool plain) {
  static const std::string hosts[] = {"",          "a.example",   "b.example", "x.b.example",
                                      "c.example", "y.b.example", "z.y.test"};
  Routes given;
  for (auto n = random.below(routes + 1); n > 0; --n)
    given.push_back(std::make_shared<const HttpRoute>(random_route(random, plain)));
  const RouteTable table(given);
  ASSERT_EQ(table.routes().size(), given.size());
  for (; requests > 0; --requests) {
    const std::string host = random.of(hosts);
    const std::string path = random.path();
    const bool over_tls = random.one_in(2);
    ASSERT_EQ(table.match(host, path, over_tls), naive_match(given, host, path, over_tls))
        << host << path << (over_tls ? " over TLS\n" : " plain\n") << table.print();
  }
}

TEST(RouteTableAgreement, with_plain_tables) {
  Random random(7);
  for (int round = 0; round < 400; ++round) expect_agreement(random, 40, 60, true);
}

TEST(RouteTableAgreement, with_priorities_overlays_and_regexes) {
  Random random(8);
  for (int round = 0; round < 400; ++round) expect_agreement(random, 40, 60, false);
}

TEST(RouteTableAgreement, with_many_paths_on_few_hosts) {
  Random random(9);
  expect_agreement(random, 4000, 100, true);
}

TEST(RouteTable, ten_thousand_paths_on_one_host_are_all_found) {
  Routes given;
  for (int i = 0; i < 10'000; ++i) {
    HttpRoute route;
    route.host = "a.example";
    route.path_kind = i % 2 == 0 ? PathKind::prefix : PathKind::exact;
    route.path = "/team-" + std::to_string(i % 100) + "/app-" + std::to_string(i);
    given.push_back(std::make_shared<const HttpRoute>(std::move(route)));
  }
  const RouteTable table(given);
  for (const auto& route : given) {
    EXPECT_EQ(table.match("a.example", route->path, false), route.get());
    EXPECT_EQ(table.match("a.example", route->path + "/x", false),
              route->path_kind == PathKind::prefix ? route.get() : nullptr);
  }
}

}  // namespace
}  // namespace gatehouse
