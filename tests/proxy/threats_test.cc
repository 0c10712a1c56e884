// Threats that are no row of a table, by their names in docs/threat_model.md, each from clients of either version to
// upstreams of either: what the upstream gets, and what the client is told.
#include "tests/doubles/proxy/either_version.h"
#include "tests/doubles/proxy/entrance.h"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse {
namespace {

using namespace std::string_literals;
using Ways = std::tuple<bool, bool>;

struct Threat : testing::TestWithParam<Ways> {
  const bool from_http2 = std::get<0>(GetParam()), to_http2 = std::get<1>(GetParam());
  Entrance entrance{false, true, to_http2};
  SomeUpstream upstream{to_http2};
  std::unique_ptr<SomeClient> client;

  Threat() { entrance.lead_to(upstream.endpoint()); }

  // Asks, on a connection of its own.
  void send(const Asked& asked) {
    client = some_client(entrance.proxy, from_http2);
    client->ask(asked);
  }
  void ask(const std::string& path, const Fields& fields = {}) { send({.path = path, .fields = fields}); }
  // What the client is told; 0: its stream was reset.
  int status() { return client->status(); }
  Message arrives() { return upstream.next()->request(); }
  // Refused without a word to the upstream.
  void is_refused(int with = 400) {
    const int told = status();
    EXPECT_TRUE(told == with || (from_http2 && told == 0)) << told;
    EXPECT_FALSE(upstream.pending());
  }
};

std::string way(const testing::TestParamInfo<Ways>& info) {
  const auto version = [](bool http2) { return http2 ? "Http2" : "Http1"; };
  return std::string(version(std::get<0>(info.param))) + "To" + version(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Threats, Threat, testing::Combine(testing::Bool(), testing::Bool()), way);

TEST_P(Threat, F6_LeadingZerosOfALengthAreNeverOctal) {
  send({.method = "POST", .fields = {{"Content-Length", "0010"}}, .body = "0123456789"});
  const Message request = arrives();
  EXPECT_EQ(request.field("content-length"), "10");
  EXPECT_EQ(request.body, "0123456789");
}

TEST_P(Threat, F10_NamesThatSomeReadAsOthersAreDropped) {
  ask("/", {{"Transfer_Encoding", "chunked"}, {"Content_Length", "5"}, {"Content.Length", "5"}, {"X", "1"}});
  const Message request = arrives();
  EXPECT_EQ(request.head.find("hunked"), std::string::npos);
  EXPECT_EQ(request.head.find("ength"), std::string::npos);
  EXPECT_EQ(request.field("x"), "1");
}

TEST_P(Threat, F22_ABodyOfAGetIsFramedAndNoRequest) {
  const std::string body = get("/smuggled");
  send({.fields = {{"Content-Length", std::to_string(body.size())}}, .body = body});
  const auto exchange = upstream.next();
  EXPECT_EQ(exchange->request().body, body);
  exchange->answer(200, "x");
  EXPECT_EQ(status(), 200);
  EXPECT_FALSE(exchange->something_follows(50));
}

// Its client ends its sending side, and with it the connection.
TEST_P(Threat, F25_ABodyCutShortNeverLooksWhole) {
  send({.method = "POST", .fields = {{"Content-Length", "9"}}, .body = "hello", .more = true});
  const auto exchange = upstream.next();
  EXPECT_EQ(exchange->body(5), "hello");
  client->shutdown_write();
  EXPECT_TRUE(exchange->is_called_off());
  EXPECT_FALSE(exchange->request().whole);
}

// By their bytes; what upstreams of HTTP/2 may not say: Http2Upstreams.MalformedAnswersAreRefused.
struct AnswersOfHttp1 : Threat {
  Upstream raw;

  AnswersOfHttp1() { entrance.lead_to(raw.endpoint()); }
  RawPeer answered(const std::string& answer) {
    ask("/");
    RawPeer connection = raw.accept();
    connection.read_message();
    connection.send(answer);
    return connection;
  }
};

INSTANTIATE_TEST_SUITE_P(Threats, AnswersOfHttp1, testing::Combine(testing::Bool(), testing::Values(false)), way);

TEST_P(AnswersOfHttp1, F26_AnswersThatTwoCouldReadDifferentlyAre502) {
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 101 Go\r\n\r\n"}) {
    SCOPED_TRACE(answer);
    RawPeer connection = answered(answer);
    EXPECT_EQ(status(), 502);
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

// What no body belongs to is the whole answer; what follows it is nobody's.
TEST_P(AnswersOfHttp1, F26_ABodyWhereNoneBelongsIsNeverTheNextAnswer) {
  for (const std::string answer : {"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
                                   "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    RawPeer connection = answered(answer);
    EXPECT_EQ(status(), std::stoi(answer.substr(9, 3)));
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

TEST_P(Threat, H5_SpellingsOfAHostLeadToItsRoute) {
  entrance.publish({to(entrance.service_at(upstream.endpoint()), "a.example")});
  for (const std::string host : {"A.EXAMPLE", "a.example.", "a.example:443", "A.example.:80"}) {
    send({.host = host});
    EXPECT_EQ(arrives().field("host"), host);
  }
  send({.host = "xn--e1afmkfd.example"});
  is_refused(404);
}

TEST_P(Threat, S1_NobodySaysWhoHeIs) {
  Fields spoofed;
  for (const std::string name :
       {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
        "X-Forwarded-Prefix", "X-Real-IP", "Forwarded", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info", "X-Forwarded-Ssl", "X-Request-Id", "X-Original-URL", "X-Rewrite-URL",
        "X-SSL-Client-Verify", "X-Scheme"})
    spoofed.emplace_back(name, "spoofed");
  ask("/", spoofed);
  const Message request = arrives();
  EXPECT_EQ(request.head.find("spoofed"), std::string::npos) << request.head;
  EXPECT_EQ(request.field("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "a.example");
}

TEST_P(Threat, S2_NorByNamesThatSomeReadAsThose) {
  ask("/", {{"X_Forwarded_For", "spoofed"},
            {"X.Forwarded.For", "spoofed"},
            {"X-Forwarded_For", "spoofed"},
            {"x_real_ip", "spoofed"},
            {"X%2DReal-IP", "spoofed"}});
  EXPECT_EQ(arrives().head.find("spoofed"), std::string::npos);
}

// Of HTTP/1 alone; HTTP/2 has no Connection (D4).
TEST_P(Threat, S3_ConnectionTakesNothingAwayThatIsNeeded) {
  const Fields fields = {
      {"Connection", "close, X-Forwarded-For, X-Real-IP, Host, Content-Length, Cookie, Authorization"},
      {"Content-Length", "2"},
      {"Cookie", "a=1"},
      {"Authorization", "Basic eDp5"}};
  send({.method = "POST", .fields = fields, .body = "hi"});
  if (from_http2) return is_refused();
  const Message request = arrives();
  for (const char* name : {"x-forwarded-for", "x-real-ip", "host", "content-length", "cookie", "authorization"})
    EXPECT_TRUE(request.has(name)) << name;
  EXPECT_EQ(request.body, "hi");
}

// GitLab signs these itself, and its Geo sites send them to each other through their edges.
TEST_P(Threat, S4_FieldsThatGitlabSignsAreLeftToIt) {
  ask("/", {{"Gitlab-Workhorse-Api-Request", "a.signed.token"}, {"Gitlab-Shell-Api-Request", "a.signed.token"}});
  const Message request = arrives();
  EXPECT_EQ(request.field("gitlab-workhorse-api-request"), "a.signed.token");
  EXPECT_EQ(request.field("gitlab-shell-api-request"), "a.signed.token");
}

// P1 to P5: forwarded byte for byte, whatever they are matched as.
TEST_P(Threat, P1_PathsPassByteForByte) {
  for (const std::string path :
       {"/api/v4/projects/group%2Fproject", "/a/./b", "/a/%2e/b", "/a/..%2fadmin", "//a", "/a//b", "/a\\b", "/%c0%ae",
        "/a;jsessionid=1", "/a%3Fb%23c", "/?q=%2e%2e/%00", "/%0d%0a"}) {
    SCOPED_TRACE(path);
    ask(path);
    EXPECT_EQ(arrives().start_line, "GET " + path + " HTTP/1.1");
  }
}

TEST_P(Threat, P2_PathsAreMatchedAsTheirNormalForm) {
  SomeUpstream admin{to_http2};
  entrance.publish(
      {to(entrance.service_at(upstream.endpoint()), "", "/"), to(entrance.service_at(admin.endpoint()), "", "/admin")});
  for (const std::string path :
       {"/a/../admin/x", "/%2e%2e/../admin", "/./admin", "//admin", "/a/%2e%2e/admin", "/%61dmin"}) {
    SCOPED_TRACE(path);
    ask(path);
    if (path.starts_with("/%2e%2e/")) {
      is_refused();
      EXPECT_FALSE(admin.pending());
    } else {
      EXPECT_EQ(admin.next()->request().start_line, "GET " + path + " HTTP/1.1");
    }
  }
}

TEST_P(Threat, P4_PathsWithoutAMeaningAre400) {
  for (const std::string path :
       {"/..", "/../../etc/passwd", "/%2e%2e/admin", "/a/../..", "/%00", "/a%00b", "/%zz", "/%"}) {
    SCOPED_TRACE(path);
    ask(path);
    is_refused();
  }
}

TEST_P(Threat, P6_PathsHaveALimit) {
  const std::string long_enough = "/" + std::string(8191, 'x');
  ask(long_enough);
  EXPECT_EQ(arrives().start_line, "GET " + long_enough + " HTTP/1.1");
  if (from_http2) return;  // there a frame has 16 KiB: Http2Floods.AHeadBeyondTheLimitIs431
  ask("/" + std::string(65535, 'x'));
  is_refused(414);
}

// What a client has packed is not unpacked.
TEST_P(Threat, L9_PackedBodiesPassAsTheyAre) {
  const std::string bomb = "\x1f\x8b\x08" + std::string(100, '\xff');
  send({.method = "POST",
        .fields = {{"Content-Encoding", "gzip"}, {"Content-Length", std::to_string(bomb.size())}},
        .body = bomb});
  EXPECT_EQ(arrives().body, bomb);
}

// HTTP/2 lets a client break one up (RFC 9113 §8.2.3).
struct ThreatOfHttp2 : Threat {};
INSTANTIATE_TEST_SUITE_P(Threats, ThreatOfHttp2, testing::Combine(testing::Values(true), testing::Bool()), way);

TEST_P(ThreatOfHttp2, D10_CookieCrumbsAreJoined) {
  ask("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}});
  EXPECT_EQ(arrives().field("cookie"), "a=1; b=2");
}

TEST(Threats, D12_APrefaceWhereHttp2IsNotSpokenIs505) {
  Entrance entrance(false, false);
  const auto client = entrance.connect();
  client->send(std::string(h2::preface) + h2::frame(h2::settings, 0, 0) + h2::get(1));
  EXPECT_EQ(client->read_message().status(), 505);
  EXPECT_EQ(client->read_to_end(), "");
  EXPECT_EQ(entrance.upstream.requests(), 0);
}

TEST(Threats, F23_WhatFollowsAnEmptyBodyIsARequest) {
  Entrance entrance(false, false);
  const auto client = entrance.connect();
  client->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nX\r\n\r\n");
  EXPECT_EQ(client->read_message().status(), 200);
  EXPECT_EQ(client->read_message().status(), 400);
  EXPECT_EQ(client->read_to_end(), "");
  EXPECT_EQ(entrance.upstream.requests(), 1);
}

TEST(Threats, F21_UpgradesOfHttp10AreNotPassedOn) {
  Upstream upstream;
  Entrance entrance(false, false);
  entrance.lead_to(upstream.endpoint());
  const auto client = entrance.connect();
  client->send("GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const Message request = upstream.accept().read_message();
  EXPECT_FALSE(request.has("upgrade"));
  EXPECT_FALSE(request.has("connection"));
}

// One at a time, in order, and others are served meanwhile.
TEST(Threats, L7_TenThousandRequestsInOneWrite) {
  Entrance entrance(false, false);
  std::string flood;
  for (int i = 0; i < 10'000; ++i) flood += get("/");
  const auto client = entrance.connect();
  std::thread sender([&] { client->send(flood); });
  const auto other = entrance.connect();
  other->send(get("/"));
  EXPECT_EQ(other->read_message().body, "fine");
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(client->read_message().body, "fine") << i;
  sender.join();
  EXPECT_EQ(entrance.upstream.requests(), 10'001);
  EXPECT_LE(entrance.upstream.connections(), 2);
}

}  // namespace
}  // namespace gatehouse
