#include "acme/dns_propagation.h"

#include "tests/doubles/acme/run.h"
#include "tests/doubles/acme/scripted_dns.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;
using Check = DnsPropagationSettings::Check;

// A resolver, and two servers of zone a.test on the same port of other addresses.
class Propagating : public testing::Test {
 protected:
  Propagating() {
    resolver_.set("a.test", {{DnsType::soa, "ns1.test"}, {DnsType::ns, "ns1.test"}, {DnsType::ns, "ns2.test"}});
    resolver_.set("ns1.test", {{DnsType::a, "127.0.0.2"}});
    resolver_.set("ns2.test", {{DnsType::a, "127.0.0.3"}});
  }

  std::string wait(DnsPropagationSettings settings = {}) {
    DnsPropagation propagation(clock_, finder_, settings);
    const TimePoint start = clock_.now();
    const auto seen = run_to_end(io_, clock_, propagation.wait_for({*HostName::parse(name_), "value"}));
    took_ = clock_.now() - start;
    return seen ? "seen" : seen.error().detail;
  }
  void show(ScriptedDns& server) { server.set(name_, {{DnsType::txt, "other"}, {DnsType::txt, "value"}}); }
  // From its n-th look on.
  void show_at(ScriptedDns& server, std::size_t look) {
    server.script = [this, &server, look](const AskedDns& query) {
      if (server.asked.size() >= look) show(server);
      return std::vector<std::string>{server.from_table(query)};
    };
  }
  void always(ScriptedDns& server, DnsCode code) {
    server.script = [code](const AskedDns& query) {
      return std::vector<std::string>{reply_to(query.message, {code, {}, {}, false})};
    };
  }

  const std::string name_ = "_acme-challenge.a.test";
  asio::io_context io_;
  ManualClock clock_;
  ScriptedDns resolver_{io_};
  std::uint16_t port_ = resolver_.endpoint().port;
  ScriptedDns one_{io_, "127.0.0.2", port_}, two_{io_, "127.0.0.3", port_};
  DnsExchange exchange_{clock_};
  ZoneFinder finder_{exchange_, {resolver_.endpoint()}, port_};
  Duration took_{};
};

TEST_F(Propagating, what_every_server_has_is_seen_at_once) {
  show(one_);
  show(two_);
  EXPECT_EQ(wait(), "seen");
  EXPECT_EQ(took_, 0s);
}

TEST_F(Propagating, a_slow_server_is_waited_for_with_growing_pauses) {
  show(one_);
  show_at(two_, 4);
  EXPECT_EQ(wait(), "seen");
  EXPECT_EQ(took_, 1s + 2s + 4s);
  EXPECT_EQ(one_.asked.size(), 1u) << "who has it is not asked again";
}

TEST_F(Propagating, after_the_limit_the_servers_without_it_are_named) {
  show(one_);
  two_.set(name_, {{DnsType::txt, "other"}});
  const std::string at = " is not everywhere: ns2.test (127.0.0.3:" + std::to_string(port_);
  EXPECT_EQ(wait(), "after 120 s the TXT record " + name_ + at + ": it has other values only)");
  EXPECT_EQ(took_, 120s);
  two_.set(name_, {});
  EXPECT_EQ(wait({.limit = 30s}), "after 30 s the TXT record " + name_ + at + ": it has no such record)");
}

TEST_F(Propagating, dns_that_lies_is_only_a_reason_to_wait) {
  show(one_);
  for (const DnsCode lie : {DnsCode::no_such_name, DnsCode::server_failure, DnsCode::refused}) {
    always(two_, lie);
    EXPECT_NE(wait({.limit = 30s}).find("ns2.test (127.0.0.3:" + std::to_string(port_) + ": " + words_of(lie)),
              std::string::npos);
  }
  two_.script = [](const AskedDns& query) { return std::vector<std::string>{reply_to(query.message, {}) + "x"}; };
  EXPECT_NE(wait({.limit = 30s}).find("malformed"), std::string::npos);
  two_.script = [](const AskedDns&) { return std::vector<std::string>{}; };
  EXPECT_NE(wait({.limit = 30s}).find("no answer"), std::string::npos);
  EXPECT_LE(took_, 34s);
  show_at(two_, 0);
  EXPECT_EQ(wait(), "seen");
}

TEST_F(Propagating, the_value_at_another_name_does_not_count) {
  show(one_);
  two_.script = [](const AskedDns& query) {
    std::string reply = reply_to(query.message, {{}, {{DnsType::txt, "value"}}, {}, false});
    const std::string label = "\x0f_acme-challenge";
    reply[reply.rfind(label) + label.size() + 1] = 'b';  // of the answer, not of the question
    return std::vector<std::string>{reply};
  };
  EXPECT_NE(wait({.limit = 10s}).find("it has other values only"), std::string::npos);
}

TEST_F(Propagating, a_zone_that_cannot_be_found_is_looked_for_again) {
  show(one_);
  show(two_);
  resolver_.script = [this](const AskedDns& query) {
    if (resolver_.asked.size() > 2) return std::vector<std::string>{resolver_.from_table(query)};
    return std::vector<std::string>{reply_to(query.message, {DnsCode::server_failure, {}, {}, false})};
  };
  EXPECT_EQ(wait(), "seen");
  EXPECT_EQ(took_, 1s + 2s);
  always(resolver_, DnsCode::server_failure);
  EXPECT_EQ(wait({.limit = 10s}), "after 10 s the TXT record " + name_ + " is not everywhere: asked for SOA of " +
                                      name_ + ": DNS server " + resolver_.endpoint().text() + ": it fails (SERVFAIL)");
}

TEST_F(Propagating, one_server_may_be_enough) {
  show(two_);
  EXPECT_EQ(wait({.check = Check::one_server}), "seen");
}

TEST_F(Propagating, the_resolvers_may_be_enough) {
  show(resolver_);
  EXPECT_EQ(wait({.check = Check::resolvers}), "seen");
  EXPECT_TRUE(one_.asked.empty() && two_.asked.empty());
}

TEST_F(Propagating, no_resolver_sees_nothing) {
  ZoneFinder without(exchange_, {}, port_);
  DnsPropagation propagation(clock_, without, {.check = Check::resolvers});
  const auto seen = run_to_end(io_, clock_, propagation.wait_for({*HostName::parse(name_), "value"}));
  ASSERT_FALSE(seen);
  EXPECT_TRUE(seen.error().detail.ends_with("there is no resolver"));
}

TEST_F(Propagating, no_check_is_a_delay) {
  EXPECT_EQ(wait({.check = Check::none, .delay = 30s}), "seen");
  EXPECT_EQ(took_, 30s);
  EXPECT_TRUE(resolver_.asked.empty());
}

TEST_F(Propagating, the_first_look_comes_after_the_delay) {
  show(one_);
  show(two_);
  EXPECT_EQ(wait({.delay = 5s}), "seen");
  EXPECT_EQ(took_, 5s);
}

TEST_F(Propagating, a_server_answers_at_the_first_of_its_addresses_that_can_be_reached) {
  resolver_.set("ns1.test", {{DnsType::a, "127.0.0.4"}, {DnsType::a, "127.0.0.2"}});
  show(one_);
  show(two_);
  EXPECT_EQ(wait(), "seen");
}

}  // namespace
}  // namespace gatehouse::acme
