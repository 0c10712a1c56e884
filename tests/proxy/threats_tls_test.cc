// Threats against TLS and what lies around it, by their names in docs/threat_model.md.
#include "tests/doubles/proxy/entrance.h"
#include "tests/doubles/temporary_directory.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

std::string repeated(const std::string& bytes, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += bytes;
  return out;
}

EntryDraft tls_entry(std::vector<HttpRoutePtr> http, std::vector<TcpRoutePtr> tcp = {}) {
  EntryDraft draft = entry("web", std::move(http), std::move(tcp));
  draft.tls.required = true;
  draft.tls.options = make_tls_options("default", {}).value();
  return draft;
}

tls::CertificateStore::Contents self_signed() {
  tls::CertificateStore::Contents contents;
  contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
  return contents;
}

// Refused as soon as it can be seen, whoever looks first: OpenSSL, or the reader of server names.
TEST(Threats, T1_T9_WhatIsNoHandshakeIsClosedAtOnce) {
  AnsweringUpstream upstream("fine");
  for (const bool peeks : {false, true}) {
    TestProxy proxy;
    proxy.use(self_signed());
    std::vector<TcpRoutePtr> tcp;
    if (peeks) tcp.push_back(tcp_to(service({upstream.endpoint()}), "HostSNI(`b.example`)", TcpTls::passthrough));
    proxy.publish({tls_entry({to(service({upstream.endpoint()}))}, std::move(tcp))});
    for (const std::string& bytes :
         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"s, std::string(h2::preface),
          "\x16\x03\x03\xff\xff"s,                                     // a record of 65535 bytes
          "\x16\x03\x03\x48\x01"s,                                     // of 18433
          "\x16\x03\x01\x00\x04\x01\xff\xff\xff"s,                     // a hello of 16 MiB
          "\x16\x03\x01\x00\x04\x02\x00\x00\x00"s,                     // a server's hello
          "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"s + std::string(40, '\1'),  // of SSL 2
          repeated("\x14\x03\x03\x00\x01\x01"s, 100),                  // changes of ciphers without a handshake
          repeated("\x15\x03\x03\x00\x02\x01\x5a"s, 100),              // warnings
          repeated("\x16\x03\x03\x00\x00"s, 100),                      // empty records
          "\x18\x03\x03\x00\x03\x01\x40\x00"s,                         // heartbeat (CVE-2014-0160)
          "\x17\x03\x03\x00\x05hello"s}) {
      SCOPED_TRACE(testing::PrintToString(bytes));
      RawPeer client = proxy.connect();
      client.send(bytes);
      EXPECT_LT(client.read_to_end().size(), 20u);  // an alert at most
      EXPECT_NE(client.end(), Peer::End::none);
    }
    EXPECT_EQ(upstream.connections(), 0);
  }
}

// A hundred that begin a handshake and go silent: others are served, and those end.
TEST(Threats, L4_T10_HandshakesThatStandStillEnd) {
  ManualClock clock;
  AnsweringUpstream upstream("fine");
  TestProxy proxy(TestProxy::Setup{.clock = &clock});
  proxy.use(self_signed());
  proxy.publish({tls_entry({to(service({upstream.endpoint()}))})});
  std::vector<RawPeer> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(proxy.connect());
    if (i % 2 == 0) silent.back().send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
  }
  EXPECT_EQ(proxy.await_open("web", 100), 100);
  tls::ClientPolicy policy;
  policy.verify = false;
  const auto other = TlsPeer::connect(proxy.connect(), tls::make_client_context(policy).value(), "a.example").value();
  other->send(get("/"));
  EXPECT_EQ(other->read_message().body, "fine");
  const Duration waited = proxy.advance_until_readable(silent.front(), 1s);
  EXPECT_GE(waited, 10s);
  EXPECT_LE(waited, 13s);
  for (RawPeer& client : silent) EXPECT_NE(client.await_end(), Peer::End::none);
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  EXPECT_EQ(proxy.metric(failures("handshake_timeout")), 100);
}

TEST(Threats, T7_AnotherProtocolThanAgreedIsRefused) {
  Entrance entrance(true, true);
  const auto says_http1 = entrance.connect("h2");
  says_http1->send(get("/"));
  EXPECT_EQ(says_http1->read_to_end().find("HTTP/1.1"), std::string::npos);
  const auto says_http2 = entrance.connect("http/1.1");
  says_http2->send(std::string(h2::preface) + h2::frame(h2::settings, 0, 0) + h2::get(1));
  EXPECT_EQ(says_http2->read_message().status(), 505);
  EXPECT_EQ(entrance.upstream.requests(), 0);
}

