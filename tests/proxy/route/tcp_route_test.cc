#include "proxy/route/tcp_route.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

struct Connection {
  std::string sni;
  std::string client = "192.0.2.1";
  std::vector<std::string> alpn = {};

  TcpConnectionFacts facts() const { return {sni, alpn, asio::ip::make_address(client)}; }
};

bool matches(std::string_view rule, const Connection& connection, bool v2 = false) {
  const auto parsed = TcpRule::parse(rule, v2);
  EXPECT_TRUE(parsed) << parsed.error().detail;
  return parsed && parsed->matches(connection.facts());
}

std::string refusal(std::string_view rule, bool v2 = false) {
  const auto parsed = TcpRule::parse(rule, v2);
  return parsed ? "accepted" : parsed.error().detail;
}

TEST(TcpRule, host_sni) {
  EXPECT_TRUE(matches("HostSNI(`*`)", {""}));
  EXPECT_TRUE(matches("HostSNI(`*`)", {"a.example"}));
  EXPECT_TRUE(matches("HostSNI(`A.Example.`)", {"a.example"}));
  EXPECT_FALSE(matches("HostSNI(`a.example`)", {"b.example"}));
  EXPECT_FALSE(matches("HostSNI(`a.example`)", {""}));
  EXPECT_TRUE(matches("HostSNI(`*.example`)", {"a.example"}));
  EXPECT_FALSE(matches("HostSNI(`*.example`)", {"a.b.example"}));
  EXPECT_FALSE(matches("HostSNI(`*.example`)", {"example"}));
  EXPECT_TRUE(refusal("HostSNI(`a.*.example`)").starts_with("column 1: HostSNI: "));
  EXPECT_TRUE(refusal("ClientIP(`::1`) && HostSNI(`a b`)").starts_with("column 20: HostSNI: "));
}

TEST(TcpRule, host_sni_regexp_is_unanchored) {
  EXPECT_TRUE(matches("HostSNIRegexp(`^.+\\.example$`)", {"a.b.example"}));
  EXPECT_TRUE(matches("HostSNIRegexp(`B\\.ex`)", {"a.b.example"}));
  EXPECT_FALSE(matches("HostSNIRegexp(`^b`)", {"a.b.example"}));
  EXPECT_TRUE(refusal("HostSNIRegexp(`(`)").starts_with("column 1: HostSNIRegexp: the regular expression is refused"));
}

TEST(TcpRule, client_ip_and_alpn) {
  EXPECT_TRUE(matches("ClientIP(`192.0.2.0/24`)", {""}));
  EXPECT_TRUE(matches("ClientIP(`192.0.2.1`)", {"", "::ffff:192.0.2.1"}));
  EXPECT_FALSE(matches("ClientIP(`192.0.2.2`)", {""}));
  EXPECT_TRUE(matches("ClientIP(`2001:db8::/32`)", {"", "2001:db8::7"}));
  EXPECT_TRUE(refusal("ClientIP(`ten`)").starts_with("column 1: ClientIP: "));
  EXPECT_TRUE(matches("ALPN(`h2`)", {"", "192.0.2.1", {"http/1.1", "h2"}}));
  EXPECT_FALSE(matches("ALPN(`h2`)", {"", "192.0.2.1", {"http/1.1"}}));
  EXPECT_TRUE(refusal("!ALPN(`acme-tls/1`)").starts_with("column 2: ALPN: acme-tls/1"));
}

TEST(TcpRule, operators) {
  const std::string_view rule = "(HostSNI(`a.example`) || HostSNI(`b.example`)) && !ClientIP(`10.0.0.0/8`)";
  EXPECT_TRUE(matches(rule, {"b.example"}));
  EXPECT_FALSE(matches(rule, {"b.example", "10.1.2.3"}));
  EXPECT_FALSE(matches(rule, {"c.example"}));
  EXPECT_FALSE(TcpRule().matches(Connection{"a.example"}.facts()));
}

TEST(TcpRule, v2_syntax_takes_lists_and_templates) {
  EXPECT_TRUE(refusal("HostSNI(`a.example`, `b.example`)").starts_with("column 1: HostSNI takes 1 argument"));
  EXPECT_TRUE(matches("HostSNI(`a.example`, `b.example`)", {"b.example"}, true));
  EXPECT_TRUE(matches("HostSNIRegexp(`{sub:[a-z]{2}}.example`)", {"ab.example"}, true));
  EXPECT_FALSE(matches("HostSNIRegexp(`{sub:[a-z]{2}}.example`)", {"abc.example"}, true));
  EXPECT_FALSE(matches("HostSNIRegexp(`{sub:[a-z]{2}}.example`)", {"abxexample"}, true));
  EXPECT_TRUE(matches("HostSNIRegexp(`{sub}.example`)", {"abc.example"}, true));
  EXPECT_FALSE(matches("HostSNIRegexp(`{sub}.example`)", {"a.b.example"}, true));
  EXPECT_EQ(refusal("HostSNIRegexp(`{sub`)", true), "column 1: HostSNIRegexp: '{' without '}'");
}

