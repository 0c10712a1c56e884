#include "acme/dns_message.h"

#include "tests/doubles/acme/scripted_dns.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using namespace std::string_literals;

HostName host(std::string_view text) { return *HostName::parse(text); }

const DnsRequest txt_query{{host("_acme-challenge.a.test"), DnsType::txt}};

// A head with these counts (RFC 1035 §4.1.1), id 7 and the flags of an answer.
std::string head(std::uint16_t questions, std::uint16_t answers, std::uint16_t authority = 0,
                 std::uint16_t additional = 0) {
  std::string bytes = "\0\x07\x84\0"s;
  for (const auto count : {questions, answers, authority, additional}) put_u16(bytes, count);
  return bytes;
}

std::string record(const std::string& name, std::uint16_t type, const std::string& data, std::uint16_t in = 1) {
  std::string bytes = name;
  put_u16(bytes, type);
  put_u16(bytes, in);
  put_u32(bytes, 60);
  put_u16(bytes, static_cast<std::uint16_t>(data.size()));
  return bytes + data;
}

const std::string a_test = "\1a\4test\0"s;
const std::string pointer_to_head_end = "\xc0\x0c"s;

TEST(DnsMessage, a_query_is_as_on_the_wire) {
  EXPECT_EQ(encode(txt_query, 0x1234),
            "\x12\x34\x01\0\0\1\0\0\0\0\0\0"
            "\x0f_acme-challenge\1a\4test\0\0\x10\0\1"s);
}

TEST(DnsMessage, an_update_adds_one_value_or_takes_one_away) {
  DnsRequest update{{host("a.test"), DnsType::soa},
                    TxtChange{TxtChange::Action::add, host("x.a.test"), "value", std::chrono::seconds(60)}};
  const std::string zone = "\1a\4test\0\0\6\0\1"s;
  EXPECT_EQ(encode(update, 1), "\0\1\x28\0\0\1\0\0\0\1\0\0"s + zone + "\1x\1a\4test\0\0\x10\0\1\0\0\0\x3c\0\6\5value"s);
  update.change->action = TxtChange::Action::remove;
  EXPECT_EQ(encode(update, 1), "\0\1\x28\0\0\1\0\0\0\1\0\0"s + zone + "\1x\1a\4test\0\0\x10\0\xfe\0\0\0\0\0\6\5value"s);
}

TEST(DnsMessage, reads_every_type_it_knows) {
  const auto message = decode(head(1, 5, 1, 1) + a_test + "\0\x10\0\1"s +                             //
                              record(pointer_to_head_end, 1, "\x7f\0\0\1"s) +                          //
                              record(pointer_to_head_end, 28, std::string(15, '\0') + "\1") +          //
                              record(pointer_to_head_end, 5, "\3WWW\xc0\x0e"s) +                       //
                              record(pointer_to_head_end, 16, "\3abc\0\2de"s) +                        //
                              record(pointer_to_head_end, 99, "anything") +                            //
                              record("\xc0\x0e"s, 6, "\2ns\xc0\x0c\0"s + std::string(20, '\1')) +      //
                              record("\0"s, 41, "", 4096));
  ASSERT_TRUE(message) << message.error().detail;
  ASSERT_EQ(message->answers.size(), 4u);
  EXPECT_EQ(message->answers[0].address.to_string(), "127.0.0.1");
  EXPECT_EQ(message->answers[1].address.to_string(), "::1");
  EXPECT_EQ(message->answers[2].text, "www.test");
  EXPECT_EQ(message->answers[3].text, "abcde");
  EXPECT_EQ(message->answers[3].name, "a.test");
  ASSERT_EQ(message->authority.size(), 1u);
  EXPECT_EQ(message->authority[0].text, "ns.a.test");
  EXPECT_EQ(message->authority[0].name, "test");
  EXPECT_TRUE(message->additional.empty());
  EXPECT_EQ(message->find(host("a.test"), DnsType::txt), &message->answers[3]);
  EXPECT_EQ(message->find(host("b.test"), DnsType::txt), nullptr);
}

TEST(DnsMessage, odd_bytes_of_a_name_are_told_so_that_it_is_no_host_name) {
  const auto message = decode(head(0, 2) + record(a_test, 5, "\4a.b \1c\0"s) + record(a_test, 2, "\0"s));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->answers[0].text, "a\\046b\\032.c");
  EXPECT_FALSE(HostName::parse(message->answers[0].text));
  EXPECT_EQ(message->answers[1].text, ".");
}

