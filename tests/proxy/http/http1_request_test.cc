// Requests as raw bytes and what becomes of them. Row names are those of the threat tables the project works from:
// F = framing and smuggling, H = host; each row is one input seen to split two parsers in the field.
#include "proxy/http/http1_parser.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view accepted = "accepted";
constexpr std::string_view bad_request = "bad_request";

std::string_view find_and_parse(std::string_view bytes, RequestHead& request, const HeadLimits& limits = {}) {
  HeadEnd end;
  const auto size = end.find(bytes);
  if (!size) return row(size.error().kind).name;
  if (*size == 0) return "incomplete";
  const auto parsed = parse_request_head(bytes.substr(0, *size), limits, request);
  return parsed ? accepted : row(parsed.error().kind).name;
}

// "accepted", or the failure's name.
std::string_view outcome(std::string_view bytes) {
  RequestHead request;
  return find_and_parse(bytes, request);
}

std::string with_fields(std::string_view request_line, std::string_view fields) {
  std::string head(request_line);
  head.append("\r\nHost: a\r\n").append(fields);
  if (!fields.empty()) head.append("\r\n");
  return head.append("\r\n");
}

std::string post(std::string_view fields) { return with_fields("POST / HTTP/1.1", fields); }
std::string get(std::string_view target) { return with_fields("GET " + std::string(target) + " HTTP/1.1", ""); }

struct Case {
  std::string_view row;
  std::string_view bytes;
  std::string_view outcome = bad_request;
};

using Table = std::vector<Case>;

