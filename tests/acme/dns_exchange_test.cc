#include "acme/dns_exchange.h"

#include "tests/doubles/acme/run.h"
#include "tests/doubles/acme/scripted_dns.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using Replies = std::vector<std::string>;

class Exchanging : public testing::Test {
 protected:
  Result<DnsMessage> ask(std::optional<DnsKey> key = {}) { return ask(server_.endpoint(), std::move(key)); }
  Result<DnsMessage> ask(const Endpoint& server, std::optional<DnsKey> key = {}) {
    const DnsRequest request{{*HostName::parse("a.test"), DnsType::txt}, {}};
    return run_to_end(io_, clock_, exchange_.ask(server, request, std::move(key)));
  }
  std::string address() const { return server_.endpoint().text(); }

  asio::io_context io_;
  ManualClock clock_;
  ScriptedDns server_{io_};
  DnsExchange exchange_{clock_};
};

TEST_F(Exchanging, the_answer_comes_back_whatever_its_code) {
  server_.set("a.test", {{DnsType::txt, "value"}});
  const auto found = ask();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->answers.size(), 1u);
  EXPECT_EQ(found->answers[0].text, "value");
  server_.remove("a.test");
  const auto missing = ask();
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code, DnsCode::no_such_name);
}

TEST_F(Exchanging, silence_is_asked_three_times_then_told) {
  server_.script = [](const AskedDns&) { return Replies(); };
  const TimePoint start = clock_.now();
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + address() + ": no answer");
  EXPECT_EQ(clock_.now() - start, std::chrono::seconds(6));
  ASSERT_EQ(server_.asked.size(), 3u);
  EXPECT_NE(server_.asked[0].message.substr(0, 2) + server_.asked[1].message.substr(0, 2),
            server_.asked[1].message.substr(0, 2) + server_.asked[2].message.substr(0, 2))
      << "each try has its own id";
}

TEST_F(Exchanging, the_second_try_may_be_answered) {
  server_.script = [&](const AskedDns& query) {
    return server_.asked.size() < 2 ? Replies() : Replies{server_.from_table(query)};
  };
  EXPECT_TRUE(ask());
  EXPECT_EQ(server_.asked.size(), 2u);
}

TEST_F(Exchanging, what_answers_something_else_is_not_seen) {
  server_.script = [&](const AskedDns& query) {
    std::string other_id = reply_to(query.message, {DnsCode::refused, {}, {}, false});
    other_id[0] = static_cast<char>(other_id[0] ^ 1);
    std::string other_name = reply_to(query.message, {DnsCode::refused, {}, {}, false});
    other_name[13] = 'b';
    return Replies{other_id, other_name, query.message, "", "x", reply_to(query.message, {})};
  };
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->code, DnsCode::no_error);
  EXPECT_EQ(server_.asked.size(), 1u);
}

TEST_F(Exchanging, an_answer_from_elsewhere_is_not_seen) {
  asio::ip::udp::socket stranger(io_, {asio::ip::address_v4::loopback(), 0});
  server_.script = [&](const AskedDns& query) {
    const std::string forged = reply_to(query.message, {DnsCode::refused, {}, {}, false});
    stranger.send_to(asio::buffer(forged), server_.last_client);
    return Replies{reply_to(query.message, {})};
  };
  const auto reply = ask();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code, DnsCode::no_error);
}

TEST_F(Exchanging, a_flood_of_strangers_ends_the_try) {
  server_.script = [](const AskedDns&) { return Replies(100, "flood"); };
  EXPECT_FALSE(ask());
  EXPECT_EQ(server_.asked.size(), 3u);
}

TEST_F(Exchanging, a_truncated_answer_is_asked_for_by_tcp) {
  const std::string long_value(200, 'x');
  server_.set("a.test", {5, {DnsType::txt, long_value}});
  server_.script = [&](const AskedDns& query) {
    return Replies{query.tcp ? server_.from_table(query) : reply_to(query.message, {DnsCode::no_error, {}, {}, true})};
  };
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->answers.size(), 5u);
  EXPECT_TRUE(server_.asked.back().tcp);
}

TEST_F(Exchanging, truncated_by_tcp_too_is_an_error) {
  server_.script = [](const AskedDns& query) { return Replies{reply_to(query.message, {{}, {}, {}, true})}; };
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + address() + ": its answer is cut short by TCP too");
}

TEST_F(Exchanging, tcp_that_never_answers_or_answers_another_ends) {
  server_.script = [](const AskedDns& query) {
    return query.tcp ? Replies() : Replies{reply_to(query.message, {{}, {}, {}, true})};
  };
  EXPECT_FALSE(ask());
  server_.script = [](const AskedDns& query) {
    return query.tcp ? Replies{"something"} : Replies{reply_to(query.message, {{}, {}, {}, true})};
  };
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + address() + ": it answers something else");
}

TEST_F(Exchanging, a_malformed_answer_is_told) {
  server_.script = [](const AskedDns& query) { return Replies{reply_to(query.message, {}) + "more"}; };
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + address() + ": a malformed DNS message: bytes after its end");
}

TEST_F(Exchanging, nobody_listening_is_told_at_once) {
  const Endpoint gone = ScriptedDns(io_).endpoint();
  const TimePoint start = clock_.now();
  const auto reply = ask(gone);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + gone.text() + ": Connection refused");
  EXPECT_EQ(clock_.now(), start);
}

TEST_F(Exchanging, with_a_key_an_unsigned_answer_is_refused) {
  server_.set("a.test", {{DnsType::txt, "value"}});
  const auto reply = ask(*parse_dns_key("k", "", "c2VjcmV0"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().detail, "DNS server " + address() + ": the answer is not signed");
}

}  // namespace
}  // namespace gatehouse::acme
