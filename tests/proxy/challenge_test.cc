// Challenges of certificate authorities: their answers come before everything else, and nothing else is ever answered.
#include "tests/doubles/proxy/test_proxy.h"
#include "tls/new_certificate.h"

#include <gtest/gtest.h>

#include <future>

namespace gatehouse {
namespace {

using Board = tls::ChallengeBoard;

const std::string token = "abcdefghijklmnopqrstuv_-1";
const std::string path = "/.well-known/acme-challenge/" + token;

HostName host(std::string_view text) { return HostName::parse(text).value(); }

Board http_board() { return Board({{host("a.example"), token, token + ".thumbprint"}}, {}); }

struct Challenges : testing::Test {
  AnsweringUpstream web{"web"};
  Upstream upstream;
  TestProxy proxy;
  tls::CertificatePtr answer =
      tls::make_challenge_certificate(host("a.example"), "key authorization", SystemClock().wall_now()).value();

  EntryDraft web_entry() {
    return entry("web", {to(service({web.endpoint()}), "a.example"), to(service({web.endpoint()}))});
  }

  EntryDraft mixed(std::vector<HttpRoutePtr> http, std::vector<TcpRoutePtr> tcp) {
    EntryDraft draft = entry("mixed", std::move(http), std::move(tcp));
    draft.tls.options = make_tls_options("default", {}).value();
    return draft;
  }
  void use_default_certificate() {
    tls::CertificateStore::Contents contents;
    contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
    proxy.use(std::move(contents));
  }
  // A validation as the CA makes it (RFC 8737 §3). It fails where no challenge is pending.
  Result<std::unique_ptr<TlsPeer>> validate() {
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = {std::string(tls::challenge_protocol)};
    return TlsPeer::connect(proxy.connect("mixed"), tls::make_client_context(policy).value(), "a.example");
  }
};

TEST_F(Challenges, AnAnswerComesBeforeRedirectionAndRoutes) {
  EntryDraft draft = web_entry();
  draft.redirection = Redirection{"https", "", true};
  proxy.use(http_board());
  proxy.publish({std::move(draft)});
  const Message got = proxy.ask(get(path));
  EXPECT_EQ(got.start_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(got.body, token + ".thumbprint");
  EXPECT_EQ(got.field("content-type"), "text/plain");
  EXPECT_EQ(proxy.log_line().at("status"), 200);
  EXPECT_EQ(web.connections(), 0);
}

TEST_F(Challenges, AnAnswerNeedsNoRouteAndNoPort) {
  proxy.use(http_board());
  proxy.publish({entry("web", {})});
  EXPECT_EQ(proxy.ask("GET " + path + " HTTP/1.1\r\nHost: A.example:80\r\n\r\n").body, token + ".thumbprint");
  EXPECT_EQ(proxy.ask(get(path + "?query")).body, token + ".thumbprint");
}

TEST_F(Challenges, HeadHasNoBodyAndOtherMethodsAreRouted) {
  proxy.use(http_board());
  proxy.publish({web_entry()});
  RawPeer client = proxy.connect();
  client.send("HEAD " + path + " HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
  const std::string head = client.read_to_end();
  EXPECT_NE(head.find("200 OK"), std::string::npos);
  EXPECT_EQ(head.find("thumbprint"), std::string::npos);
  EXPECT_EQ(proxy.ask("POST " + path + " HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n").body, "web");
}

TEST_F(Challenges, WhatIsNotPendingIsRouted) {
  proxy.use(http_board());
  proxy.publish({web_entry()});
  for (const std::string& other : std::vector<std::string>{path + "x", path + "/", "/.well-known/acme-challenge/",
                                                           "/.well-known/acme-challenge/../acme-challenge/" + token,
                                                           "/.well-known/acme-challenge/%61" + token.substr(1),
                                                           "//.well-known/acme-challenge/" + token})
    EXPECT_EQ(proxy.ask(get(other)).body, "web") << other;
  EXPECT_EQ(proxy.ask("GET " + path + " HTTP/1.1\r\nHost: b.example\r\n\r\n").body, "web");
}

TEST_F(Challenges, AValidatingHandshakeGetsItsCertificateAndTheEnd) {
  EntryDraft draft = mixed({to(service({web.endpoint()}))}, {});
  draft.tls.required = true;
  proxy.use(Board({}, {{host("a.example"), answer}}));
  proxy.publish({std::move(draft)});
  auto client = validate();
  ASSERT_TRUE(client) << client.error().detail;
  EXPECT_EQ((*client)->await_end(), Peer::End::closed);
  EXPECT_EQ(web.connections(), 0);
}

TEST_F(Challenges, WithoutOnePendingAValidatingHandshakeFails) {
  EntryDraft draft = mixed({to(service({web.endpoint()}))}, {});
  draft.tls.required = true;
  use_default_certificate();
  proxy.publish({std::move(draft)});
  EXPECT_FALSE(validate());
}

TEST_F(Challenges, APendingOneIsAnsweredHereThoughTheHostIsPassedThrough) {
  proxy.use(Board({}, {{host("a.example"), answer}}));
  proxy.publish({mixed({}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`a.example`)", TcpTls::passthrough)})});
  auto client = validate();
  ASSERT_TRUE(client) << client.error().detail;
  EXPECT_FALSE(upstream.pending());
}

TEST_F(Challenges, OthersOfThatHostArePassedThrough) {
  proxy.use(Board({}, {{host("b.example"), answer}}));
  proxy.publish({mixed({}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`a.example`)", TcpTls::passthrough)})});
  auto client = std::async(std::launch::async, [&] { return validate().has_value(); });
  upstream.accept().close();
  EXPECT_FALSE(client.get());
}

}  // namespace
}  // namespace gatehouse
