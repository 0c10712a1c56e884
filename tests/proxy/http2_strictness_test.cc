// What an HTTP/2 client may not say (RFC 9113 §8), in its own frames: nothing of it reaches an upstream, and the
// connection's other requests are answered.
#include "tests/doubles/proxy/either_version.h"
#include "tests/doubles/proxy/entrance.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;
using namespace std::string_literals;

std::string upstreams_version(const testing::TestParamInfo<bool>& info) { return info.param ? "ToHttp2" : "ToHttp1"; }

struct Http2Strictness : testing::TestWithParam<bool> {
  Entrance entrance{false, true, GetParam()};
  Client client{entrance.proxy};
  std::uint32_t stream = 1;

  // Sends one head that ends its stream; then the connection still serves, and has forwarded nothing else.
  const Answer& answer_to(std::string_view block) {
    client.send(frame(headers, end_headers | end_stream, stream, block));
    return seen();
  }
  const Answer& seen() {
    const std::uint32_t asked = stream;
    client.send(h2::get(asked + 2));
    stream += 4;
    EXPECT_EQ(client.answer(asked + 2).body, "fine");
    EXPECT_EQ(entrance.requests(), ++good_);
    return client.answer(asked);
  }
  void is_reset(std::string_view block) { EXPECT_EQ(answer_to(block).reset, protocol_error); }
  void is_400(std::string_view block) { EXPECT_EQ(answer_to(block).status, 400); }

 private:
  int good_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Threats, Http2Strictness, testing::Bool(), upstreams_version);

std::string pseudo(std::string_view method, std::string_view scheme, std::string_view authority,
                   std::string_view path) {
  return field(":method", method) + field(":scheme", scheme) + field(":authority", authority) + field(":path", path);
}

TEST_P(Http2Strictness, LineEndsInAValue) {
  is_reset(h2::request("GET", "/", field("foo", "b\r\nTransfer-Encoding: chunked")));
  is_reset(h2::request("GET", "/", field("foo", "b\nc")));
  is_reset(h2::request("GET", "/", field("foo", "b\rc")));
  is_reset(h2::request("GET", "/", field("foo", "b\0c"s)));
}

TEST_P(Http2Strictness, ControlBytesInAValue) {
  is_reset(h2::request("GET", "/", field("foo", "b\x01")));
  is_reset(h2::request("GET", "/", field("foo", "b\x7f")));
}

TEST_P(Http2Strictness, MalformedNames) {
  for (const std::string& name : {"x\r\ny"s, "x\ny"s, "x y"s, "x:y"s, "X-Upper"s, ""s, "x\xe9"s, "x("s, "x\0y"s})
    is_reset(h2::request("GET", "/", field(name, "1")));
}

TEST_P(Http2Strictness, FieldsOfAConnection) {
  for (const std::string& given : {field("transfer-encoding", "chunked"), field("connection", "close"),
                                   field("keep-alive", "5"), field("proxy-connection", "close"),
                                   field("upgrade", "h2c"), field("te", "gzip"), field("te", "trailers;q=0.5")})
    is_reset(h2::request("GET", "/", given));
}

TEST_P(Http2Strictness, TeTrailersIsAllowed) {
  client.send(h2::get(1, "/", field("te", "trailers")));
  EXPECT_EQ(client.answer(1).body, "fine");
}

TEST_P(Http2Strictness, MalformedLengths) {
  is_reset(h2::request("GET", "/", field("content-length", "+5")));
  is_reset(h2::request("GET", "/", field("content-length", "5, 5")));
  is_reset(h2::request("GET", "/", field("content-length", "0") + field("content-length", "0")));
  is_reset(h2::request("GET", "/", field("content-length", "99999999999999999999")));
}

TEST_P(Http2Strictness, ALengthWithoutItsBody) { is_reset(h2::request("POST", "/", field("content-length", "5"))); }

TEST_P(Http2Strictness, MalformedPaths) {
  for (const std::string& path :
       {"/a b"s, "/x HTTP/1.1\r\nHost: b"s, "x"s, "/\x80"s, "/a\tb"s, "http://b/"s, ""s, "/a#b"s, "?x=1"s}) {
    const Answer& got = answer_to(h2::request("GET", path));
    EXPECT_TRUE(got.status == 400 || got.reset == protocol_error) << path;
  }
  is_reset(h2::request("GET", "*"));
}

TEST_P(Http2Strictness, MalformedMethods) {
  for (const std::string& method : {"GET / HTTP/1.1\r\nX: y"s, "get "s, ""s, "G(T"s}) {
    const Answer& got = answer_to(h2::request(method, "/"));
    EXPECT_TRUE(got.status == 400 || got.reset == protocol_error) << method;
  }
}

TEST_P(Http2Strictness, MalformedSchemes) {
  is_reset(pseudo("GET", "http://b/?", "a.example", "/"));
  is_reset(pseudo("GET", "https ", "a.example", "/"));
}

TEST_P(Http2Strictness, MalformedAuthorities) {
  for (const std::string& authority :
       {"user@a"s, "a,b"s, "a b"s, "a/path"s, "a\0.b"s, "a:99999"s, "a:x"s, "[::1"s, ""s}) {
    const Answer& got = answer_to(pseudo("GET", "http", authority, "/"));
    EXPECT_TRUE(got.status == 400 || got.reset == protocol_error) << authority;
  }
}

