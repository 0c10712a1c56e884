// Threats that are no row of a table, by their names in docs/threat_model.md, each from clients of either version: what
// the upstream gets, and what the client is told.
#include "tests/doubles/proxy/entrance.h"

#include <gtest/gtest.h>

#include <thread>

namespace gatehouse {
namespace {

using namespace std::string_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Threat : testing::TestWithParam<bool> {
  const bool http2 = GetParam();
  Entrance entrance{false, true};
  Upstream upstream;
  std::unique_ptr<h2::Client> client2;
  std::unique_ptr<Peer> client1;

  Threat() { entrance.lead_to(upstream.endpoint()); }

  // Asks, on a connection of its own.
  void ask(const std::string& path, const Fields& fields = {}, const std::string& host = "a.example",
           const std::string& method = "GET", std::string_view body = {}) {
    if (http2)
      ask2(path, fields, host, method, body);
    else
      ask1(path, fields, host, method, body);
  }
  void ask1(const std::string& path, const Fields& fields, const std::string& host, const std::string& method,
            std::string_view body) {
    std::string head = method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n";
    for (const auto& [name, value] : fields) head += name + ": " + value + "\r\n";
    client1 = entrance.connect();
    client1->send(head.append("\r\n").append(body));
  }
  void ask2(const std::string& path, const Fields& fields, const std::string& host, const std::string& method,
            std::string_view body) {
    std::string block = h2::field(":method", method) + h2::field(":scheme", "http") + h2::field(":authority", host) +
                        h2::field(":path", path);
    for (auto [name, value] : fields) {
      for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      block += h2::field(name, value);
    }
    client2 = std::make_unique<h2::Client>(entrance.proxy);
    const std::uint8_t end = body.empty() ? h2::end_stream : 0;
    client2->send(h2::frame(h2::headers, static_cast<std::uint8_t>(h2::end_headers | end), 1, block));
    if (!body.empty()) client2->send(h2::frame(h2::data, h2::end_stream, 1, body));
  }
  // What the client is told; 0: its stream was reset.
  int status() { return http2 ? client2->status(1) : client1->read_message().status(); }
  // The answer is not a whole one.
  bool is_broken_off() { return http2 ? client2->answer(1).was_reset() : !client1->read_message().whole; }
  Message arrives() { return upstream.accept().read_message(); }
  // Refused without a word to the upstream.
  void is_refused(int with = 400) {
    const int told = status();
    EXPECT_TRUE(told == with || (http2 && told == 0)) << told;
    EXPECT_FALSE(upstream.pending());
  }
};

INSTANTIATE_TEST_SUITE_P(Threats, Threat, testing::Bool(),
                         [](const auto& test) { return test.param ? "Http2" : "Http1"; });

TEST_P(Threat, F6_LeadingZerosOfALengthAreNeverOctal) {
  ask("/", {{"Content-Length", "0010"}}, "a.example", "POST", "0123456789");
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
  ask("/", {{"Content-Length", std::to_string(body.size())}}, "a.example", "GET", body);
  RawPeer connection = upstream.accept();
  EXPECT_EQ(connection.read_message().body, body);
  connection.send(ok("x"));
  EXPECT_EQ(status(), 200);
  EXPECT_FALSE(connection.readable_within(50));
}

// An answer before the body is read: the client gets it, and the upstream's connection is not used again.
TEST_P(Threat, F23_AnEarlyAnswerEndsTheUpstreamsConnection) {
  if (http2) {
    client2 = std::make_unique<h2::Client>(entrance.proxy);
    client2->send(
        h2::frame(h2::headers, h2::end_headers, 1, h2::request("POST", "/", h2::field("content-length", "9"))));
  } else {
    ask("/", {{"Content-Length", "9"}}, "a.example", "POST");
  }
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  connection.send(ok("no"));
  EXPECT_EQ(status(), 200);
  EXPECT_NE(connection.await_end(), Peer::End::none);
}

TEST_P(Threat, F25_ABodyCutShortNeverLooksWhole) {
  if (http2) {
    client2 = std::make_unique<h2::Client>(entrance.proxy);
    client2->send(
        h2::frame(h2::headers, h2::end_headers, 1, h2::request("POST", "/", h2::field("content-length", "9"))) +
        h2::frame(h2::data, 0, 1, "hello"));
  } else {
    ask("/", {{"Content-Length", "9"}}, "a.example", "POST", "hello");
  }
  RawPeer connection = upstream.accept();
  connection.read_until("hello");
  if (http2)
    client2->peer().shutdown_write();
  else
    client1->shutdown_write();
  EXPECT_EQ(connection.await_end(), Peer::End::reset);
}

TEST_P(Threat, F26_AnswersThatTwoCouldReadDifferentlyAre502) {
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 101 Go\r\n\r\n"}) {
    SCOPED_TRACE(answer);
    ask("/");
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(answer);
    EXPECT_EQ(status(), 502);
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

TEST_P(Threat, F26_AnAnswerCutShortNeverLooksWhole) {
  for (const std::string answer : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour"}) {
    ask("/");
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(answer);
    connection.close();
    EXPECT_TRUE(is_broken_off()) << answer;
  }
}

// What no body belongs to is the whole answer; what follows it is nobody's.
TEST_P(Threat, F26_ABodyWhereNoneBelongsIsNeverTheNextAnswer) {
  for (const std::string answer : {"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
                                   "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    ask("/");
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send(answer);
    EXPECT_EQ(status(), std::stoi(answer.substr(9, 3)));
    EXPECT_NE(connection.await_end(), Peer::End::none);
  }
}

TEST_P(Threat, H5_SpellingsOfAHostLeadToItsRoute) {
  entrance.publish({to(service({upstream.endpoint()}), "a.example")});
  for (const std::string host : {"A.EXAMPLE", "a.example.", "a.example:443", "A.example.:80"}) {
    ask("/", {}, host);
    EXPECT_EQ(arrives().field("host"), host);
  }
  ask("/", {}, "xn--e1afmkfd.example");
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
  ask("/", fields, "a.example", "POST", "hi");
  if (http2) return is_refused();
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
  Upstream admin;
  entrance.publish({to(service({upstream.endpoint()}), "", "/"), to(service({admin.endpoint()}), "", "/admin")});
  for (const std::string path :
       {"/a/../admin/x", "/%2e%2e/../admin", "/./admin", "//admin", "/a/%2e%2e/admin", "/%61dmin"}) {
    SCOPED_TRACE(path);
    ask(path);
    if (path.starts_with("/%2e%2e/")) {
      is_refused();
      EXPECT_FALSE(admin.pending());
    } else {
      EXPECT_EQ(admin.accept().read_message().start_line, "GET " + path + " HTTP/1.1");
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
  if (http2) return;  // there a frame has 16 KiB: Http2Floods.AHeadBeyondTheLimitIs431
  ask("/" + std::string(65535, 'x'));
  is_refused(414);
}

// What a client has packed is not unpacked.
TEST_P(Threat, L9_PackedBodiesPassAsTheyAre) {
  const std::string bomb = "\x1f\x8b\x08" + std::string(100, '\xff');
  ask("/", {{"Content-Encoding", "gzip"}, {"Content-Length", std::to_string(bomb.size())}}, "a.example", "POST", bomb);
  EXPECT_EQ(arrives().body, bomb);
}

TEST(Threats, D10_CookieCrumbsAreJoined) {
  Upstream upstream;
  Entrance entrance(false, true);
  entrance.lead_to(upstream.endpoint());
  h2::Client client = entrance.connect_http2();
  client.send(h2::get(1, "/", h2::field("cookie", "a=1") + h2::field("x", "y") + h2::field("cookie", "b=2")));
  EXPECT_EQ(upstream.accept().read_message().field("cookie"), "a=1; b=2");
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
