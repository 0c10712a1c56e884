// Against a scripted server for what BIND never does, and against a real BIND.
#include "acme/rfc2136_solver.h"

#include "tests/doubles/acme/bind.h"
#include "tests/doubles/acme/run.h"
#include "tests/doubles/acme/scripted_dns.h"
#include "tests/doubles/missing.h"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

Challenge challenge(std::string_view host, const std::string& key_authorization) {
  return {*HostName::parse(host), "token", key_authorization};
}

class Updating : public testing::Test {
 protected:
  void SetUp() override {
    if (!Bind::installed()) GTEST_SKIP() << missing("BIND");
    bind_ = std::make_unique<Bind>();
  }

  DnsChallengeSettings dns() {
    DnsChallengeSettings settings;
    settings.resolvers = {bind_->endpoint()};
    settings.propagation.limit = 10s;
    settings.authoritative_port = bind_->endpoint().port;
    return settings;
  }
  Rfc2136Settings with_key(const std::string& name = "gatehouse", const std::string& algorithm = "hmac-sha256",
                           const std::string& secret = Bind::secret) {
    Rfc2136Settings settings;
    settings.server = DnsServer{bind_->endpoint().address, bind_->endpoint().port};
    settings.key = *parse_dns_key(name, algorithm, secret);
    return settings;
  }
  std::string present(Rfc2136Settings settings, const std::string& host = "www.example.test") {
    Rfc2136Solver solver(clock_, dns(), std::move(settings));
    const auto shown = run_to_end(io_, solver.present(challenge(host, "key")));
    std::string words = shown ? "shown" : shown.error().detail;
    const std::string server = "DNS server " + bind_->endpoint().text();
    if (const auto at = words.find(server); at != std::string::npos) words.replace(at, server.size(), "BIND");
    return words;
  }
  std::set<std::string> values(const std::string& name) {
    DnsExchange exchange(clock_);
    const auto reply = run_to_end(io_, exchange.ask(bind_->endpoint(), {{*HostName::parse(name), DnsType::txt}, {}}));
    std::set<std::string> found;
    for (const auto& record : reply.value().answers) found.insert(record.text);
    return found;
  }
  static std::string value_of(const Challenge& shown) { return dns_answer(shown)->value; }

  asio::io_context io_;
  SystemClock clock_;
  std::unique_ptr<Bind> bind_;
};

TEST_F(Updating, a_value_is_added_seen_and_taken_away) {
  Rfc2136Solver solver(clock_, dns(), with_key());
  const Challenge asked = challenge("www.example.test", "key");
  const auto shown = run_to_end(io_, solver.present(asked));
  ASSERT_TRUE(shown) << shown.error().detail;
  EXPECT_EQ(values("_acme-challenge.www.example.test"), std::set<std::string>{value_of(asked)});
  const auto gone = run_to_end(io_, solver.clean_up(asked));
  ASSERT_TRUE(gone) << gone.error().detail;
  EXPECT_TRUE(values("_acme-challenge.www.example.test").empty());
}

TEST_F(Updating, a_wildcard_and_its_base_live_side_by_side) {
  Rfc2136Solver solver(clock_, dns(), with_key());
  const Challenge base = challenge("example.test", "one"), wildcard = challenge("example.test", "two");
  ASSERT_TRUE(run_to_end(io_, solver.present(base)));
  ASSERT_TRUE(run_to_end(io_, solver.present(wildcard)));
  EXPECT_EQ(values("_acme-challenge.example.test"), (std::set{value_of(base), value_of(wildcard)}));
  ASSERT_TRUE(run_to_end(io_, solver.clean_up(base)));
  EXPECT_EQ(values("_acme-challenge.example.test"), std::set{value_of(wildcard)});
}

TEST_F(Updating, an_alias_is_written_where_it_leads) {
  Rfc2136Solver solver(clock_, dns(), with_key());
  const Challenge asked = challenge("alias.example.test", "key");
  const auto shown = run_to_end(io_, solver.present(asked));
  ASSERT_TRUE(shown) << shown.error().detail;
  EXPECT_EQ(values("_acme-challenge.challenges.example.test"), std::set{value_of(asked)});
  Rfc2136Solver after_restart(clock_, dns(), with_key());
  ASSERT_TRUE(run_to_end(io_, after_restart.clean_up(asked)));
  EXPECT_TRUE(values("_acme-challenge.challenges.example.test").empty());
}

TEST_F(Updating, without_a_server_the_zones_primary_is_asked) {
  Rfc2136Settings settings = with_key("gatehouse-sha512", "hmac-sha512");
  settings.server.reset();
  EXPECT_EQ(present(settings), "shown");
}

