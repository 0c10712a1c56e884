// TLS, and several protocols on one port: the first byte and the ClientHello decide.
#include "tests/doubles/proxy/test_proxy.h"
#include "tests/doubles/temporary_directory.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

#include <future>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

HostName host(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

struct Mixed : testing::Test {
  TemporaryDirectory directory;
  std::shared_ptr<const tls::InternalCa> ca =
      tls::InternalCa::load_or_create(directory / "ca", SystemClock().wall_now()).value();
  std::shared_ptr<const tls::ServerContext> server_context = tls::make_server_context({}, nullptr).value();
  TlsOptionsPtr tls_options = make_tls_options("default", {}).value();
  std::shared_ptr<const tls::ClientContext> verifying = client_context(true);
  std::shared_ptr<const tls::ClientContext> trusting = client_context(false);
  AnsweringUpstream web{"web"};
  Upstream upstream;
  TestProxy proxy;

  std::shared_ptr<const tls::ClientContext> client_context(bool verify) const {
    tls::ClientPolicy policy;
    policy.verify = verify;
    policy.ca_pem = ca->root_pem();
    return tls::make_client_context(policy).value();
  }
  tls::CertificatePtr issue(std::string_view name) const {
    return ca->issue(host(name), SystemClock().wall_now()).value();
  }
  std::unique_ptr<TlsPeer> connect(const std::string& server_name, bool verify = true) {
    return TlsPeer::connect(proxy.connect("mixed"), verify ? verifying : trusting, server_name).value();
  }
  // The upstream's side of a passed-through handshake, in a thread of its own.
  std::future<std::string> serve_tls(const std::string& name) {
    return std::async(std::launch::async, [this, certificate = issue(name)] {
      auto peer = TlsPeer::accept(upstream.accept(), server_context, certificate).value();
      const std::string question = peer->read_until("\n");
      peer->send("answer\n");
      peer->shutdown_write();
      peer->read_to_end();
      return question;
    });
  }
  EntryDraft mixed(std::vector<HttpRoutePtr> http, std::vector<TcpRoutePtr> tcp) {
    EntryDraft draft = entry("mixed", std::move(http), std::move(tcp));
    draft.tls.options = tls_options;
    return draft;
  }
  void use_certificates(const std::vector<std::string>& names) {
    tls::CertificateStore::Contents contents;
    for (const auto& name : names) contents.entries.push_back({host(name), issue(name)});
    contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
    proxy.use(std::move(contents));
  }
};

TEST_F(Mixed, HttpsServesSeveralRequestsAndSaysSo) {
  use_certificates({"a.example", "*.b.example"});
  EntryDraft draft = mixed({to(service({upstream.endpoint()}))}, {});
  draft.tls.required = true;
  proxy.publish({std::move(draft)});
  auto client = connect("a.example");
  client->send(get("/1") + get("/2"));
  RawPeer connection = upstream.accept();
  for (int i = 0; i < 2; ++i) {
    const Message request = connection.read_message();
    EXPECT_EQ(request.field("x-forwarded-proto"), "https");
    EXPECT_EQ(request.field("x-forwarded-port"), "443");
    EXPECT_EQ(request.field("x-forwarded-ssl"), "on");
    connection.send(ok("secret"));
    EXPECT_EQ(client->read_message().body, "secret");
  }
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("scheme"), "https");
  EXPECT_EQ(line.at("serverName"), "a.example");
  client->shutdown_write();
  EXPECT_EQ(client->await_end(), Peer::End::closed);
}

TEST_F(Mixed, CertificateFollowsTheServerName) {
  use_certificates({"a.example", "*.b.example"});
  EntryDraft draft = mixed({to(service({web.endpoint()}))}, {});
  draft.tls.required = true;
  proxy.publish({std::move(draft)});
  connect("a.example");
  connect("x.b.example");
  EXPECT_FALSE(TlsPeer::connect(proxy.connect("mixed"), verifying, "x.y.b.example"));
  auto stranger = connect("other.example", false);  // the default certificate
  stranger->send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
  EXPECT_EQ(stranger->read_message().body, "web");
}

TEST_F(Mixed, PlainBytesWhereTlsIsRequiredAreClosed) {
  EntryDraft draft = mixed({to(service({web.endpoint()}))}, {});
  draft.tls.required = true;
  proxy.publish({std::move(draft)});
  RawPeer client = proxy.connect("mixed");
  client.send(get("/"));
  EXPECT_EQ(client.read_to_end().find("HTTP"), std::string::npos);
  EXPECT_EQ(proxy.log_line().at("failure"), "handshake_failed");
  EXPECT_EQ(web.connections(), 0);
}

