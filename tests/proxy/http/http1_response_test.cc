// Answers as raw bytes and what becomes of them (F26 of the threat table; RFC 9112 §6).
#include "proxy/http/http1_parser.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

std::string_view find_and_parse(std::string_view bytes, ResponseHead& response, std::string_view method = "GET") {
  HeadEnd end;
  const auto size = end.find(bytes);
  if (!size) return "bad line end";
  if (*size == 0) return "incomplete";
  const auto parsed = parse_response_head(bytes.substr(0, *size), {}, method, response);
  return parsed ? "accepted" : row(parsed.error().kind).name;
}

TEST(Http1Response, malformed_answers_are_refused) {
  for (const auto head : {
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"sv,
           "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n"sv,
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: v\r\n folded\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX : v\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"sv,
           "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n"sv,
           "HTTP/1.1 200 O\rK\r\n\r\n"sv,
           "HTTP/1.1 200\tOK\r\n\r\n"sv,
           "HTTP/1.1  200 OK\r\n\r\n"sv,
           "HTTP/1.1 20 OK\r\n\r\n"sv,
           "HTTP/1.1 2000 OK\r\n\r\n"sv,
           "HTTP/1.1 099 OK\r\n\r\n"sv,
           "HTTP/1.1 2x0 OK\r\n\r\n"sv,
           "HTTP/1.1 -20 OK\r\n\r\n"sv,
           "HTTP/1.1\r\n\r\n"sv,
           "HTTP/2.0 200 OK\r\n\r\n"sv,
           "HTTP/1 200 OK\r\n\r\n"sv,
           "http/1.1 200 OK\r\n\r\n"sv,
           "ICY 200 OK\r\n\r\n"sv,
           "SSH-2.0-OpenSSH_9.2\r\n\r\n"sv,
           "X\r\n\r\n"sv,
           "\r\nX\r\n\r\n"sv,
       }) {
    ResponseHead response;
    EXPECT_EQ(find_and_parse(head, response), "bad_answer") << head;
  }
}

TEST(Http1Response, too_many_fields_are_a_bad_answer) {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 128; ++i) head += "X: 1\r\n";
  ResponseHead response;
  EXPECT_EQ(find_and_parse(head + "\r\n", response), "accepted");
  EXPECT_EQ(find_and_parse(head + "X: 1\r\n\r\n", response), "bad_answer");
}

TEST(Http1Response, the_status_line_is_read) {
  ResponseHead response;
  ASSERT_EQ(find_and_parse("HTTP/1.1 404 Not  Found \xc3\xa9\r\nX: 1\r\n\r\n", response), "accepted");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.reason, "Not  Found \xc3\xa9");
  EXPECT_EQ(response.find("x"), "1");
  for (const auto head : {"HTTP/1.0 200\r\n\r\n"sv, "HTTP/1.0 200 \r\n\r\n"sv}) {
    ASSERT_EQ(find_and_parse(head, response), "accepted") << head;
    EXPECT_EQ(response.reason, "");
    EXPECT_EQ(response.minor_version, 0);
    EXPECT_EQ(response.fields.size(), 0u);
  }
}

struct FramingCase {
  std::string_view method, status_line, fields;
  BodyFraming body;
  bool keep_alive;
};

TEST(Http1Response, framing_follows_request_status_and_fields) {
  const BodyFraming none, five{BodyKind::length, 5}, chunked{BodyKind::chunked, 0},
      until_close{BodyKind::until_close, 0};
  const std::vector<FramingCase> cases = {
      {"GET", "HTTP/1.1 200 OK", "Content-Length: 5\r\n", five, true},
      {"GET", "HTTP/1.1 200 OK", "Content-Length: 0\r\n", none, true},
      {"GET", "HTTP/1.1 200 OK", "Transfer-Encoding: Chunked\r\n", chunked, true},
      {"GET", "HTTP/1.1 200 OK", "", until_close, false},
      {"GET", "HTTP/1.1 200 OK", "Connection: keep-alive\r\n", until_close, false},
      {"GET", "HTTP/1.1 200 OK", "Connection: close\r\nContent-Length: 5\r\n", five, false},
      {"GET", "HTTP/1.0 200 OK", "Content-Length: 5\r\n", five, false},
      {"GET", "HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: Keep-Alive\r\n", five, true},
      {"HEAD", "HTTP/1.1 200 OK", "Content-Length: 5\r\n", none, true},
      {"HEAD", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", none, true},
      {"HEAD", "HTTP/1.1 200 OK", "", none, true},
      {"GET", "HTTP/1.1 204 No Content", "Content-Length: 5\r\n", none, false},
      {"GET", "HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n", none, false},
      {"GET", "HTTP/1.1 304 Not Modified", "Content-Length: 5\r\n", none, true},
      {"GET", "HTTP/1.1 304 Not Modified", "", none, true},
      {"GET", "HTTP/1.1 103 Early Hints", "Content-Length: 5\r\n", none, true},
      {"GET", "HTTP/1.1 205 Reset Content", "", until_close, false},
  };
  for (const auto& test : cases) {
    ResponseHead response;
    const std::string head = std::string(test.status_line) + "\r\n" + std::string(test.fields) + "\r\n";
    ASSERT_EQ(find_and_parse(head, response, test.method), "accepted") << head;
    EXPECT_EQ(response.body, test.body) << test.method << "\n" << head;
    EXPECT_EQ(response.keep_alive, test.keep_alive) << test.method << "\n" << head;
  }
}

TEST(Http1Response, interim_answers_and_switching) {
  ResponseHead response;
  ASSERT_EQ(find_and_parse("HTTP/1.1 100 Continue\r\n\r\n", response), "accepted");
  EXPECT_TRUE(response.interim());
  ASSERT_EQ(find_and_parse("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", response),
            "accepted");
  EXPECT_FALSE(response.interim());
  EXPECT_EQ(response.upgrade, "websocket");
  ASSERT_EQ(find_and_parse("HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2\r\n\r\n", response), "accepted");
  EXPECT_EQ(response.upgrade, "");
  EXPECT_FALSE(response.interim());
}

TEST(Http1Response, a_bare_line_feed_is_refused) {
  ResponseHead response;
  EXPECT_EQ(find_and_parse("HTTP/1.1 200 OK\nX: 1\r\n\r\n", response), "bad line end");
  EXPECT_EQ(find_and_parse("HTTP/1.1 200 OK\r\nX: 1\n\n", response), "bad line end");
}

}  // namespace
}  // namespace gatehouse