// An upstream, or who sits on the way to it, that speaks before TLS is there (CVE-2026-1642 of another proxy).
TEST(Threats, T11_PlainBytesOfATlsUpstreamAreNoAnswer) {
  Upstream upstream;
  auto encrypted = service({upstream.endpoint()});
  tls::ClientPolicy policy;
  policy.verify = false;
  encrypted->tls = tls::make_client_context(policy).value();
  TestProxy proxy(entry("web", {to(encrypted)}));
  RawPeer client = proxy.connect();
  client.send(get("/"));
  RawPeer connection = upstream.accept();
  connection.send(ok("evil"));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_NE(connection.await_end(), Peer::End::none);
}

// The misdirection table of the Gateway API. Where it knows listeners we know certificates: a host that the certificate
// shown covers may be asked for on its connection, and one that no certificate names is not told from a foreign one.
// Three rows differ for that (docs/threat_model.md). Over HTTP/1.1 a connection is not shared, and nothing is checked
// unless it is asked for.
TEST(Threats, H6_HostsOnConnectionsOfOthers) {
  TemporaryDirectory directory;
  const auto now = SystemClock().wall_now();
  const auto ca = tls::InternalCa::load_or_create(directory / "ca", now).value();
  tls::CertificateStore::Contents contents = self_signed();
  for (const std::string name : {"second-example.org", "*.wildcard.org", "fourth-example.wildcard.org"}) {
    const HostName host = HostName::parse_with_wildcard(name).value();
    contents.entries.push_back({host, ca->issue(host, now).value()});
  }
  AnsweringUpstream upstream("fine");
  TestProxy proxy;
  proxy.use(std::move(contents));
  const auto fine = service({upstream.endpoint()});
  const auto publish = [&](ServerNameCheck check) {
    EntryDraft draft = tls_entry({to(fine, "example.org"), to(fine, "second-example.org"), to(fine, "*.wildcard.org"),
                                  to(fine, "fourth-example.wildcard.org")});
    draft.check_server_name = check;
    proxy.publish_and_wait({std::move(draft)});
  };
  const auto connect = [&](const std::string& server_name, const std::string& protocol) {
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = {protocol};
    return TlsPeer::connect(proxy.connect(), tls::make_client_context(policy).value(), server_name + ".org").value();
  };
  const auto status1 = [&](const std::string& server_name, const std::string& host) {
    const auto client = connect(server_name, "http/1.1");
    client->send("GET / HTTP/1.1\r\nHost: " + host + ".org\r\n\r\n");
    return client->read_message().status();
  };
  const auto status2 = [&](const std::string& server_name, const std::string& host) {
    h2::Client client(connect(server_name, "h2"));
    client.send(h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1,
                          h2::field(":method", "GET") + h2::field(":scheme", "https") +
                              h2::field(":authority", host + ".org") + h2::field(":path", "/")));
    return client.answer(1).status;
  };
  const std::string example = "example", second = "second-example", third = "third-example.wildcard",
                    fourth = "fourth-example.wildcard", fifth = "fith-example.wildcard", unknown = "unknown-example";
  struct Row {
    std::string server_name, host;
    int status;
  };
  const std::vector<Row> rows{{example, example, 200}, {example, second, 421},  {example, unknown, 421},
                              {second, second, 200},   {second, example, 421},  {second, unknown, 421},
                              {third, third, 200},     {third, fifth, 200},     {third, fourth, 200},
                              {third, second, 421},    {third, unknown, 421},   {fourth, fourth, 200},
                              {fourth, fifth, 421},    {unknown, example, 421}, {unknown, unknown, 404}};
  for (const ServerNameCheck check : {ServerNameCheck::http2, ServerNameCheck::always, ServerNameCheck::never}) {
    publish(check);
    for (const Row& row : rows) {
      SCOPED_TRACE(row.server_name + " " + row.host);
      const int unchecked = row.host == unknown ? 404 : 200;
      EXPECT_EQ(status2(row.server_name, row.host), check == ServerNameCheck::never ? unchecked : row.status);
      EXPECT_EQ(status1(row.server_name, row.host), check == ServerNameCheck::always ? row.status : unchecked);
    }
  }
}

}  // namespace
}  // namespace gatehouse
