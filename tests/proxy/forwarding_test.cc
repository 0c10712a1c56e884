// What reaches the upstream of a request's head: bytes as sent, who is told to have sent them; and redirection.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

// The head the upstream gets for this request from this address.
Message received(EntryDraft web, Upstream& upstream, std::string_view request, const std::string& from = "127.0.0.1") {
  TestProxy proxy(std::move(web));
  RawPeer client = proxy.connect("web", 0, from);
  client.send(request);
  RawPeer connection = upstream.accept();
  return connection.read_message();
}

EntryDraft web_to(const Upstream& upstream) { return entry("web", {to(service({upstream.endpoint()}))}); }

EntryDraft trusting(EntryDraft draft, const std::string& range) {
  draft.forwarded_from = ranges({range});
  return draft;
}

TEST(Forwarding, TargetsReachTheUpstreamByteForByte) {
  Upstream upstream;
  TestProxy proxy(web_to(upstream));
  RawPeer client = proxy.connect();
  std::optional<RawPeer> connection;
  for (const std::string target : {"/a%2Fb%2fc", "//x///y/", "/a/./b/../c", "/+;=@,:$&'()*!", "/%7euser?x=%2F%20+&&y",
                                   "/?", "/x?a=b?c=%00", "/{a}|b^\"", "/group%2Fproject/-/raw/main/a+b.txt?ref=v1..v2",
                                   "/bucket/key%20with%20%E2%82%AC?X-Amz-Signature=a%2Bb%3D"}) {
    client.send(get(target));
    if (!connection) connection = upstream.accept();
    EXPECT_EQ(connection->read_message().start_line, "GET " + target + " HTTP/1.1");
    connection->send(ok(""));
    EXPECT_EQ(client.read_message().status(), 200);
  }
}

TEST(Forwarding, HostIsKeptAsSent) {
  Upstream upstream;
  EntryDraft web = entry("web", {to(service({upstream.endpoint()}), "a.example")});
  const Message request = received(std::move(web), upstream, "GET / HTTP/1.1\r\nHost: A.eXample:8080\r\n\r\n");
  EXPECT_EQ(request.field("host"), "A.eXample:8080");
  EXPECT_EQ(request.field("x-forwarded-host"), "A.eXample:8080");
  EXPECT_EQ(request.field("x-forwarded-port"), "8080");
}