TEST(DnsMessage, a_part_of_a_message_is_none) {
  const std::string whole = head(1, 2) + a_test + "\0\x10\0\1"s + record(pointer_to_head_end, 16, "\3abc") +
                            record(pointer_to_head_end, 6, "\2ns\xc0\x0c\0"s + std::string(20, '\1'));
  ASSERT_TRUE(decode(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode(whole + "x"));
}

TEST(DnsMessage, hostile_names_end) {
  const auto with_name = [](const std::string& name) { return decode(head(0, 1) + record(name, 16, "\0"s)); };
  EXPECT_FALSE(with_name("\xc0\x0c"s)) << "a pointer to itself";
  EXPECT_FALSE(with_name("\1a\xc0\x0c"s)) << "a circle";
  EXPECT_FALSE(with_name("\xc0\x40"s)) << "a pointer forward";
  EXPECT_FALSE(with_name("\xff\xff"s)) << "a pointer out of the message";
  EXPECT_FALSE(with_name("\x80" + std::string(130, 'a'))) << "a reserved kind of label";
  EXPECT_FALSE(with_name("\x40" + std::string(64, 'a') + "\0"s)) << "a label of 64 bytes";
  std::string longest;
  for (int i = 0; i < 3; ++i) longest += "\x3f" + std::string(63, 'a');
  EXPECT_TRUE(with_name(longest + "\x3d" + std::string(61, 'a') + "\0"s)) << "255 bytes";
  EXPECT_FALSE(with_name(longest + "\x3e" + std::string(62, 'a') + "\0"s)) << "256 bytes";
}

TEST(DnsMessage, data_has_the_size_it_says) {
  const auto one = [](std::uint16_t type, const std::string& data) {
    return static_cast<bool>(decode(head(0, 1) + record(a_test, type, data)));
  };
  EXPECT_FALSE(one(1, "abc"));
  EXPECT_FALSE(one(1, "abcde"));
  EXPECT_FALSE(one(28, "abcd"));
  EXPECT_FALSE(one(16, "\4abc"));
  EXPECT_FALSE(one(5, a_test + "x"));
  EXPECT_FALSE(one(6, "\0\0"s + std::string(19, '\1')));
  EXPECT_TRUE(one(6, "\0\0"s + std::string(20, '\1')));
}

TEST(DnsMessage, records_are_counted_before_they_are_read) {
  std::string many;
  for (std::size_t i = 0; i < DnsMessage::max_records; ++i) many += record("\0"s, 16, "\0"s);
  EXPECT_TRUE(decode(head(0, DnsMessage::max_records) + many));
  EXPECT_FALSE(decode(head(0, DnsMessage::max_records, 1) + many + record("\0"s, 16, "\0"s)));
  EXPECT_FALSE(decode(head(0, 65535)));
}

TEST(DnsMessage, a_signature_is_the_last_record_or_an_error) {
  const std::string signature = record("\0"s, 250, "x", 255);
  const auto last = decode(head(0, 0, 0, 1) + signature);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->signature_at, 12u);
  EXPECT_FALSE(decode(head(0, 1) + signature));
  EXPECT_FALSE(decode(head(0, 0, 0, 2) + signature + record("\0"s, 16, "\0"s)));
}

TEST(DnsMessage, a_truncated_answer_has_no_records) {
  std::string message = head(1, 9) + a_test + "\0\x10\0\1"s + "half a rec";
  EXPECT_FALSE(decode(message));
  message[2] = '\x86';
  const auto truncated = decode(message);
  ASSERT_TRUE(truncated);
  EXPECT_TRUE(truncated->truncated);
  EXPECT_TRUE(truncated->answers.empty());
}

TEST(DnsMessage, only_the_answer_to_the_very_question_is_a_reply) {
  const std::string query = encode(txt_query, 7);
  const std::string good = reply_to(query, {});
  EXPECT_TRUE(is_reply_to(txt_query, 7, good));
  EXPECT_FALSE(is_reply_to(txt_query, 8, good)) << "another id";
  EXPECT_FALSE(is_reply_to(txt_query, 7, query)) << "a question";
  EXPECT_FALSE(is_reply_to(txt_query, 7, "")) << "nothing";
  EXPECT_FALSE(is_reply_to(txt_query, 7, good.substr(0, 20))) << "a part";
  DnsRequest other = txt_query;
  other.question.type = DnsType::a;
  EXPECT_FALSE(is_reply_to(txt_query, 7, reply_to(encode(other, 7), {}))) << "another type";
  other = {{host("_acme-challenge.b.test"), DnsType::txt}};
  EXPECT_FALSE(is_reply_to(txt_query, 7, reply_to(encode(other, 7), {}))) << "another name";
  std::string update_reply = good;
  update_reply[2] = static_cast<char>(update_reply[2] | 0x28);
  EXPECT_FALSE(is_reply_to(txt_query, 7, update_reply)) << "another kind of request";
  std::string upper = good;
  upper[14] = 'A';
  EXPECT_TRUE(is_reply_to(txt_query, 7, upper)) << "names are compared without case";
}

TEST(DnsMessage, only_an_error_may_leave_out_the_question) {
  EXPECT_TRUE(is_reply_to(txt_query, 7, "\0\7\x80\1\0\0\0\0\0\0\0\0"s));
  EXPECT_FALSE(is_reply_to(txt_query, 7, "\0\7\x80\0\0\0\0\0\0\0\0\0"s));
}

}  // namespace
}  // namespace gatehouse::acme