TEST_F(Mixed, TruncatedAnswerOverTlsIsSeenAsBroken) {
  use_certificates({"a.example"});
  proxy.publish({mixed({to(service({upstream.endpoint()}))}, {})});
  auto client = connect("a.example");
  client->send(get("/"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour");
  connection.close();
  EXPECT_FALSE(client->read_message().whole);
  EXPECT_EQ(client->end(), Peer::End::reset);
}

TEST_F(Mixed, PlainAndTlsShareAPortWhenHostsAskForTls) {
  use_certificates({"a.example"});
  auto secure = std::make_shared<HttpRoute>(*to(service({web.endpoint()}), "a.example"));
  secure->tls_only = true;
  proxy.publish({mixed({secure}, {})});
  auto client = connect("a.example");
  client->send(get("/"));
  EXPECT_EQ(client->read_message().body, "web");
  RawPeer plain = proxy.connect("mixed");
  plain.send(get("/"));
  EXPECT_EQ(plain.read_message().status(), 404);
}

TEST_F(Mixed, SpecificHttpsHostComesBeforeSpecificServerName) {
  use_certificates({"a.example"});
  const auto tcp = service({upstream.endpoint()}, "test/tcp:1");
  proxy.publish({mixed({to(service({web.endpoint()}), "a.example")},
                       {tcp_to(tcp, "HostSNI(`a.example`)", TcpTls::passthrough),
                        tcp_to(tcp, "HostSNI(`ssh.example`)", TcpTls::passthrough)})});
  auto https = connect("a.example");
  https->send(get("/"));
  EXPECT_EQ(https->read_message().body, "web");
  auto passed = serve_tls("ssh.example");
  auto client = connect("ssh.example");
  client->send("question\n");
  EXPECT_EQ(client->read_until("\n"), "answer\n");
  client->shutdown_write();
  EXPECT_EQ(client->await_end(), Peer::End::closed);
  EXPECT_EQ(passed.get(), "question\n");
}

TEST_F(Mixed, SpecificServerNameComesBeforeTheHttpsCatchAllAndThatBeforeTheTcpCatchAll) {
  use_certificates({"other.example"});
  const auto tcp = service({upstream.endpoint()}, "test/tcp:1");
  const auto named = tcp_to(tcp, "HostSNI(`ssh.example`)", TcpTls::passthrough);
  const auto any = tcp_to(tcp, "HostSNI(`*`)", TcpTls::passthrough);
  proxy.publish({mixed({to(service({web.endpoint()}))}, {named, any})});
  auto https = connect("other.example");
  https->send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
  EXPECT_EQ(https->read_message().body, "web");
  for (const std::string name : {"ssh.example", "any.example"}) {
    if (name == "any.example") proxy.publish({mixed({}, {named, any})});
    auto passed = serve_tls(name);
    auto client = connect(name);
    client->send("question\n");
    EXPECT_EQ(client->read_until("\n"), "answer\n");
    client->shutdown_write();
    EXPECT_EQ(passed.get(), "question\n");
  }
}

TEST_F(Mixed, TerminatedTcpReachesTheUpstreamInTheClear) {
  use_certificates({"db.example"});
  proxy.publish({mixed({}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`db.example`)", TcpTls::terminate)})});
  auto client = connect("db.example");
  client->send("select 1");
  RawPeer server = upstream.accept();
  EXPECT_EQ(server.read(8), "select 1");
  server.send("1");
  server.shutdown_write();
  EXPECT_EQ(client->read_to_end(), "1");
  EXPECT_EQ(client->end(), Peer::End::closed);
  client->send("tail");
  client->shutdown_write();
  EXPECT_EQ(server.read_to_end(), "tail");
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("serverName"), "db.example");
  EXPECT_EQ(line.at("end"), "upstream closed");
}

TEST_F(Mixed, UnknownServerNameHasNoRoute) {
  proxy.publish({mixed({}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`db.example`)", TcpTls::passthrough)})});
  EXPECT_FALSE(TlsPeer::connect(proxy.connect("mixed"), trusting, "other.example"));
  EXPECT_EQ(proxy.log_line().at("failure"), "no_route");
  EXPECT_FALSE(upstream.pending());
}

// The hello reaches the upstream unchanged, however it was cut.
TEST_F(Mixed, ClientHelloMayArriveByteByByte) {
  proxy.publish({mixed({}, {tcp_to(service({upstream.endpoint()}), "HostSNI(`db.example`)", TcpTls::passthrough)})});
  Upstream listening;
  auto client = std::async(std::launch::async, [&] {
    return TlsPeer::connect(RawPeer::connect(listening.endpoint()), trusting, "db.example").has_value();
  });
  RawPeer taken = listening.accept();
  std::string hello = taken.read(5);
  hello += taken.read(
      static_cast<std::size_t>(static_cast<unsigned char>(hello[3]) << 8 | static_cast<unsigned char>(hello[4])));
  taken.close();
  EXPECT_FALSE(client.get());
  RawPeer slow = proxy.connect("mixed");
  for (const char c : hello) slow.send({&c, 1});
  RawPeer server = upstream.accept();
  EXPECT_EQ(server.read(hello.size()), hello);
}

TEST_F(Mixed, BrokenClientHelloIsClosed) {
  proxy.publish({mixed({to(service({web.endpoint()}))},
                       {tcp_to(service({upstream.endpoint()}), "HostSNI(`*`)", TcpTls::passthrough)})});
  RawPeer client = proxy.connect("mixed");
  client.send(std::string("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9));
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(proxy.log_line().at("failure"), "handshake_failed");
  EXPECT_FALSE(upstream.pending());
}

TEST_F(Mixed, SilenceFallsToThePlainTcpRouteAfterTheSniffLimit) {
  ManualClock clock;
  TestProxy patient(mixed({}, {tcp_to(service({upstream.endpoint()})),
                               tcp_to(service({upstream.endpoint()}), "HostSNI(`a.example`)", TcpTls::passthrough)}),
                    {.clock = &clock});
  RawPeer client = patient.connect("mixed");
  EXPECT_EQ(patient.await_open("mixed", 1), 1);
  EXPECT_FALSE(upstream.pending());
  Duration waited{};
  for (; !upstream.pending(5) && waited < 1min; waited += 100ms) patient.pass(100ms);
  EXPECT_GE(waited, 2900ms);
  EXPECT_LE(waited, 4s);
  RawPeer server = upstream.accept();
  server.send("220 ready\r\n");
  EXPECT_EQ(client.read_until("\n"), "220 ready\r\n");
  client.send("EHLO\r\n");
  EXPECT_EQ(server.read_until("\n"), "EHLO\r\n");
  // The limit that has passed does not come back to cut the session.
  for (int i = 0; i < 50; ++i) patient.pass(100ms);
  patient.ask_admin("/metrics");
  server.send("250 ok\r\n");
  EXPECT_EQ(client.read_until("\n"), "250 ok\r\n");
}

TEST_F(Mixed, ClientThatSpeaksPlainGoesToThePlainRouteAtOnce) {
  ManualClock clock;
  TestProxy patient(mixed({}, {tcp_to(service({upstream.endpoint()})),
                               tcp_to(service({upstream.endpoint()}), "HostSNI(`a.example`)", TcpTls::passthrough)}),
                    {.clock = &clock});
  RawPeer client = patient.connect("mixed");
  client.send("SSH-2.0-client\r\n");
  EXPECT_EQ(upstream.accept().read_until("\n"), "SSH-2.0-client\r\n");
}

TEST_F(Mixed, HttpsUpstreamIsVerified) {
  auto secure = service({upstream.endpoint()});
  secure->host = "origin.example";
  secure->tls = verifying;
  proxy.publish({entry("web", {to(secure)})});
  for (const std::string name : {"origin.example", "wrong.example"}) {
    RawPeer client = proxy.connect();
    client.send(get("/"));
    auto peer = TlsPeer::accept(upstream.accept(), server_context, issue(name));
    if (name == "origin.example") {
      ASSERT_TRUE(peer);
      (*peer)->read_message();
      (*peer)->send(ok("verified", "Connection: close\r\n"));
      EXPECT_EQ(client.read_message().body, "verified");
      proxy.log_line();
    } else {
      EXPECT_EQ(client.read_message().status(), 502);
      EXPECT_EQ(proxy.log_line().at("failure"), "upstream_tls_failed");
    }
  }
}

}  // namespace
}  // namespace gatehouse