TEST_P(Http2Strictness, TheHostIsToBeTheAuthority) {
  is_400(h2::request("GET", "/", field("host", "b.example")));
  is_reset(field(":method", "GET") + field(":scheme", "http") + field(":path", "/"));
  const Answer& twice = answer_to(field(":method", "GET") + field(":scheme", "http") + field(":path", "/") +
                                  field("host", "a") + field("host", "a"));
  EXPECT_TRUE(twice.status == 400 || twice.reset == protocol_error);
}

TEST_P(Http2Strictness, TheHostAloneIsEnough) {
  client.send(
      frame(headers, end_headers | end_stream, 1,
            field(":method", "GET") + field(":scheme", "http") + field(":path", "/") + field("host", "a.example")));
  EXPECT_EQ(client.answer(1).body, "fine");
}

TEST_P(Http2Strictness, PseudoHeaderFields) {
  is_reset(h2::request("GET", "/", field("x", "1") + field(":path", "/late")));
  is_reset(field(":path", "/") + h2::request("GET", "/twice"));
  is_reset(h2::request("GET", "/", field(":unknown", "1")));
  is_reset(h2::request("GET", "/", field(":status", "200")));
  is_reset(field(":method", "GET") + field(":scheme", "http") + field(":authority", "a"));
  is_reset(field(":method", "GET") + field(":authority", "a") + field(":path", "/"));
  is_reset(field(":scheme", "http") + field(":authority", "a") + field(":path", "/"));
  is_reset(h2::request("GET", "/", field(":protocol", "websocket")));
}

TEST_P(Http2Strictness, ConnectIsNotServed) {
  const Answer& plain = answer_to(field(":method", "CONNECT") + field(":authority", "a:443"));
  EXPECT_EQ(plain.status / 100, 4);
  const Answer& unknown = answer_to(h2::request("CONNECT", "/", field(":protocol", "connect-udp")));
  EXPECT_TRUE(unknown.status / 100 == 4 || unknown.reset == protocol_error);
}

TEST_P(Http2Strictness, SpacesAroundAValueAreNotForwarded) {
  for (const char* value : {" b", "b\t", " "}) is_reset(h2::request("GET", "/", field("foo", value)));
}

TEST_P(Http2Strictness, UpgradeH2cOverHttp1IsNeverFollowed) {
  const Message answer = entrance.proxy.ask(gatehouse::get(
      "/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"));
  EXPECT_EQ(answer.status(), 200);
}

// Bodies: what has been forwarded already is broken off, never ended.
struct Http2Bodies : testing::TestWithParam<bool> {
  SomeUpstream upstream{GetParam()};
  Entrance entrance{false, true, GetParam()};
  Client client{led()};

  TestProxy& led() {
    entrance.lead_to(upstream.endpoint());
    return entrance.proxy;
  }
  void is_broken_off(const std::string& head_fields, const std::string& rest) {
    client.send(frame(headers, end_headers, 1, h2::request("POST", "/", head_fields)) + frame(data, 0, 1, "abc"));
    const auto exchange = upstream.next();
    EXPECT_EQ(exchange->body(3), "abc");
    client.send(rest);
    EXPECT_TRUE(exchange->is_called_off());
    EXPECT_FALSE(exchange->request().whole);
    EXPECT_EQ(client.answer(1).reset, protocol_error);
  }
};

INSTANTIATE_TEST_SUITE_P(Threats, Http2Bodies, testing::Bool(), upstreams_version);

TEST_P(Http2Bodies, ShorterThanStated) { is_broken_off(field("content-length", "5"), frame(data, end_stream, 1, "")); }

TEST_P(Http2Bodies, LongerThanStated) { is_broken_off(field("content-length", "5"), frame(data, 0, 1, "defghi")); }

TEST_P(Http2Bodies, TrailersBeforeTheStatedLength) {
  is_broken_off(field("content-length", "5"), frame(headers, end_headers | end_stream, 1, field("x-sum", "1")));
}

TEST_P(Http2Bodies, TrailersWithoutTheEnd) { is_broken_off("", frame(headers, end_headers, 1, field("x-sum", "1"))); }

TEST_P(Http2Bodies, PseudoHeaderFieldsInTrailers) {
  is_broken_off("", frame(headers, end_headers | end_stream, 1, field(":path", "/")));
}

TEST_P(Http2Bodies, LineEndsInTrailers) {
  is_broken_off("", frame(headers, end_headers | end_stream, 1, field("x", "a\r\nb: c")));
}

TEST_P(Http2Bodies, TooManyTrailers) {
  std::string block;
  for (int i = 0; i < 100; ++i) block += field("x-" + std::to_string(i), "1");
  is_broken_off("", frame(headers, end_headers | end_stream, 1, block));
}

TEST_P(Http2Bodies, TooLargeTrailers) {
  is_broken_off("", frame(headers, end_stream, 1, field("x", std::string(9000, 'x'))) +
                        frame(continuation, end_headers, 1, field("y", std::string(9000, 'x'))));
}

}  // namespace
}  // namespace gatehouse
