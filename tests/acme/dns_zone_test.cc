#include "acme/dns_zone.h"

#include "tests/doubles/acme/run.h"
#include "tests/doubles/acme/scripted_dns.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

HostName host(std::string_view text) { return *HostName::parse(text); }

class Finding : public testing::Test {
 protected:
  ZoneFinder finder(std::vector<Endpoint> resolvers) { return ZoneFinder(exchange_, std::move(resolvers), 5300); }

  // What comes of it, or what went wrong.
  std::string alias_of(const std::string& name) {
    const auto found = run_to_end(io_, clock_, finder_.follow_aliases(host(name)));
    return found ? found->text() : found.error().detail;
  }
  std::string zone_of(const std::string& name) {
    const auto found = run_to_end(io_, clock_, finder_.zone_of(host(name)));
    return found ? found->name.text() + " " + found->primary : found.error().detail;
  }
  std::string servers_of(const std::string& zone) {
    const auto found = run_to_end(io_, clock_, finder_.servers_of(host(zone)));
    if (!found) return found.error().detail;
    std::string text;
    for (const auto& server : *found) {
      text += server.name.text() + ":";
      for (const auto& address : server.addresses) text += " " + address.text();
      text += "; ";
    }
    return text;
  }
  std::string address() const { return dns_.endpoint().text(); }

  asio::io_context io_;
  ManualClock clock_;
  ScriptedDns dns_{io_};
  DnsExchange exchange_{clock_};
  ZoneFinder finder_{exchange_, {dns_.endpoint()}, 5300};
};

TEST_F(Finding, a_name_without_alias_is_itself) {
  EXPECT_EQ(alias_of("_acme-challenge.a.test"), "_acme-challenge.a.test");
  dns_.set("b.test", {{DnsType::txt, "x"}});
  EXPECT_EQ(alias_of("b.test"), "b.test");
}

TEST_F(Finding, aliases_are_followed_to_their_end) {
  dns_.set("_acme-challenge.a.test", {{DnsType::cname, "a.hop.example"}});
  dns_.set("a.hop.example", {{DnsType::cname, "a.challenges.example"}});
  EXPECT_EQ(alias_of("_acme-challenge.a.test"), "a.challenges.example");
}

TEST_F(Finding, a_circle_of_aliases_ends) {
  dns_.set("a.test", {{DnsType::cname, "b.test"}});
  dns_.set("b.test", {{DnsType::cname, "a.test"}});
  EXPECT_EQ(alias_of("a.test"), "asked for CNAME of a.test: more than 8 aliases, or a circle");
  EXPECT_EQ(dns_.asked.size(), 9u);
}

TEST_F(Finding, eight_aliases_are_followed) {
  for (int i = 0; i < 8; ++i)
    dns_.set("h" + std::to_string(i) + ".test", {{DnsType::cname, "h" + std::to_string(i + 1) + ".test"}});
  EXPECT_EQ(alias_of("h0.test"), "h8.test");
}

TEST_F(Finding, an_alias_to_no_host_name_is_not_followed) {
  dns_.script = [](const AskedDns& query) {
    std::string reply = reply_to(query.message, {{}, {{DnsType::cname, "x.test"}}, {}, false});
    reply[reply.find(std::string("\1x\4test", 7)) + 1] = ' ';
    return std::vector<std::string>{reply};
  };
  EXPECT_EQ(alias_of("a.test"), "asked for CNAME of a.test: an alias of \"\\032.test\", which is no usable name");
}

TEST_F(Finding, a_zone_is_looked_for_upwards) {
  dns_.set("example.test", {{DnsType::soa, "ns1.example.test"}});
  EXPECT_EQ(zone_of("_acme-challenge.a.b.example.test"), "example.test ns1.example.test");
  EXPECT_EQ(dns_.asked.size(), 4u);
  EXPECT_EQ(zone_of("example.test"), "example.test ns1.example.test");
}

