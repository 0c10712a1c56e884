// From clients of either version to upstreams of either: what passes, and what happens when one of the two leaves.
#include "tests/doubles/proxy/either_version.h"
#include "tests/doubles/proxy/http2_upstreams.h"

#include <gtest/gtest.h>

#include <set>

namespace gatehouse {
namespace {

struct FourWays : testing::TestWithParam<std::tuple<bool, bool>> {
  const bool from_http2 = std::get<0>(GetParam()), to_http2 = std::get<1>(GetParam());
  SomeUpstream upstream{to_http2};
  TestProxy proxy{h2::cleartext({to(to_http2 ? h2c(upstream.endpoint()) : service({upstream.endpoint()}))})};
  std::unique_ptr<SomeClient> client = some_client(proxy, from_http2);

  std::unique_ptr<SomeExchange> get() {
    client->ask({});
    return upstream.next();
  }
  // A body of unknown length begins, and three bytes of it have come.
  std::unique_ptr<SomeExchange> upload() {
    client->ask({.method = "POST", .body = "abc", .more = true});
    auto exchange = upstream.next();
    EXPECT_EQ(exchange->body(3), "abc");
    return exchange;
  }
  std::string failure() {
    const auto line = proxy.log_line();
    return line.contains("failure") ? std::string(line.at("failure").as_string()) : "";
  }
};

std::string way(const testing::TestParamInfo<std::tuple<bool, bool>>& info) {
  const auto version = [](bool http2) { return http2 ? "Http2" : "Http1"; };
  return std::string(version(std::get<0>(info.param))) + "To" + version(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Ways, FourWays, testing::Combine(testing::Bool(), testing::Bool()), way);

TEST_P(FourWays, EarlyHintsPass) {
  const auto exchange = get();
  exchange->interim(103, {{"link", "</a.css>; rel=preload"}});
  EXPECT_EQ(client->status(), 103);
  exchange->answer(200, "page");
  EXPECT_EQ(client->answer().body, "page");
}

TEST_P(FourWays, TheBodyMayWaitForItsContinue) {
  client->ask({.method = "PUT", .fields = {{"content-length", "4"}, {"expect", "100-continue"}}, .more = true});
  const auto exchange = upstream.next();
  EXPECT_EQ(exchange->request_head().field("expect"), "100-continue");
  exchange->interim(100);
  EXPECT_EQ(client->status(), 100);
  client->send("body");
  client->end();
  EXPECT_EQ(exchange->request().body, "body");
  exchange->answer(200, "stored");
  EXPECT_EQ(client->answer().body, "stored");
}

TEST_P(FourWays, AFinalAnswerInPlaceOfContinueEndsTheUpload) {
  client->ask({.method = "PUT", .fields = {{"content-length", "4"}, {"expect", "100-continue"}}, .more = true});
  const auto exchange = upstream.next();
  exchange->request_head();
  exchange->answer(401, "no");
  EXPECT_EQ(client->answer().status(), 401);
  EXPECT_TRUE(client->answer().whole);
  EXPECT_TRUE(exchange->is_called_off());
}

TEST_P(FourWays, AStatedLengthIsKeptBothWays) {
  client->ask({.method = "POST", .fields = {{"content-length", "3"}}, .body = "abc"});
  const auto exchange = upstream.next();
  EXPECT_EQ(exchange->request().body, "abc");
  EXPECT_EQ(exchange->request_head().field("content-length"), "3");
  exchange->answer(200, "fine");
  EXPECT_EQ(client->answer().field("content-length"), "4");
  EXPECT_EQ(client->answer().body, "fine");
}

// Each piece arrives before the next one is sent, the answer's before the request is whole.
TEST_P(FourWays, BodiesOfUnknownLengthPassAsTheyCome) {
  const auto exchange = upload();
  EXPECT_FALSE(exchange->request_head().has("content-length"));
  client->send("def");
  EXPECT_EQ(exchange->body(3), "def");
  exchange->head(200);
  exchange->send("one");
  EXPECT_EQ(client->body(3), "one");
  client->send("ghi");
  client->end();
  EXPECT_EQ(exchange->request().body, "abcdefghi");
  EXPECT_TRUE(exchange->request().whole);
  exchange->send("two");
  EXPECT_EQ(client->body(3), "two");
  exchange->end();
  EXPECT_TRUE(client->answer().whole);
  EXPECT_EQ(failure(), "");
}

TEST_P(FourWays, TrailersPassBothWays) {
  const auto exchange = upload();
  client->end({{"x-sum", "3"}});
  EXPECT_EQ(exchange->request().trailers, "x-sum: 3\r\n");
  exchange->head(200);
  exchange->send("answer");
  exchange->end({{"grpc-status", "0"}});
  EXPECT_EQ(client->answer().body, "answer");
  EXPECT_EQ(client->answer().trailers, "grpc-status: 0\r\n");
}

// The client has the answer, whole; nothing more of its body goes up.
TEST_P(FourWays, AnEarlyAnswerEndsTheUpload) {
  const auto exchange = upload();
  exchange->answer(413, "too large");
  EXPECT_EQ(client->answer().status(), 413);
  EXPECT_EQ(client->answer().body, "too large");
  EXPECT_TRUE(client->answer().whole);
  EXPECT_TRUE(exchange->is_called_off());
  EXPECT_FALSE(exchange->request().whole);
}

TEST_P(FourWays, AnUploadThatTheClientLeavesNeverLooksWhole) {
  const auto exchange = upload();
  client->leave();
  EXPECT_TRUE(exchange->is_called_off());
  EXPECT_FALSE(exchange->request().whole);
  EXPECT_EQ(failure(), "client_gone");
}

TEST_P(FourWays, ARequestThatTheClientLeavesIsCalledOff) {
  client->ask({});
  const auto exchange = upstream.next();
  EXPECT_TRUE(exchange->request().whole);
  client->leave();
  EXPECT_TRUE(exchange->is_called_off());
  EXPECT_EQ(failure(), "client_gone");
}

TEST_P(FourWays, AnAnswerThatTheUpstreamCutsNeverLooksWhole) {
  for (const Fields& length : {Fields{}, Fields{{"content-length", "9"}}}) {
    client = some_client(proxy, from_http2);
    const auto exchange = get();
    exchange->request();
    exchange->head(200, length);
    exchange->send("half");
    EXPECT_EQ(client->body(4), "half");
    exchange->cut();
    EXPECT_FALSE(client->answer().whole);
    EXPECT_EQ(failure(), "answer_truncated");
  }
}

TEST_P(FourWays, AnUpstreamThatLeavesDuringTheUploadIsNotTheClientsFault) {
  const auto exchange = upload();
  exchange->cut();
  EXPECT_EQ(client->answer().status(), 502);
  EXPECT_EQ(failure(), "upstream_closed");
}

// F15. What frames, routes, modifies, authenticates or says who the client is has no place in trailers: it is left out.
// From HTTP/2 the body is broken off for fields that it does not know at all (RFC 9113 §8.2.2).
const std::set<std::string> of_connections = {"connection",       "keep-alive",        "te",
                                              "proxy-connection", "transfer-encoding", "upgrade"};
const std::vector<std::string> dangerous = [] {
  std::vector<std::string> names = {"content-length",
                                    "content_length",
                                    "transfer_encoding",
                                    "trailer",
                                    "host",
                                    "expect",
                                    "range",
                                    "max-forwards",
                                    "cache-control",
                                    "pragma",
                                    "if-match",
                                    "if-none-match",
                                    "if-modified-since",
                                    "if-unmodified-since",
                                    "if-range",
                                    "authorization",
                                    "www-authenticate",
                                    "proxy-authorization",
                                    "proxy-authenticate",
                                    "cookie",
                                    "set-cookie",
                                    "content-type",
                                    "content-encoding",
                                    "content-range",
                                    "date",
                                    "server",
                                    "age",
                                    "expires",
                                    "location",
                                    "retry-after",
                                    "vary",
                                    "warning",
                                    "forwarded",
                                    "x-forwarded-for",
                                    "x_forwarded_for",
                                    "x-forwarded-proto",
                                    "x-forwarded-host",
                                    "x-real-ip",
                                    "x.real.ip",
                                    "x-request-id",
                                    "x-original-url",
                                    "x-ssl-client-verify"};
  names.insert(names.end(), of_connections.begin(), of_connections.end());
  return names;
}();

struct Trailers : FourWays {
  // A length that is true is refused by no parser.
  static Fields with(const std::string& name) { return {{"x-sum", "3"}, {name, "3"}}; }
  static void are_harmless(const Message& got, bool broken_off) {
    EXPECT_EQ(got.whole, !broken_off);
    EXPECT_EQ(got.trailers, broken_off ? "" : "x-sum: 3\r\n");
    EXPECT_TRUE(broken_off || got.body == "abc");
  }
};

INSTANTIATE_TEST_SUITE_P(Threats, Trailers, testing::Combine(testing::Bool(), testing::Bool()), way);

TEST_P(Trailers, F15_OfARequestNeitherFrameNorRoute) {
  for (const auto& name : dangerous) {
    SCOPED_TRACE(name);
    client = some_client(proxy, from_http2);
    const auto exchange = upload();
    client->end(with(name));
    are_harmless(exchange->request(), from_http2 && of_connections.contains(name));
    if (!exchange->request().whole) continue;
    exchange->answer(200, "fine");
    EXPECT_EQ(client->answer().body, "fine");
  }
}

TEST_P(Trailers, F15_OfAnAnswerDoNotEither) {
  for (const auto& name : dangerous) {
    SCOPED_TRACE(name);
    client = some_client(proxy, from_http2);
    const auto exchange = get();
    exchange->request();
    exchange->head(200);
    exchange->send("abc");
    exchange->end(with(name));
    are_harmless(client->answer(), to_http2 && of_connections.contains(name));
  }
}

TEST_P(FourWays, AnAnswerThatTheClientLeavesIsCalledOff) {
  const auto exchange = get();
  exchange->head(200);
  exchange->send("half");
  EXPECT_EQ(client->body(4), "half");
  client->leave();
  EXPECT_TRUE(exchange->is_called_off());
  EXPECT_EQ(failure(), "client_gone");
}

}  // namespace
}  // namespace gatehouse