TEST_F(Updating, a_server_may_be_named) {
  Rfc2136Settings settings = with_key();
  settings.server = DnsServer{*HostName::parse("ns1.example.test"), bind_->endpoint().port};
  settings.zone = *HostName::parse("example.test");
  EXPECT_EQ(present(settings), "shown");
}

TEST_F(Updating, a_key_that_is_wrong_or_may_not_is_refused_with_words) {
  const std::string adding = "adding the TXT record _acme-challenge.www.example.test in zone example.test: BIND: ";
  EXPECT_EQ(present(with_key("unknown")),
            adding + "the server does not know key unknown (hmac-sha256): is its name or algorithm wrong? (BADKEY)");
  EXPECT_EQ(present(with_key("gatehouse", "hmac-sha256", "d3Jvbmc=")),
            adding + "the server has another secret for key gatehouse (hmac-sha256) (BADSIG)");
  EXPECT_EQ(present(with_key("stranger")), adding + "it refuses (REFUSED)");
  Rfc2136Settings keyless = with_key();
  keyless.key.reset();
  EXPECT_EQ(present(keyless), adding + "it refuses (REFUSED)");
}

TEST_F(Updating, a_clock_that_is_off_by_a_day_is_told) {
  ManualClock wrong(std::chrono::system_clock::now() - 24h);
  DnsExchange exchange(wrong);
  const DnsRequest request{{*HostName::parse("example.test"), DnsType::soa},
                           TxtChange{TxtChange::Action::add, *HostName::parse("x.example.test"), "v", 60s}};
  const auto reply = run_to_end(io_, exchange.ask(bind_->endpoint(), request, with_key().key));
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().detail.find("s behind the server's (BADTIME)"), std::string::npos) << reply.error().detail;
}

TEST_F(Updating, a_name_in_no_zone_of_the_server_is_told) {
  EXPECT_EQ(present(with_key(), "www.elsewhere.test"),
            "asked for CNAME of _acme-challenge.www.elsewhere.test: BIND: it refuses (REFUSED)");
}

TEST_F(Updating, many_values_at_one_name_come_by_tcp) {
  Rfc2136Solver solver(clock_, dns(), with_key());
  std::set<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    const Challenge asked = challenge("example.test", "key" + std::to_string(i));
    const auto shown = run_to_end(io_, solver.present(asked));
    ASSERT_TRUE(shown) << shown.error().detail;
    expected.insert(value_of(asked));
  }
  EXPECT_EQ(values("_acme-challenge.example.test"), expected);
}

TEST(UpdatingScripted, the_next_address_of_the_primary_is_tried) {
  asio::io_context io;
  ManualClock clock;
  ScriptedDns dns(io);
  const std::uint16_t port = dns.endpoint().port;
  ScriptedDns second(io, "127.0.0.3", port);
  dns.set("example.test", {{DnsType::soa, "ns1.test"}});
  dns.set("ns1.test", {{DnsType::a, "127.0.0.2"}, {DnsType::a, "127.0.0.3"}});
  std::string update;
  second.script = [&](const AskedDns& query) {
    update = query.message;
    std::string reply = query.message.substr(0, 2) + "\xa8" + std::string(9, '\0');  // an update's, all sections empty
    return std::vector<std::string>{reply};
  };
  DnsChallengeSettings settings;
  settings.resolvers = {dns.endpoint()};
  settings.propagation.check = DnsPropagationSettings::Check::none;
  settings.authoritative_port = port;
  Rfc2136Solver solver(clock, settings, {});
  const auto shown = run_to_end(io, clock, solver.present(challenge("example.test", "key")));
  ASSERT_TRUE(shown) << shown.error().detail;
  EXPECT_NE(update.find(dns_answer(challenge("example.test", "key"))->value), std::string::npos);
}

TEST(UpdatingScripted, the_configured_server_says_what_its_zone_is) {
  asio::io_context io;
  ManualClock clock;
  ScriptedDns resolver(io), server(io);
  resolver.set("example.test", {{DnsType::soa, "ns1.test"}});
  server.set("inner.example.test", {{DnsType::soa, "ns1.test"}});
  DnsChallengeSettings settings;
  settings.resolvers = {resolver.endpoint()};
  settings.propagation.check = DnsPropagationSettings::Check::none;
  Rfc2136Settings update;
  update.server = DnsServer{server.endpoint().address, server.endpoint().port};
  Rfc2136Solver solver(clock, settings, update);
  EXPECT_FALSE(run_to_end(io, clock, solver.present(challenge("a.inner.example.test", "key"))));
  EXPECT_EQ(server.asked.back().name, "inner.example.test") << "the update's zone";
}

}  // namespace
}  // namespace gatehouse::acme