TEST(Forwarding, AbsoluteFormBecomesOriginForm) {
  Upstream upstream;
  const Message request =
      received(web_to(upstream), upstream, "GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_EQ(request.start_line, "GET /x?y HTTP/1.1");
  EXPECT_EQ(request.field("host"), "a.example");
}

TEST(Forwarding, HopByHopFieldsStay) {
  Upstream upstream;
  const Message request = received(
      web_to(upstream), upstream,
      get("/",
          "Connection: keep-alive, X-Mine, Authorization\r\nX-Mine: 1\r\nAuthorization: Basic x\r\nKeep-Alive: 5\r\n"
          "Proxy-Connection: x\r\nTE: trailers\r\nX-Kept: yes\r\nX_Forwarded_For: 6.6.6.6\r\nUser-Agent: t\r\n"));
  EXPECT_FALSE(request.has("x-mine"));
  EXPECT_FALSE(request.has("keep-alive"));
  EXPECT_FALSE(request.has("proxy-connection"));
  EXPECT_FALSE(request.has("x_forwarded_for"));
  EXPECT_FALSE(request.has("connection"));
  EXPECT_EQ(request.field("x-kept"), "yes");
  EXPECT_EQ(request.field("authorization"), "Basic x");
  EXPECT_EQ(request.field("user-agent"), "t");
}

TEST(Forwarding, StrangersCannotSayWhoTheyAre) {
  Upstream upstream;
  const Message request = received(trusting(web_to(upstream), "10.0.0.0/8"), upstream,
                                   get("/",
                                       "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
                                       "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Ssl: on\r\n"
                                       "Forwarded: for=6.6.6.6\r\nX-Forwarded-Prefix: /x\r\n"));
  EXPECT_EQ(request.field("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(request.field("x-real-ip"), "127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "a.example");
  EXPECT_EQ(request.field("x-forwarded-port"), "80");
  EXPECT_FALSE(request.has("x-forwarded-ssl"));
  EXPECT_FALSE(request.has("forwarded"));
  EXPECT_FALSE(request.has("x-forwarded-prefix"));
}

TEST(Forwarding, TrustedPeersAreBelieved) {
  Upstream upstream;
  const Message request = received(trusting(web_to(upstream), "127.0.0.0/8"), upstream,
                                   get("/",
                                       "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
                                       "X-Forwarded-Host: public.example\r\nX-Forwarded-Port: 8443\r\n"),
                                   "127.0.0.4");
  EXPECT_EQ(request.field("x-forwarded-for"), "6.6.6.6, 203.0.113.9, 127.0.0.4");
  EXPECT_EQ(request.field("x-real-ip"), "203.0.113.9");
  EXPECT_EQ(request.field("x-forwarded-proto"), "https");
  EXPECT_EQ(request.field("x-forwarded-host"), "public.example");
  EXPECT_EQ(request.field("x-forwarded-port"), "8443");
  EXPECT_EQ(request.field("x-forwarded-ssl"), "on");
}

TEST(Forwarding, ServiceMayAskForItsOwnHost) {
  Upstream upstream;
  auto external = service({upstream.endpoint()});
  external->host = "origin.example";
  external->pass_host_header = false;
  const Message request = received(entry("web", {to(external)}), upstream, get("/"));
  EXPECT_EQ(request.field("host"), "origin.example");
  EXPECT_EQ(request.field("x-forwarded-host"), "a.example");
}

TEST(Forwarding, AnswerKeepsItsFieldsAndLosesTheHops) {
  Upstream upstream;
  TestProxy proxy(web_to(upstream));
  RawPeer client = proxy.connect();
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("x",
                     "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: theirs\r\nDate: then\r\nKeep-Alive: timeout=5\r\n"
                     "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Odd:  spaced \r\n"));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.fields("set-cookie"), (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_EQ(answer.field("server"), "theirs");
  EXPECT_EQ(answer.field("date"), "then");
  EXPECT_EQ(answer.field("x-odd"), "spaced");
  EXPECT_FALSE(answer.has("keep-alive"));
  EXPECT_FALSE(answer.has("connection"));
  EXPECT_FALSE(answer.has("x-hop"));
}

EntryDraft redirecting(const Upstream& upstream, std::string port = "") {
  EntryDraft web = trusting(web_to(upstream), "127.0.0.8");
  web.redirection = Redirection{"https", std::move(port), true};
  return web;
}

TEST(Redirection, StatusFollowsTheMethodAndTheTargetStays) {
  Upstream upstream;
  TestProxy proxy(redirecting(upstream));
  const Message get_answer = proxy.ask("GET /a%2Fb?c=d HTTP/1.1\r\nHost: A.example:80\r\n\r\n");
  EXPECT_EQ(get_answer.status(), 301);
  EXPECT_EQ(get_answer.field("location"), "https://a.example/a%2Fb?c=d");
  const Message post_answer = proxy.ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(post_answer.status(), 308);
  EXPECT_EQ(proxy.log_line().at("status"), 301);
  EXPECT_FALSE(upstream.pending());
}

TEST(Redirection, NamesAnUnusualPort) {
  Upstream upstream;
  TestProxy proxy(redirecting(upstream, "8443"));
  EXPECT_EQ(proxy.ask(get("/x")).field("location"), "https://a.example:8443/x");
}

TEST(Redirection, SparesChallengesAndWhatATrustedPeerDecrypted) {
  Upstream upstream;
  EXPECT_EQ(received(redirecting(upstream), upstream, get("/.well-known/acme-challenge/token")).start_line,
            "GET /.well-known/acme-challenge/token HTTP/1.1");
  EXPECT_EQ(received(redirecting(upstream), upstream, get("/", "X-Forwarded-Proto: https\r\n"), "127.0.0.8").start_line,
            "GET / HTTP/1.1");
  TestProxy proxy(redirecting(upstream));
  EXPECT_EQ(proxy.ask(get("/", "X-Forwarded-Proto: https\r\n")).status(), 301);
}

TEST(Redirection, NeverLeavesTheHostTheClientNamed) {
  Upstream upstream;
  TestProxy proxy(redirecting(upstream));
  EXPECT_EQ(proxy.ask(get("//evil.example/")).field("location"), "https://a.example//evil.example/");
}

}  // namespace
}  // namespace gatehouse
