// Which connections speak HTTP/2 over TLS, and for which hosts.
#include "tests/doubles/proxy/http2_peer.h"
#include "tests/doubles/temporary_directory.h"
#include "tls/internal_ca.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;

HostName host(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

struct Http2OverTls : testing::Test {
  TemporaryDirectory directory;
  std::shared_ptr<const tls::InternalCa> ca =
      tls::InternalCa::load_or_create(directory / "ca", SystemClock().wall_now()).value();
  AnsweringUpstream upstream{"fine"};
  TestProxy proxy;

  void publish(ServerNameCheck check = ServerNameCheck::http2) {
    tls::CertificateStore::Contents contents;
    for (const std::string name : {"a.example", "*.b.example"})
      contents.entries.push_back({host(name), ca->issue(host(name), SystemClock().wall_now()).value()});
    contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
    proxy.use(std::move(contents));
    EntryDraft draft = entry("web", {to(service({upstream.endpoint()}))});
    draft.tls.required = true;
    draft.tls.options = make_tls_options("default", {}).value();
    draft.check_server_name = check;
    proxy.publish_and_wait({std::move(draft)});
  }
  std::unique_ptr<TlsPeer> connect(const std::string& server_name, std::vector<std::string> alpn = {"h2"}) {
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = std::move(alpn);
    return TlsPeer::connect(proxy.connect(), tls::make_client_context(policy).value(), server_name).value();
  }
  // The status for a request of this host on a connection of that server name.
  int status(const std::string& server_name, const std::string& authority) {
    Client client(connect(server_name));
    client.send(frame(
        headers, end_headers | end_stream, 1,
        field(":method", "GET") + field(":scheme", "https") + field(":authority", authority) + field(":path", "/")));
    return client.answer(1).status;
  }
};

TEST_F(Http2OverTls, IsAgreedByAlpn) {
  publish();
  EXPECT_EQ(status("a.example", "a.example"), 200);
  auto old = connect("a.example", {"http/1.1"});
  old->send(gatehouse::get("/"));
  EXPECT_EQ(old->read_message().status(), 200);
  auto without = connect("a.example", {});
  without->send(gatehouse::get("/"));
  EXPECT_EQ(without->read_message().status(), 200);
}

// RFC 9110 §7.4: clients share connections between the hosts that a certificate covers, and only those.
TEST_F(Http2OverTls, AHostOutsideTheCertificateIs421) {
  publish();
  EXPECT_EQ(status("a.example", "other.example"), 421);
  EXPECT_EQ(status("a.example", "x.b.example"), 421);
  EXPECT_EQ(status("x.b.example", "y.b.example"), 200);
  EXPECT_EQ(status("x.b.example", "a.example"), 421);
  EXPECT_EQ(status("a.example", "A.EXAMPLE:443"), 200);
  EXPECT_EQ(status("nobody.example", "nobody.example"), 200);  // the default certificate covers none
}

TEST_F(Http2OverTls, ItsStreamAloneIsRefused) {
  publish();
  Client client(connect("a.example"));
  const auto ask = [](std::uint32_t stream, std::string_view authority) {
    return frame(
        headers, end_headers | end_stream, stream,
        field(":method", "GET") + field(":scheme", "https") + field(":authority", authority) + field(":path", "/"));
  };
  client.send(ask(1, "other.example") + ask(3, "a.example"));
  EXPECT_EQ(client.answer(1).status, 421);
  EXPECT_EQ(client.answer(3).status, 200);
}

TEST_F(Http2OverTls, TheCheckIsASwitch) {
  publish(ServerNameCheck::never);
  EXPECT_EQ(status("a.example", "other.example"), 200);
}

TEST_F(Http2OverTls, Http1IsCheckedWhenAsked) {
  const auto over_http1 = [this] {
    auto client = connect("a.example", {"http/1.1"});
    client->send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    return client->read_message().status();
  };
  publish();
  EXPECT_EQ(over_http1(), 200);
  publish(ServerNameCheck::always);
  EXPECT_EQ(over_http1(), 421);
}

TEST_F(Http2OverTls, TheUpstreamHearsOfHttps) {
  publish();
  Upstream plain;
  EntryDraft draft = entry("web", {to(service({plain.endpoint()}))});
  draft.tls.required = true;
  draft.tls.options = make_tls_options("default", {}).value();
  proxy.publish_and_wait({std::move(draft)});
  Client client(connect("a.example"));
  client.send(h2::get(1));
  RawPeer connection = plain.accept();
  EXPECT_EQ(connection.read_message().field("x-forwarded-proto"), "https");
  connection.send(ok(std::string(200'000, 'x')));
  client.send(open_window(0, 1 << 20) + open_window(1, 1 << 20));
  EXPECT_EQ(client.answer(1).body.size(), 200'000u);
}

}  // namespace
}  // namespace gatehouse