TEST_F(Finding, a_negative_answer_tells_the_zone_too) {
  dns_.script = [](const AskedDns& query) {
    return std::vector<std::string>{reply_to(query.message, {DnsCode::no_such_name, {}, "example.test", false})};
  };
  EXPECT_EQ(zone_of("_acme-challenge.a.b.example.test"), "example.test ns1.example.test");
  EXPECT_EQ(dns_.asked.size(), 1u);
  EXPECT_EQ(zone_of("a.badexample.test"),
            "asked for SOA of a.badexample.test: neither it nor a name above it is a zone");
}

TEST_F(Finding, without_any_zone_the_search_ends_at_the_top) {
  EXPECT_EQ(zone_of("a.test"), "asked for SOA of a.test: neither it nor a name above it is a zone");
  EXPECT_EQ(dns_.asked.size(), 2u);
}

TEST_F(Finding, a_resolver_that_fails_is_named) {
  dns_.script = [](const AskedDns& query) {
    return std::vector<std::string>{reply_to(query.message, {DnsCode::server_failure, {}, {}, false})};
  };
  EXPECT_EQ(zone_of("a.test"), "asked for SOA of a.test: DNS server " + address() + ": it fails (SERVFAIL)");
}

TEST_F(Finding, servers_come_with_their_addresses) {
  dns_.set("example.test", {{DnsType::ns, "ns1.example.test"}, {DnsType::ns, "ns2.example.test"}});
  dns_.set("ns1.example.test", {{DnsType::aaaa, "2001:db8::1"}, {DnsType::a, "192.0.2.1"}});
  dns_.set("ns2.example.test", {{DnsType::a, "192.0.2.2"}});
  EXPECT_EQ(servers_of("example.test"),
            "ns1.example.test: 192.0.2.1:5300 [2001:db8::1]:5300; ns2.example.test: 192.0.2.2:5300; ");
}

TEST_F(Finding, servers_without_address_do_not_count) {
  dns_.set("example.test", {{DnsType::ns, "gone.example.test"}, {DnsType::ns, "ns2.example.test"}});
  dns_.set("ns2.example.test", {{DnsType::a, "192.0.2.2"}});
  EXPECT_EQ(servers_of("example.test"), "ns2.example.test: 192.0.2.2:5300; ");
  dns_.remove("ns2.example.test");
  EXPECT_EQ(servers_of("example.test"), "asked for NS of example.test: no name server with an address");
}

TEST_F(Finding, a_zone_with_a_thousand_servers_costs_little) {
  std::vector<DnsData> servers(80, {DnsType::ns, "ns.test"});
  dns_.set("example.test", servers);
  dns_.set("ns.test", std::vector<DnsData>(20, {DnsType::a, "192.0.2.2"}));
  const auto found = run_to_end(io_, clock_, finder_.servers_of(host("example.test")));
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(found->size(), ZoneFinder::max_servers);
  EXPECT_EQ(found->front().addresses.size(), ZoneFinder::max_addresses);
}

TEST_F(Finding, the_next_resolver_answers_and_is_asked_first_from_then_on) {
  ScriptedDns dead(io_);
  dead.script = [](const AskedDns& query) {
    return std::vector<std::string>{reply_to(query.message, {DnsCode::refused, {}, {}, false})};
  };
  dns_.set("example.test", {{DnsType::soa, "ns1.example.test"}});
  ZoneFinder two = finder({dead.endpoint(), dns_.endpoint()});
  EXPECT_TRUE(run_to_end(io_, clock_, two.zone_of(host("a.example.test"))));
  EXPECT_EQ(dead.asked.size(), 1u);
  ZoneFinder none = finder({});
  EXPECT_EQ(run_to_end(io_, clock_, none.zone_of(host("a.test"))).error().detail,
            "asked for SOA of a.test: there is no resolver");
}

}  // namespace
}  // namespace gatehouse::acme
