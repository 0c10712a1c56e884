#include "proxy/access_log.h"

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

constexpr WallTime moment{1'767'225'600s + 42ms};  // 2026-01-01T00:00:00.042Z

ExchangeRecord exchange() {
  ExchangeRecord record;
  record.started = moment;
  record.duration = 12'345us;
  record.entry_point = "websecure";
  record.client = "192.0.2.7";
  record.method = "GET";
  record.target = "/a?b=c";
  record.host = "git.example.com";
  record.protocol = "HTTP/1.1";
  record.user_agent = "curl/8";
  record.over_tls = true;
  record.server_name = "git.example.com";
  record.route = "gitlab/web";
  record.service = "gitlab/webservice";
  record.endpoint = Endpoint{asio::ip::make_address("10.0.0.1"), 8181};
  record.attempts = 2;
  record.status = 200;
  record.bytes_in = 3;
  record.bytes_out = 4567;
  return record;
}

SessionRecord session() {
  SessionRecord record;
  record.started = moment;
  record.duration = 61s;
  record.entry_point = "ssh";
  record.client = "192.0.2.7";
  record.route = "gitlab/ssh";
  record.service = "gitlab/shell";
  record.endpoint = Endpoint{asio::ip::make_address("10.0.0.2"), 22};
  record.bytes_in = 100;
  record.bytes_out = 2000;
  record.end = "client closed";
  return record;
}

boost::json::object json(const std::string& line) { return boost::json::parse(line).as_object(); }

// No byte that ends a line or steers a terminal.
void expect_one_clean_line(const std::string& line) {
  for (const char c : line) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << line;
}

TEST(AccessLog, a_call_has_its_own_status) {
  ExchangeRecord record = exchange();
  EXPECT_FALSE(json(access_log_line(record, AccessLogFormat::json)).contains("grpcStatus"));
  record.grpc_status = 0;
  EXPECT_EQ(json(access_log_line(record, AccessLogFormat::json)).at("grpcStatus").as_int64(), 0);
}

TEST(AccessLog, an_exchange_in_json) {
  const auto line = json(access_log_line(exchange(), AccessLogFormat::json));
  EXPECT_EQ(line.at("time"), "2026-01-01T00:00:00.042Z");
  EXPECT_EQ(line.at("kind"), "http");
  EXPECT_EQ(line.at("entryPoint"), "websecure");
  EXPECT_EQ(line.at("client"), "192.0.2.7");
  EXPECT_EQ(line.at("method"), "GET");
  EXPECT_EQ(line.at("host"), "git.example.com");
  EXPECT_EQ(line.at("target"), "/a?b=c");
  EXPECT_EQ(line.at("scheme"), "https");
  EXPECT_EQ(line.at("status"), 200);
  EXPECT_EQ(line.at("bytesIn"), 3);
  EXPECT_EQ(line.at("bytesOut"), 4567);
  EXPECT_DOUBLE_EQ(line.at("durationMs").as_double(), 12.345);
  EXPECT_EQ(line.at("route"), "gitlab/web");
  EXPECT_EQ(line.at("endpoint"), "10.0.0.1:8181");
  EXPECT_EQ(line.at("attempts"), 2);
  EXPECT_EQ(line.at("userAgent"), "curl/8");
  EXPECT_FALSE(line.contains("referer"));
  EXPECT_FALSE(line.contains("failure"));
}

TEST(AccessLog, an_exchange_in_common_format) {
  EXPECT_EQ(
      access_log_line(exchange(), AccessLogFormat::common),
      "192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 4567 \"-\" \"curl/8\" \"gitlab/web\" "
      "\"10.0.0.1:8181\" 12ms");
}

TEST(AccessLog, a_session_in_both_formats) {
  const auto line = json(access_log_line(session(), AccessLogFormat::json));
  EXPECT_EQ(line.at("kind"), "tcp");
  EXPECT_EQ(line.at("entryPoint"), "ssh");
  EXPECT_EQ(line.at("bytesIn"), 100);
  EXPECT_EQ(line.at("bytesOut"), 2000);
  EXPECT_EQ(line.at("end"), "client closed");
  EXPECT_FALSE(line.contains("serverName"));
  EXPECT_EQ(
      access_log_line(session(), AccessLogFormat::common),
      "192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"TCP ssh\" - 2000 \"in=100\" \"gitlab/ssh\" \"10.0.0.2:22\" 61000ms "
      "\"client closed\"");
}

TEST(AccessLog, failures_are_named) {
  ExchangeRecord failed = exchange();
  failed.failure = Failure(FailureKind::connect_failed, "10.0.0.1:8181");
  const auto line = json(access_log_line(failed, AccessLogFormat::json));
  EXPECT_EQ(line.at("failure"), "connect_failed");
  EXPECT_EQ(line.at("detail"), "10.0.0.1:8181");
}

TEST(AccessLog, an_empty_record_is_a_line_too) {
  EXPECT_EQ(json(access_log_line(ExchangeRecord(), AccessLogFormat::json)).at("status"), 0);
  EXPECT_EQ(json(access_log_line(SessionRecord(), AccessLogFormat::json)).at("kind"), "tcp");
  expect_one_clean_line(access_log_line(ExchangeRecord(), AccessLogFormat::common));
}

// A client chooses these bytes; they must not end the line, colour a terminal, or leave their quotes.
TEST(AccessLog, hostile_text_is_escaped_and_comes_back_from_json) {
  ExchangeRecord record = exchange();
  record.target = "/\r\n{\"forged\":true}\x1b[31m\"\\\t\0\x7f"sv;
  record.user_agent = "\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x8a";
  record.referer = "\" 200 0 \"";
  const std::string as_json = access_log_line(record, AccessLogFormat::json);
  expect_one_clean_line(as_json);
  const auto line = json(as_json);
  EXPECT_EQ(line.at("target").as_string(), record.target);
  EXPECT_EQ(line.at("userAgent").as_string(), record.user_agent);
  EXPECT_EQ(line.at("referer").as_string(), record.referer);
  const std::string common = access_log_line(record, AccessLogFormat::common);
  expect_one_clean_line(common);
  EXPECT_NE(common.find(R"(\r\n{\"forged\":true}\x1b[31m\"\\\t\x00\x7f)"), std::string::npos) << common;
  EXPECT_NE(common.find(R"("\" 200 0 \"")"), std::string::npos) << common;
}

TEST(AccessLog, bytes_that_are_no_text_stay_json) {
  ExchangeRecord record = exchange();
  for (const auto bytes :
       {"\xff"sv, "\xc3"sv, "\xc0\xaf"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "a\x80z"sv, "\xc2\x9b"sv}) {
    record.target = bytes;
    const std::string line = access_log_line(record, AccessLogFormat::json);
    expect_one_clean_line(line);
    EXPECT_TRUE(json(line).at("target").is_string());
    expect_one_clean_line(access_log_line(record, AccessLogFormat::common));
  }
}

}  // namespace
}  // namespace gatehouse
