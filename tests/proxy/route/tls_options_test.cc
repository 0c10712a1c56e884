#include "proxy/route/tls_options.h"

#include "proxy/route/route_table.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using tls::ClientAuth;

TlsOptionsPtr options(std::string name, ClientAuth auth, tls::Version least = tls::Version::tls12,
                      bool sni_strict = false, std::vector<std::string> curves = {}) {
  return make_tls_options(std::move(name), {.min_version = least, .curves = std::move(curves), .client_auth = auth},
                          sni_strict)
      .value();
}

HttpRoutePtr route(const std::string& host, const std::string& path, TlsOptionsPtr asks = nullptr,
                   const std::string& owner = "a", bool overlay = false) {
  auto made = std::make_shared<HttpRoute>();
  made->name = host + path;
  made->host = host;
  made->path = path;
  made->tls_options = std::move(asks);
  made->owner = owner;
  made->creates_host = !overlay;
  return made;
}

std::string name_of(const RouteTable& table, const std::string& host) {
  const HostTlsOptions found = table.tls_options(host);
  return found.named_by == nullptr ? "usual" : found.options()->name;
}

const auto strict = options("strict", ClientAuth::require_and_verify), lax = options("lax", ClientAuth::request);

TEST(TlsOptions, AreRankedByKindOfCertificateAndThenByVersion) {
  const std::vector<TlsOptionsPtr> ranked = {options("0", ClientAuth::none),
                                             options("1", ClientAuth::none, tls::Version::tls13),
                                             options("2", ClientAuth::request),
                                             options("3", ClientAuth::verify_if_given),
                                             options("4", ClientAuth::require_any),
                                             options("5", ClientAuth::require_and_verify),
                                             tls_options_nobody_meets()};
  for (std::size_t i = 0; i < ranked.size(); ++i)
    for (std::size_t j = 0; j < ranked.size(); ++j) EXPECT_EQ(ranked[i]->is_stricter_than(*ranked[j]), i > j) << i << j;
}

TEST(TlsOptions, WillDoForOthersThatAskForNoMore) {
  const auto base = options("base", ClientAuth::none);
  EXPECT_TRUE(strict->is_as_strict_as(*base));
  EXPECT_TRUE(base->is_as_strict_as(*options("another", ClientAuth::none)));
  EXPECT_FALSE(base->is_as_strict_as(*lax));
  EXPECT_FALSE(strict->is_as_strict_as(*options("modern", ClientAuth::none, tls::Version::tls13)));
  EXPECT_FALSE(strict->is_as_strict_as(*options("named", ClientAuth::none, tls::Version::tls12, true)));
  EXPECT_FALSE(strict->is_as_strict_as(*options("curves", ClientAuth::none, tls::Version::tls12, false, {"P-384"})));
  for (const auto& any : {strict, tls_options_nobody_meets()}) {
    EXPECT_FALSE(any->is_as_strict_as(*tls_options_nobody_meets()));
    EXPECT_FALSE(tls_options_nobody_meets()->is_as_strict_as(*any));
  }
  EXPECT_TRUE(tls_options_nobody_meets()->requires_certificate());
}

TEST(TlsOptions, OfAHostAreTheStrictestThatItsOwnerNames) {
  const auto equal = options("equal", ClientAuth::require_and_verify);
  const RouteTable table({route("x.test", "/", lax), route("x.test", "/a", strict), route("x.test", "/b", equal),
                          route("x.test", "/c"), route("y.test", "/", nullptr, "b"), route("y.test", "/a", strict),
                          route("z.test", "/.well-known", strict, "b", true), route("z.test", "/", lax)});
  EXPECT_EQ(name_of(table, "x.test"), "strict") << "of equals the first";
  EXPECT_EQ(table.tls_options("x.test").owner, "a");
  EXPECT_EQ(name_of(table, "y.test"), "usual") << "it is another's host";
  EXPECT_EQ(name_of(table, "z.test"), "lax") << "an overlay is nobody's";
  for (const char* other : {"", "test", "w.test", "a.x.test"}) EXPECT_EQ(name_of(table, other), "usual") << other;
}

TEST(TlsOptions, OfAWildcardHoldUnderItForItsOwner) {
  const RouteTable table({route("*.test", "/", strict), route("x.test", "/"), route("y.test", "/", lax),
                          route("z.test", "/", nullptr, "b"), route("o.test", "/.well-known", nullptr, "b", true)});
  for (const char* name : {"any.test", "x.test", "o.test"}) EXPECT_EQ(name_of(table, name), "strict") << name;
  EXPECT_EQ(name_of(table, "y.test"), "lax");
  for (const char* name : {"z.test", "test", "a.b.test"}) EXPECT_EQ(name_of(table, name), "usual") << name;
}

TEST(TlsOptions, ComeAndGoWithTheirRoutes) {
  const auto before = std::make_shared<const RouteTable>(std::vector{route("x.test", "/"), route("y.test", "/")});
  const auto with = RouteTable::changed(before, {"x.test"}, {route("x.test", "/", strict)});
  EXPECT_EQ(name_of(*with, "x.test"), "strict");
  EXPECT_EQ(name_of(*before, "x.test"), "usual");
  const auto wildcard = RouteTable::changed(with, {"x.test", "*.test"}, {route("*.test", "/", lax)});
  for (const char* name : {"x.test", "y.test"}) EXPECT_EQ(name_of(*wildcard, name), "lax") << name;
  const auto without = RouteTable::changed(wildcard, {"*.test"}, {});
  EXPECT_EQ(name_of(*without, "x.test"), "usual");
}

TEST(TlsOptions, DuplicatesThatNameSomeAreNeverMatched) {
  for (const std::size_t others : {0u, 10u}) {
    std::vector<HttpRoutePtr> routes = {route("x.test", "/p"), route("x.test", "/p", strict)};
    for (std::size_t i = 0; i < others; ++i) routes.push_back(route("x.test", "/o" + std::to_string(i)));
    const RouteTable table(routes);
    EXPECT_EQ(table.match("x.test", "/p", true), routes[0].get());
    EXPECT_EQ(name_of(table, "x.test"), "strict");
  }
}

}  // namespace
}  // namespace gatehouse
