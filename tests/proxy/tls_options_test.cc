// Hosts with TLS options of their own: client certificates that no other host's handshake, no missing server name, no
// plain request and no connection of before leads around.
#include "proxy/tls_options.h"

#include "tests/doubles/proxy/http2_peer.h"
#include "tests/doubles/tls/signed_certificate.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using tls::ClientAuth;

HostName host(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

TlsOptionsPtr options(std::string name, ClientAuth auth, const std::string& ca_pem = {}, bool sni_strict = false) {
  const auto context = [&](std::vector<std::string> alpn) {
    return tls::make_server_context({.alpn = std::move(alpn), .client_auth = auth, .client_ca_pem = ca_pem}, nullptr)
        .value();
  };
  return std::make_shared<const TlsOptions>(
      TlsOptions{std::move(name), context({"h2", "http/1.1"}), context({"http/1.1"}), sni_strict});
}

TEST(TlsOptionsTable, FindsTheHostOrItsWildcard) {
  const auto a = options("a", ClientAuth::none), b = options("b", ClientAuth::none);
  const TlsOptionsTable table({{host("x.example"), a}, {host("*.example"), b}, {host("x.example"), b}});
  EXPECT_EQ(table.find("x.example"), a.get());
  EXPECT_EQ(table.find("y.example"), b.get());
  for (const char* other : {"example", "z.y.example", "", "x"}) EXPECT_EQ(table.find(other), nullptr) << other;
  EXPECT_TRUE(TlsOptionsTable().empty());
  EXPECT_EQ(TlsOptionsTable().find("x.example"), nullptr);
}

class ClientCertificates : public testing::Test {
 protected:
  ClientCertificates() { publish(); }

  void publish() {
    tls::CertificateStore::Contents contents;
    for (const char* name : {"open.example", "secret.example", "vault.example"})
      contents.entries.push_back({host(name), shown_});
    contents.default_certificate = shown_;
    proxy_.use(std::move(contents));
    proxy_.use(TlsOptionsTable({{host("secret.example"), own_}, {host("vault.example"), other_}}));
    EntryDraft secure = entry("web", {to(service({upstream_.endpoint()}))});
    secure.tls.required = true;
    secure.tls.options = base_->name;
    secure.tls.context = base_->with_http2;
    secure.tls.tcp_context = base_->without_http2;
    secure.tls.sni_strict = base_->sni_strict;
    secure.check_server_name = ServerNameCheck::never;  // the certificate covers them all anyway
    auto challenge =
        std::make_shared<HttpRoute>(*to(service({upstream_.endpoint()}), "secret.example", "/.well-known/x"));
    challenge->creates_host = false;
    EntryDraft plain = entry("plain", {to(service({upstream_.endpoint()})), challenge});
    proxy_.publish_and_wait({std::move(secure), std::move(plain)});
  }

  Result<std::unique_ptr<TlsPeer>> connect(const std::string& server_name, const tls::CertificatePtr& certificate,
                                           std::vector<std::string> alpn = {}) {
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = std::move(alpn);
    if (certificate) policy.certificate_pem = certificate->pem(), policy.key_pem = certificate->key_pem();
    return TlsPeer::connect(proxy_.connect(), tls::make_client_context(policy).value(), server_name);
  }
  static std::string request(const std::string& authority) {
    return "GET / HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  }

  // 0: the connection was refused. TLS 1.3 tells a client only after its handshake.
  int status(const std::string& server_name, const std::string& authority, const tls::CertificatePtr& certificate) {
    auto peer = connect(server_name, certificate);
    if (!peer || !(*peer)->send(request(authority))) return 0;
    return status_of(**peer);
  }
  static int status_of(Peer& peer) {
    try {
      return peer.read_message().status();
    } catch (const std::exception&) {
      return 0;
    }
  }
  int status2(const std::string& server_name, const std::string& authority, const tls::CertificatePtr& certificate) {
    h2::Client client(connect(server_name, certificate, {"h2"}).value());
    client.send(h2::frame(h2::headers, h2::end_headers | h2::end_stream, 1,
                          h2::field(":method", "GET") + h2::field(":scheme", "https") +
                              h2::field(":authority", authority) + h2::field(":path", "/")));
    return client.answer(1).status;
  }

  const tls::CertificatePtr root_ = tls::test_root("clients"), other_root_ = tls::test_root("others");
  const tls::CertificatePtr alice_ = tls::signed_certificate(*root_, "alice", "", "clientAuth");
  const tls::CertificatePtr shown_ =
      tls::make_self_signed({host("open.example"), host("secret.example"), host("vault.example")},
                            SystemClock().wall_now())
          .value();
  TlsOptionsPtr base_ = options("default", ClientAuth::none);
  TlsOptionsPtr own_ = options("mtls", ClientAuth::require_and_verify, root_->pem());
  TlsOptionsPtr other_ = options("vault", ClientAuth::require_and_verify, other_root_->pem());
  AnsweringUpstream upstream_{"fine"};
  TestProxy proxy_;
};

TEST_F(ClientCertificates, AHostIsServedToWhomItsOptionsLetIn) {
  EXPECT_EQ(status("secret.example", "secret.example", alice_), 200);
  EXPECT_EQ(status("secret.example", "secret.example", nullptr), 0);
  EXPECT_EQ(status("vault.example", "vault.example", alice_), 0) << "of another authority";
  EXPECT_EQ(status("open.example", "open.example", nullptr), 200);
  EXPECT_EQ(status2("secret.example", "secret.example", alice_), 200);
}

TEST_F(ClientCertificates, ALaxNameLeadsToNoStrictHost) {
  for (const std::string name : {"open.example", "nobody.example", ""})
    for (const std::string authority : {"secret.example", "SECRET.example.:443", "vault.example"}) {
      EXPECT_EQ(status(name, authority, nullptr), 421) << name << " " << authority;
      EXPECT_EQ(status(name, authority, alice_), 421) << "nobody has asked for it";
    }
  EXPECT_EQ(status2("open.example", "secret.example", alice_), 421);
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(ClientCertificates, NorDoesAnotherStrictHost) {
  EXPECT_EQ(status("secret.example", "vault.example", alice_), 421);
  EXPECT_EQ(status2("secret.example", "vault.example", alice_), 421);
  EXPECT_EQ(status("secret.example", "open.example", alice_), 421) << "other options are other options";
}

TEST_F(ClientCertificates, NorARequestWithoutTls) {
  RawPeer plain = proxy_.connect("plain");
  plain.send(request("secret.example"));
  EXPECT_EQ(plain.read_message().status(), 421);
  RawPeer authority = proxy_.connect("plain");
  authority.send("GET /.well-known/x HTTP/1.1\r\nHost: secret.example\r\n\r\n");
  EXPECT_EQ(authority.read_message().status(), 200);
  RawPeer allowed = proxy_.connect("plain");
  allowed.send(request("open.example"));
  EXPECT_EQ(allowed.read_message().status(), 200);
}

TEST_F(ClientCertificates, AnEntryPointsOptionsAreThoseOfAllItsOtherHosts) {
  base_ = options("mtls", ClientAuth::require_and_verify, root_->pem());
  publish();
  EXPECT_EQ(status("open.example", "open.example", nullptr), 0);
  EXPECT_EQ(status("", "open.example", nullptr), 0);
  EXPECT_EQ(status("open.example", "open.example", alice_), 200);
  EXPECT_EQ(status("open.example", "secret.example", alice_), 200) << "the same options";
}

TEST_F(ClientCertificates, AConnectionOfBeforeIsHeldToWhatHoldsNow) {
  auto lax = connect("open.example", nullptr).value();
  lax->send(request("open.example"));
  ASSERT_EQ(status_of(*lax), 200);
  auto let_in = connect("secret.example", alice_).value();
  let_in->send(request("secret.example"));
  ASSERT_EQ(status_of(*let_in), 200);

  base_ = options("default", ClientAuth::require_any);
  own_ = options("mtls", ClientAuth::require_and_verify, other_root_->pem());
  publish();
  lax->send(request("open.example"));
  EXPECT_EQ(status_of(*lax), 421);
  let_in->send(request("secret.example"));
  EXPECT_EQ(status_of(*let_in), 421) << "its authority is trusted no more";
}

TEST_F(ClientCertificates, AReloadThatChangesNothingOfItIsNotNoticed) {
  auto let_in = connect("secret.example", alice_).value();
  let_in->send(request("secret.example"));
  ASSERT_EQ(status_of(*let_in), 200);
  own_ = options("mtls", ClientAuth::require_and_verify, root_->pem());
  publish();
  let_in->send(request("secret.example"));
  EXPECT_EQ(status_of(*let_in), 200);
}

TEST_F(ClientCertificates, StrictNamesAreThoseOfTheOptions) {
  other_ = options("vault", ClientAuth::none, {}, true);
  base_ = options("default", ClientAuth::none, {}, true);
  publish();
  EXPECT_EQ(status("vault.example", "vault.example", nullptr), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr), 200);
  EXPECT_EQ(status("nobody.example", "nobody.example", nullptr), 0);
  EXPECT_EQ(status("", "open.example", nullptr), 0);
}

}  // namespace
}  // namespace gatehouse