// Fields after `POST / HTTP/1.1` and `Host: a`.
const Table field_cases = {
    {"F1", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"},
    {"F2", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /x HTTP/1.1\r\n\r\n0\r\n\r\n"},
    {"F2", "Transfer-Encoding: chunked\r\nContent-Length: 30\r\n\r\n0\r\n\r\nX"},
    {"F3", "Content-Length: 5\r\nContent-Length: 10"},
    {"F3", "Content-Length: 5, 10"},
    {"F3", "Content-Length: 1\r\nContent-Length: 0"},
    {"F3", "Content-Length: 0\r\nContent-Length: 31"},
    {"F4", "Content-Length: 5\r\nContent-Length: 5"},
    {"F4", "Content-Length: 5\r\nX-Between: 1\r\ncontent-length: 5"},
    {"F4", "Content-Length: 5, 5"},
    {"F4", "Content-Length: 5, 5, 5"},
    {"F5", "Content-Length: +5"},
    {"F5", "Content-Length: -1"},
    {"F5", "Content-Length: -0"},
    {"F5", "Content-Length: -48"},
    {"F5", "Content-Length: 0x5"},
    {"F5", "Content-Length: 0o5"},
    {"F5", "Content-Length: 1_0"},
    {"F5", "Content-Length: +1_0"},
    {"F5", "Content-Length: 1 0"},
    {"F5", "Content-Length: 1Z"},
    {"F5", "Content-Length: 5x"},
    {"F5", "Content-Length: abc"},
    {"F5", "Content-Length:"},
    {"F5", "Content-Length: "},
    {"F5", "Content-Length:\r\nContent-Length: 59"},
    {"F5", "Content-Length: 5e0"},
    {"F5", "Content-Length: 5.0"},
    {"F5", "Content-Length: ,5"},
    {"F5", "Content-Length: 5,"},
    {"F5", "Content-Length: 99999999999999999999"},
    {"F5", "Content-Length: 9223372036854775808"},
    {"F5", "Content-Length: 18446744073709551616"},
    {"F5", "Content-Length: \xd9\xa5"},  // ARABIC-INDIC DIGIT FIVE
    {"F7", "Content-Length : 5"},
    {"F7", "Content-Length\t: 5"},
    {"F7", "Content-Length:  5 \t ", accepted},
    {"F8", "Transfer-Encoding: xchunked"},
    {"F8", "Transfer-Encoding: identity"},
    {"F8", "Transfer-Encoding: gzip"},
    {"F8", "Transfer-Encoding: blegh"},
    {"F8", "Transfer-Encoding:"},
    {"F8", "Transfer-Encoding: chunked;ext=val"},
    {"F8", "Transfer-Encoding: \"chunked\""},
    {"F8", "Transfer-Encoding: \x0b" "chunked"},
    {"F8", "Transfer-Encoding: \x0c" "chunked"},
    {"F8", "Transfer-Encoding: chunked\0"sv},
    {"F8", "Transfer-Encoding: \xa0" "chunked\xa0"},
    {"F8", "Transfer-Encoding: chu\tnked"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding: xchunked"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding: identity"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding:"},
    {"F8", "Content-Length: 5\r\nTransfer-Encoding: \x0b" "chunked"},
    {"F9", "Transfer-Encoding: chunked, chunked"},
    {"F9", "Transfer-Encoding: chunked, gzip"},
    {"F9", "Transfer-Encoding: chunked, gzip, chunked"},
    {"F9", "Transfer-Encoding: gzip, chunked"},
    {"F9", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"},
    {"F9", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"},
    {"F9", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"},
    {"F9", "Transfer-Encoding: ,chunked"},
    {"F9", "Transfer-Encoding: chunked,"},
    {"F10", "Transfer-Encoding : chunked"},
    {"F10", "Transfer Encoding: chunked"},
    {"F10", "X: y\rTransfer-Encoding: chunked"},
    {"F10", "Transfer-Encoding:\r\n chunked"},
    {"F10", "Te\nst: chunked"},
    {"F10", "Transfer-Encoding\x85: chunked"},
    {"F10", "Tran\xc5\xbf" "fer-Encoding: chunked"},  // U+017F, lower-cased to `s` by some
    {"F16", "X: 1\nY: 2"},
    {"F16", "X: 1\rY: 2"},
    {"F16", "X-Test: val\rue"},
    {"F16", "X: 1\r\r"},
    {"F17", "X-Test: v\r\n continued"},
    {"F17", "X-Test: v\r\n\tcontinued"},
    {"F17", "X-Test: v\r\n continued: as a field"},
    {"F18", "X-Test : v"},
    {"F18", ": v"},
    {"F18", "NoColon"},
    {"F18", "Bad[Name: v"},
    {"F18", "Bad\"Name: v"},
    {"F18", "X-T\xe9" "st: v"},
    {"F18", "X-Test: \0"sv},
    {"F18", "X-Test: a\0b"sv},
    {"F18", "X-Test: \x07"},
    {"F18", "X-Test: a\x0b" "b"},
    {"F18", "X-Test: \x7f"},
    {"F18", "X-Test: caf\xc3\xa9", accepted},  // obs-text
    {"F24", "Expect: 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue, 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue\r\nExpect: 200-ok\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: y100-continue\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect: 100-continue;a=b\r\nContent-Length: 5", "expectation_failed"},
    {"F24", "Expect\t: 100-continue\r\nContent-Length: 5"},
    {"F24", "Expect: 100-Continue\r\nContent-Length: 5", accepted},
    {"H1", "Host: a"},
    {"H1", "host: b"},
};

// Whole heads.
const Table head_cases = {
    {"F10", "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n"},
    {"F11", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"F11", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"F16", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"F16", "GET / HTTP/1.1\nHost: a\n\n"},
    {"F16", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F16", "GET / HTTP/1.1\rHost: a\r\r\n\r\n"},
    {"F16", "\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F17", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"},
    {"F17", "GET / HTTP/1.1\r\n \r\n\r\nHost: a\r\n\r\n"},
    {"F19", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"F19", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/01.01\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1,1\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/4294967295.255\r\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", "version_not_supported"},
    {"F19", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version_not_supported"},
    {"F19", "GET /\r\n\r\n"},
    {"F19", "GET /\nHost: a\r\n\r\n"},
    {"F19", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", accepted},
    {"F19", "GE[T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET\" / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "GET( / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F19", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"F19", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", accepted},  // one leading empty line (RFC 9112 §2.2)
    {"F19", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "OPTIONS */test HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", accepted},
    {"F20", "GET admin HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET ?a=b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "method_not_supported"},
    {"F20", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "method_not_supported"},
    {"F20", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "method_not_supported"},
    {"F20", "GET /p#frag HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv},
    {"F20", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"F20", "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"H1", "GET / HTTP/1.0\r\nHost:\r\n\r\n"},
    {"H1", "GET / HTTP/1.0\r\n\r\n", accepted},
    {"H1", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a/path\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a\0.b\r\n\r\n"sv},
    {"H1", "GET / HTTP/1.1\r\nHost: \xff" "a\xff\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1%, b]\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", accepted},
    {"H1", "GET / HTTP/1.1\r\nHost: ..\r\n\r\n"},
    {"H1", "GET / HTTP/1.1\r\nHost: .a\r\n\r\n"},
    {"H2", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a.b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a/ HTTP/1.1\r\n\r\n"},
    {"H2", "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"H2", "GET http://a:8080/ HTTP/1.1\r\nHost: a:9090\r\n\r\n"},
    {"H2", "GET http:/a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
};

TEST(Http1Request, fields_are_taken_or_refused) {
  for (const auto& test : field_cases) {
    const std::string head = post(test.bytes);
    EXPECT_EQ(outcome(head), test.outcome) << test.row << "\n" << head;
  }
}

TEST(Http1Request, heads_are_taken_or_refused) {
  for (const auto& test : head_cases) EXPECT_EQ(outcome(test.bytes), test.outcome) << test.row << "\n" << test.bytes;
}

// What arrives in two pieces, cut anywhere, or byte by byte, gets the same verdict as in one.
TEST(Http1Request, pieces_change_nothing) {
  const auto end_of = [](std::string_view bytes, std::size_t first, std::size_t step) -> std::string {
    HeadEnd end;
    for (std::size_t have = first;; have = std::min(have + step, bytes.size())) {
      const auto size = end.find(bytes.substr(0, have));
      if (!size) return std::string(row(size.error().kind).name);
      if (*size > 0 || have == bytes.size()) return std::to_string(*size);
    }
  };
  std::vector<std::string> heads;
  for (const auto& test : field_cases) heads.push_back(post(test.bytes));
  for (const auto& test : head_cases) heads.emplace_back(test.bytes);
  for (const std::string& head : heads) {
    const std::string whole = end_of(head, head.size(), 1);
    EXPECT_EQ(end_of(head, 0, 1), whole) << head;
    for (std::size_t cut = 0; cut <= head.size(); ++cut) ASSERT_EQ(end_of(head, cut, head.size()), whole) << head;
  }
}

TEST(Http1Request, a_bare_line_feed_is_refused_before_the_head_is_whole) {
  EXPECT_EQ(outcome("GET / HTTP/1.1\n"), bad_request);
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: a\n"), bad_request);
  EXPECT_EQ(outcome("\n"), bad_request);
  EXPECT_EQ(outcome("GET / HTTP/1.1\r\nHost: a\r\n"), "incomplete");
}

TEST(Http1Request, the_end_leaves_what_follows) {
  constexpr auto bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\n\r\n"sv;
  HeadEnd end;
  EXPECT_EQ(bytes.substr(end.find(bytes).value()), "helloGET /next HTTP/1.1\r\n\r\n");
}

TEST(Http1Request, everything_of_an_ordinary_request_is_read) {
  constexpr auto head =
      "PATCH /a%2Fb//c;d?x=1&y=%20?z HTTP/1.1\r\nHOST: A.Example:8443\r\ncOOkie: a=b\r\nX-Empty:\r\n"
      "content-LENGTH: 12\r\nConnection: keep-alive\r\n\r\n"sv;
  RequestHead request;
  ASSERT_EQ(find_and_parse(head, request), accepted);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.target, "/a%2Fb//c;d?x=1&y=%20?z");
  EXPECT_EQ(request.path, "/a%2Fb//c;d");
  EXPECT_EQ(request.authority, "A.Example:8443");
  EXPECT_EQ(request.minor_version, 1);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_EQ(request.body, (BodyFraming{BodyKind::length, 12}));
  ASSERT_EQ(request.fields.size(), 5u);
  EXPECT_EQ(request.fields[1].name, "cOOkie");
  EXPECT_EQ(request.fields[1].value, "a=b");
  EXPECT_EQ(request.fields[1].id, HeaderId::cookie);
  EXPECT_EQ(request.fields[2].value, "");
  EXPECT_EQ(request.find("x-empty"), "");
  EXPECT_EQ(request.find(HeaderId::content_length), "12");
}

TEST(Http1Request, nothing_of_the_last_request_remains) {
  RequestHead request;
  ASSERT_EQ(find_and_parse("GET http://a/x?y HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
                           request), accepted);
  ASSERT_EQ(find_and_parse("POST /z HTTP/1.0\r\nContent-Length: 3\r\n\r\n", request), accepted);
  EXPECT_EQ(request.authority, "");
  EXPECT_EQ(request.path, "/z");
  EXPECT_EQ(request.upgrade, "");
  EXPECT_EQ(request.fields.size(), 1u);
  ASSERT_EQ(find_and_parse("GET / HTTP/1.1\r\nHost: b\r\n\r\n", request), accepted);
  EXPECT_EQ(request.body, BodyFraming{});
  EXPECT_TRUE(request.keep_alive);
}

// F1-F11 and F22: how the body is framed, with any method.
TEST(Http1Request, framing_is_what_the_fields_say) {
  const std::vector<std::pair<std::string_view, BodyFraming>> cases = {
      {"", {}},
      {"Content-Length: 0", {}},
      {"Content-Length: 00", {}},
      {"Content-Length: 5", {BodyKind::length, 5}},
      {"Content-Length:5", {BodyKind::length, 5}},
      {"Content-Length:  5 ", {BodyKind::length, 5}},
      {"Content-Length: 005", {BodyKind::length, 5}},
      {"Content-Length: 010", {BodyKind::length, 10}},
      {"Content-Length: 0200", {BodyKind::length, 200}},
      {"Content-Length: 10737418240", {BodyKind::length, 10737418240}},
      {"Content-Length: 9223372036854775807", {BodyKind::length, INT64_MAX}},
      {"Transfer-Encoding: chunked", {BodyKind::chunked, 0}},
      {"tRANSFER-eNCODING:\t ChunKed \t", {BodyKind::chunked, 0}},
      {"Transfer_Encoding: chunked", {}},
      {"Transfer-%45ncoding: chunked", {}},
      {"Content_Length: 5", {}},
      {"Content.Length: 5", {}},
  };
  for (const auto& [fields, body] : cases) {
    for (const auto line : {"GET / HTTP/1.1", "HEAD / HTTP/1.1", "OPTIONS / HTTP/1.1", "POST / HTTP/1.1", "DELETE / HTTP/1.2"}) {
      RequestHead request;
      const std::string head = with_fields(line, fields);
      ASSERT_EQ(find_and_parse(head, request), accepted) << head;
      EXPECT_EQ(request.body, body) << head;
    }
  }
}

// F10: spellings that some upstream could take for a framing field are known as such, to be left out.
TEST(Http1Request, odd_spellings_are_marked) {
  for (const auto name : {"Transfer_Encoding", "Transfer.Encoding", "Transfer-%45ncoding", "Content_Length", "X_Forwarded_For"}) {
    RequestHead request;
    const std::string head = post(std::string(name) + ": 5");
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.fields.back().id, HeaderId::ambiguous) << name;
  }
}

TEST(Http1Request, absolute_form_becomes_origin_form) {
  struct Absolute {
    std::string_view target, host, forwarded, path;
  };
  const std::vector<Absolute> cases = {
      {"http://a/", "a", "/", "/"},
      {"http://a/x/y?z", "a", "/x/y?z", "/x/y"},
      {"HTTP://A/x", "a", "/x", "/x"},
      {"https://a.b:8443/x", "A.B:8443", "/x", "/x"},
      {"http://a?x=1", "a", "?x=1", "/"},  // H3
      {"http://a", "a", "", "/"},
      {"http://[::1]:80/x", "[::1]:80", "/x", "/x"},
      {"http://a/http://b/", "a", "/http://b/", "/http://b/"},
  };
  for (const auto& test : cases) {
    RequestHead request;
    const std::string head = "GET " + std::string(test.target) + " HTTP/1.1\r\nHost: " + std::string(test.host) + "\r\n\r\n";
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.authority, test.host) << head;
    EXPECT_EQ(request.target, test.forwarded) << head;
    EXPECT_EQ(request.path, test.path) << head;
  }
}

TEST(Http1Request, absolute_form_needs_no_host_in_http_1_0) {
  RequestHead request;
  ASSERT_EQ(find_and_parse("GET http://a/x HTTP/1.0\r\n\r\n", request), accepted);
  EXPECT_EQ(request.authority, "a");
}

TEST(Http1Request, options_asterisk_stays) {
  RequestHead request;
  ASSERT_EQ(find_and_parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", request), accepted);
  EXPECT_EQ(request.target, "*");
  EXPECT_EQ(request.path, "*");
}

// RFC 9112 §3.2.4: the last proxy turns the empty path of an OPTIONS into `*`.
TEST(Http1Request, options_for_a_whole_server_in_absolute_form) {
  RequestHead request;
  ASSERT_EQ(find_and_parse("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", request), accepted);
  EXPECT_EQ(request.target, "*");
  ASSERT_EQ(find_and_parse("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", request), accepted);
  EXPECT_EQ(request.target, "/");
}

// H5: the client's spelling is what the upstream sees; comparison is host_of_authority's.
TEST(Http1Request, the_host_keeps_its_spelling) {
  for (const auto host : {"A.EXAMPLE", "a.example.", "a.example:443", "a.example:", "xn--bcher-kva.example", "127.0.0.1:80", "under_score"}) {
    RequestHead request;
    const std::string head = "GET / HTTP/1.1\r\nHost:  " + std::string(host) + "\t\r\n\r\n";
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.authority, host);
  }
}

TEST(Http1Request, paths_are_left_alone) {
  for (const std::string_view target : {"/api/v4/projects/group%2Fproject", "//a", "/a//b", "/../../etc", "/%2e%2e/a", "/a;b=c", "/a+b", "/%zz",
                            "/%", "/a\\b", "/?a=b;c", "/??", "/a?", "/{}|^`\"<>"}) {
    RequestHead request;
    const std::string head = get(target);
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.target, target);
  }
}

TEST(Http1Request, keep_alive_follows_version_and_connection) {
  const std::vector<std::tuple<std::string_view, std::string_view, bool>> cases = {
      {"GET / HTTP/1.1", "", true},
      {"GET / HTTP/1.2", "", true},
      {"GET / HTTP/1.1", "Connection: close", false},
      {"GET / HTTP/1.1", "connection: Close", false},
      {"GET / HTTP/1.1", "Connection: foo, close ,bar", false},
      {"GET / HTTP/1.1", "Connection: foo\r\nConnection: close", false},
      {"GET / HTTP/1.1", "Connection: keep-alive, close", false},
      {"GET / HTTP/1.1", "Connection: closed", true},
      {"GET / HTTP/1.0", "", false},
      {"GET / HTTP/1.0", "Connection: Keep-Alive", true},
      {"GET / HTTP/1.0", "Connection: keep-alive, close", false},
  };
  for (const auto& [line, fields, keep_alive] : cases) {
    RequestHead request;
    const std::string head = with_fields(line, fields);
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.keep_alive, keep_alive) << head;
  }
}

// F21: a tunnel only when nothing else could be meant.
TEST(Http1Request, an_upgrade_needs_connection_and_no_body) {
  const std::vector<std::tuple<std::string_view, std::string_view, std::string_view>> cases = {
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket", "websocket"},
      {"GET / HTTP/1.1", "Connection: keep-alive, upgrade\r\nUpgrade: SPDY/3.1", "SPDY/3.1"},
      {"GET / HTTP/1.1", "Upgrade: websocket", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade", ""},
      {"GET / HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: H2C", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket, h2c", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c,websocket", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c", ""},
      {"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket", ""},
  };
  for (const auto& [line, fields, upgrade] : cases) {
    RequestHead request;
    const std::string head = with_fields(line, fields);
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.upgrade, upgrade) << head;
  }
}

// F24
TEST(Http1Request, expect_continue_is_for_bodies_in_http_1_1) {
  const std::vector<std::tuple<std::string_view, std::string_view, bool>> cases = {
      {"POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 5", true},
      {"POST / HTTP/1.1", "expect:100-CONTINUE \r\nTransfer-Encoding: chunked", true},
      {"POST / HTTP/1.1", "Expect: 100-continue", false},
      {"POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0", false},
      {"POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5", false},
      {"POST / HTTP/1.1", "Content-Length: 5", false},
  };
  for (const auto& [line, fields, expected] : cases) {
    RequestHead request;
    const std::string head = with_fields(line, fields);
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.expect_continue, expected) << head;
  }
}

TEST(Http1Request, too_long_a_target_is_414) {
  RequestHead request;
  const HeadLimits limits{.target_bytes = 100};
  EXPECT_EQ(find_and_parse(get("/" + std::string(99, 'a')), request, limits), accepted);
  EXPECT_EQ(find_and_parse(get("/" + std::string(100, 'a')), request, limits), "uri_too_long");
  EXPECT_EQ(find_and_parse(with_fields("GET", ""), request, limits), bad_request);
  EXPECT_EQ(find_and_parse(with_fields(std::string(200, 'G'), ""), request, limits), "uri_too_long");
  EXPECT_EQ(outcome(get("/" + std::string(8191, 'a'))), accepted);
  EXPECT_EQ(outcome(get("/" + std::string(32 * 1024 - 1, 'a'))), accepted);
  EXPECT_EQ(outcome(get("/" + std::string(32 * 1024, 'a'))), "uri_too_long");
}

TEST(Http1Request, too_many_fields_are_431) {
  std::string fields = "X: 1";
  for (int i = 2; i < 128; ++i) fields += "\r\nX: 1";  // with Host 128
  EXPECT_EQ(outcome(post(fields)), accepted);
  EXPECT_EQ(outcome(post(fields + "\r\nX: 1")), "head_too_large");
  // Known before the rest is looked at.
  EXPECT_EQ(outcome(post(fields + "\r\nX: 1\r\nbad line")), "head_too_large");
}

TEST(Http1Request, a_method_is_any_short_token) {
  for (const auto method : {"get", "PROPFIND", "M-SEARCH", "X!#$%&'*+-.^_`|~1"}) {
    RequestHead request;
    const std::string head = with_fields(std::string(method) + " / HTTP/1.1", "");
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.method, method);
  }
  EXPECT_EQ(outcome(with_fields(std::string(33, 'M') + " / HTTP/1.1", "")), bad_request);
}

}  // namespace
}  // namespace gatehouse
