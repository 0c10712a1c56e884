// What is read from requests that are taken.
#include "tests/proxy/http/raw_request.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

std::string get(std::string_view target) { return with_fields("GET " + std::string(target) + " HTTP/1.1", ""); }

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
  ASSERT_EQ(
      find_and_parse("GET http://a/x?y HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n",
                     request),
      accepted);
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
    for (const auto line :
         {"GET / HTTP/1.1", "HEAD / HTTP/1.1", "OPTIONS / HTTP/1.1", "POST / HTTP/1.1", "DELETE / HTTP/1.2"}) {
      RequestHead request;
      const std::string head = with_fields(line, fields);
      ASSERT_EQ(find_and_parse(head, request), accepted) << head;
      EXPECT_EQ(request.body, body) << head;
    }
  }
}

// F10: spellings that some upstream could take for a framing field are known as such, to be left out.
TEST(Http1Request, odd_spellings_are_marked) {
  for (const auto name :
       {"Transfer_Encoding", "Transfer.Encoding", "Transfer-%45ncoding", "Content_Length", "X_Forwarded_For"}) {
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
    const std::string head =
        "GET " + std::string(test.target) + " HTTP/1.1\r\nHost: " + std::string(test.host) + "\r\n\r\n";
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
  for (const auto host : {"A.EXAMPLE", "a.example.", "a.example:443", "a.example:", "xn--bcher-kva.example",
                          "127.0.0.1:80", "under_score"}) {
    RequestHead request;
    const std::string head = "GET / HTTP/1.1\r\nHost:  " + std::string(host) + "\t\r\n\r\n";
    ASSERT_EQ(find_and_parse(head, request), accepted) << head;
    EXPECT_EQ(request.authority, host);
  }
}

TEST(Http1Request, paths_are_left_alone) {
  for (const std::string_view target :
       {"/api/v4/projects/group%2Fproject", "//a", "/a//b", "/../../etc", "/%2e%2e/a", "/a;b=c", "/a+b", "/%zz", "/%",
        "/a\\b", "/?a=b;c", "/??", "/a?", "/{}|^`\"<>"}) {
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
