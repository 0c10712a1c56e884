#include "proxy/upstream/picker.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace gatehouse {
namespace {

void add_endpoints(Service& service, int count) {
  for (int i = 0; i < count; ++i)
    service.endpoints.push_back({asio::ip::make_address("10.0.0." + std::to_string(i + 1)), 80});
}

constexpr auto all_usable = [](const Endpoint&) { return true; };
constexpr auto none_usable = [](const Endpoint&) { return false; };

template <class IsUsable>
std::map<std::string, int> counts(const Service& service, int picks, IsUsable is_usable) {
  std::map<std::string, int> hits;
  for (int i = 0; i < picks; ++i)
    if (const Endpoint* endpoint = pick(service, is_usable, {})) ++hits[endpoint->text()];
  return hits;
}

TEST(Pick, a_hundred_picks_hit_ten_endpoints_evenly) {
  Service service;
  add_endpoints(service, 10);
  const auto hits = counts(service, 100, all_usable);
  EXPECT_EQ(hits.size(), 10u);
  for (const auto& [endpoint, count] : hits) EXPECT_EQ(count, 10) << endpoint;
}

TEST(Pick, spreads_the_turns_of_an_ejected_endpoint) {
  Service service;
  add_endpoints(service, 4);
  const Endpoint ejected = service.endpoints[1];
  const auto hits = counts(service, 120, [&](const Endpoint& endpoint) { return endpoint != ejected; });
  EXPECT_EQ(hits.size(), 3u);
  for (const auto& [endpoint, count] : hits) EXPECT_EQ(count, 40) << endpoint;
}

TEST(Pick, never_refuses_while_an_endpoint_is_untried) {
  Service service;
  add_endpoints(service, 3);
  EXPECT_EQ(counts(service, 30, none_usable).size(), 3u);
  std::vector<Endpoint> tried;
  for (int i = 0; i < 3; ++i) {
    const Endpoint* endpoint = pick(service, none_usable, tried);
    ASSERT_TRUE(endpoint);
    EXPECT_EQ(std::count(tried.begin(), tried.end(), *endpoint), 0);
    tried.push_back(*endpoint);
  }
  EXPECT_EQ(pick(service, all_usable, tried), nullptr);
  EXPECT_EQ(pick(Service(), all_usable, {}), nullptr);
}

TEST(Pick, prefers_usable_ones_among_the_untried) {
  Service service;
  add_endpoints(service, 3);
  const Endpoint tried[] = {service.endpoints[0]};
  const auto usable = [&](const Endpoint& endpoint) { return endpoint != service.endpoints[1]; };
  for (int i = 0; i < 6; ++i) EXPECT_EQ(*pick(service, usable, tried), service.endpoints[2]);
}

TEST(Pick, survives_the_wrap_of_the_counter) {
  Service service;
  add_endpoints(service, 3);
  service.turn = ~std::uint32_t{0};
  EXPECT_EQ(counts(service, 5, all_usable).size(), 3u);
}

std::vector<int> shares(const std::vector<std::uint32_t>& weights, int picks) {
  TcpRoute route;
  for (const auto weight : weights) route.services.push_back({nullptr, weight, ProxyHeaderVersion::none, ""});
  std::vector<int> hits(weights.size());
  for (int i = 0; i < picks; ++i)
    if (const auto* chosen = pick_service(route)) ++hits[static_cast<std::size_t>(chosen - route.services.data())];
  return hits;
}

TEST(PickService, weights_are_exact_over_a_cycle) {
  EXPECT_EQ(shares({1}, 5), (std::vector{5}));
  EXPECT_EQ(shares({50, 50}, 2), (std::vector{1, 1}));
  EXPECT_EQ(shares({5, 1, 1}, 7), (std::vector{5, 1, 1}));
  EXPECT_EQ(shares({3, 0, 7}, 100), (std::vector{30, 0, 70}));
  EXPECT_EQ(shares({997, 3}, 1000), (std::vector{997, 3}));
  EXPECT_EQ(shares({0, 0}, 10), (std::vector{0, 0}));
  EXPECT_EQ(shares({}, 10), std::vector<int>());
}

TEST(PickService, is_smooth) {
  TcpRoute route;
  route.services = {{nullptr, 90, ProxyHeaderVersion::none, ""}, {nullptr, 10, ProxyHeaderVersion::none, ""}};
  int since = 0;
  for (int i = 0; i < 1000; ++i) {
    since = pick_service(route) == &route.services[1] ? 0 : since + 1;
    EXPECT_LE(since, 20);
  }
}

TEST(PickService, takes_the_largest_weights) {
  constexpr std::uint32_t most = ~std::uint32_t{0};
  const auto hits = shares({most, most - 1, 1, most}, 3000);
  for (const int i : {0, 1, 3}) EXPECT_NEAR(hits[static_cast<std::size_t>(i)], 1000, 20);
  EXPECT_LE(hits[2], 1);
}

TEST(Sticky, values_are_short_stable_and_distinct) {
  std::set<std::string> values;
  Service service;
  add_endpoints(service, 200);
  for (const auto& endpoint : service.endpoints) values.insert(sticky_value(endpoint));
  EXPECT_EQ(values.size(), 200u);
  const Endpoint v4{asio::ip::make_address("10.0.0.1"), 80};
  EXPECT_EQ(sticky_value(v4), sticky_value({asio::ip::make_address("::ffff:10.0.0.1"), 80}));
  EXPECT_NE(sticky_value(v4), sticky_value({asio::ip::make_address("10.0.0.1"), 81}));
  EXPECT_EQ(sticky_value(v4).size(), 8u);
  EXPECT_EQ(sticky_value(v4).find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(sticky_value(v4), "fcbebe5f");  // part of the contract: clients keep their cookie over an upgrade
}

TEST(Sticky, the_cookie_leads_back_to_its_endpoint) {
  Service service;
  add_endpoints(service, 5);
  const Endpoint& wanted = service.endpoints[3];
  EXPECT_EQ(sticky_endpoint(service, "_gate=" + sticky_value(wanted)), nullptr);  // not sticky
  service.sticky = StickyCookie{};
  service.sticky->name = "_gate";
  EXPECT_EQ(sticky_endpoint(service, "a=b; _gate=" + sticky_value(wanted) + "; c"), &wanted);
  EXPECT_EQ(sticky_endpoint(service, "_gate=" + sticky_value(wanted)), &wanted);
  EXPECT_EQ(sticky_endpoint(service, "_GATE=" + sticky_value(wanted)), nullptr);
  EXPECT_EQ(sticky_endpoint(service, "_gate=" + sticky_value({asio::ip::make_address("10.9.9.9"), 80})), nullptr);
  for (const std::string_view junk : {"", ";", "=", ";;=;", "_gate", "_gate=", "_gate=;", "x_gate=1", "_gate= \t"})
    EXPECT_EQ(sticky_endpoint(service, junk), nullptr) << junk;
}

TEST(Sticky, set_cookie_writes_what_is_configured) {
  const Endpoint endpoint{asio::ip::make_address("10.0.0.1"), 80};
  StickyCookie cookie;
  cookie.name = "_gate";
  EXPECT_EQ(set_cookie(cookie, endpoint), "_gate=" + sticky_value(endpoint) + "; Path=/");
  cookie = {"s", true, true, "none", "/x", "a.example", 60};
  EXPECT_EQ(set_cookie(cookie, endpoint),
            "s=" + sticky_value(endpoint) + "; Path=/x; Domain=a.example; Max-Age=60; HttpOnly; Secure; SameSite=None");
}

TEST(Sticky, a_cookie_that_could_break_the_header_is_refused) {
  const Endpoint endpoint{asio::ip::make_address("10.0.0.1"), 80};
  StickyCookie good;
  good.name = "a";
  EXPECT_TRUE(check_sticky_cookie(good));
  const auto refused = [&](auto change) {
    StickyCookie bad = good;
    change(bad);
    return !check_sticky_cookie(bad) && set_cookie(bad, endpoint).empty();
  };
  EXPECT_TRUE(refused([](StickyCookie& cookie) { cookie.name = ""; }));
  EXPECT_TRUE(refused([](StickyCookie& cookie) { cookie.name = "a=b"; }));
  EXPECT_TRUE(refused([](StickyCookie& cookie) { cookie.path = "/\r\nX: y"; }));
  EXPECT_TRUE(refused([](StickyCookie& cookie) { cookie.domain = "a; Secure"; }));
  EXPECT_TRUE(refused([](StickyCookie& cookie) { cookie.same_site = "sometimes"; }));
}

}  // namespace
}  // namespace gatehouse