TEST(TcpRule, tells_what_the_translator_asks) {
  const auto rule = [](std::string_view text) { return *TcpRule::parse(text); };
  EXPECT_EQ(rule("HostSNI(`*`)").default_priority(), -1);
  EXPECT_EQ(rule("( hostsni(`*`) )").default_priority(), -1);
  EXPECT_EQ(rule("HostSNI(`a.b`)").default_priority(), 14);
  EXPECT_EQ(rule("HostSNI(`*`) && ClientIP(`::1`)").default_priority(), 31);
  EXPECT_FALSE(rule("HostSNI(`*`) && ClientIP(`::1`)").needs_sni());
  EXPECT_TRUE(rule("HostSNI(`*`) && ClientIP(`::1`)").is_catch_all());
  EXPECT_TRUE(rule("HostSNI(`*`) || HostSNI(`a.b`)").needs_sni());
  EXPECT_TRUE(rule("ClientIP(`::1`) && !HostSNIRegexp(`a`)").needs_sni());
  std::vector<std::string> hosts;
  for (const auto& host : rule("HostSNI(`*.b`) || HostSNI(`A.b`) || HostSNI(`a.b`) || !HostSNI(`c.b`)").hosts())
    hosts.push_back(host.text());
  EXPECT_EQ(hosts, (std::vector<std::string>{"*.b", "a.b"}));
  EXPECT_EQ(rule("!(ALPN(`x`) && !HostSNI(`a.b`))").hosts().size(), 1u);
  EXPECT_EQ(rule("HostSNI(`*`)").text(), "HostSNI(`*`)");
}

TcpRoutePtr route(std::string name, std::string_view rule, TcpTls tls, std::int64_t priority = 0) {
  auto made = std::make_shared<TcpRoute>();
  made->name = std::move(name);
  made->rule = *TcpRule::parse(rule);
  made->tls = tls;
  made->priority = priority != 0 ? priority : made->rule.default_priority();
  return made;
}

std::string name_of(const TcpRoute* found) { return found ? found->name : "none"; }

TEST(TcpRouteTable, separates_plain_from_tls_and_specific_from_catch_all) {
  const TcpRouteTable table({
      route("ssh", "HostSNI(`*`)", TcpTls::none),
      route("ssh office", "HostSNI(`*`) && ClientIP(`10.0.0.0/8`)", TcpTls::none),
      route("tls any", "HostSNI(`*`)", TcpTls::terminate),
      route("wild", "HostSNI(`*.example`)", TcpTls::terminate),
      route("pages", "HostSNI(`pages.example`)", TcpTls::passthrough),
  });
  EXPECT_TRUE(table.has_plain());
  EXPECT_TRUE(table.has_tls());
  EXPECT_EQ(name_of(table.match_plain(Connection{""}.facts())), "ssh");
  EXPECT_EQ(name_of(table.match_plain(Connection{"", "10.1.1.1"}.facts())), "ssh office");
  EXPECT_EQ(name_of(table.match_tls(Connection{"pages.example"}.facts(), true)), "pages");
  EXPECT_EQ(name_of(table.match_tls(Connection{"x.example"}.facts(), true)), "wild");
  EXPECT_EQ(name_of(table.match_tls(Connection{"x.test"}.facts(), true)), "none");
  EXPECT_EQ(name_of(table.match_tls(Connection{"x.test"}.facts(), false)), "tls any");
  EXPECT_EQ(name_of(table.match_tls(Connection{"pages.example"}.facts(), false)), "tls any");
}

TEST(TcpRouteTable, higher_priority_first_then_the_order_given) {
  const TcpRouteTable table({
      route("first", "HostSNI(`*`)", TcpTls::none, 5),
      route("second", "HostSNI(`*`)", TcpTls::none, 5),
  });
  EXPECT_EQ(name_of(table.match_plain(Connection{}.facts())), "first");
  const TcpRouteTable raised({
      route("first", "HostSNI(`*`)", TcpTls::none, 5),
      route("second", "HostSNI(`*`)", TcpTls::none, 6),
  });
  EXPECT_EQ(name_of(raised.match_plain(Connection{}.facts())), "second");
  EXPECT_FALSE(raised.has_tls());
  EXPECT_TRUE(TcpRouteTable().empty());
  EXPECT_EQ(TcpRouteTable().match_plain(Connection{}.facts()), nullptr);
}

TEST(TcpRouteTable, prints_one_line_a_service) {
  auto service = std::make_shared<Service>();
  service->name = "gitlab/shell:22";
  service->endpoints = {{asio::ip::make_address("10.0.0.1"), 2222}};
  auto shell = std::make_shared<TcpRoute>();
  shell->name = "IngressRouteTCP gitlab/shell route 0";
  shell->rule = *TcpRule::parse("HostSNI(`*`)");
  shell->priority = -1;
  shell->services = {{service, 3, ProxyHeaderVersion::v2, ""},
                     {nullptr, 1, ProxyHeaderVersion::none, "no such Service"}};
  EXPECT_EQ(TcpRouteTable({route("empty", "HostSNI(`a.b`)", TcpTls::passthrough), shell}).print(),
            "HostSNI(`a.b`)  14  passthrough  → closed: no service                                  empty\n"
            "HostSNI(`*`)    -1  plain        → gitlab/shell:22 [10.0.0.1:2222]  weight 3 proxy-v2  "
            "IngressRouteTCP gitlab/shell route 0\n"
            "                                 → closed: no such Service          weight 1\n");
}

}  // namespace
}  // namespace gatehouse
