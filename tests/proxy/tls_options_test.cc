// Hosts with TLS options of their own: client certificates that no other host's handshake, no missing server name, no
// plain request, no route of another and no connection of before leads around.
#include "proxy/route/tls_options.h"

#include "tests/doubles/proxy/http2_peer.h"
#include "tests/doubles/tls/signed_certificate.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using tls::ClientAuth;
using tls::Version;

HostName host(std::string_view text) { return HostName::parse_with_wildcard(text).value(); }

TlsOptionsPtr options(std::string name, ClientAuth auth, const std::string& ca_pem = {}, bool sni_strict = false,
                      Version least = Version::tls12) {
  return make_tls_options(std::move(name), {.min_version = least, .client_auth = auth, .client_ca_pem = ca_pem},
                          sni_strict)
      .value();
}

class ClientCertificates : public testing::Test {
 protected:
  struct Asks {
    TlsOptionsPtr options = nullptr;
    std::string owner = "a";
    std::int64_t priority = 0;
  };

  // Its path begins with /missing where it leads nowhere.
  HttpRoutePtr route(const std::string& host, const std::string& path, const Asks& asks) {
    auto made = std::make_shared<HttpRoute>(*to(service({upstream_.endpoint()}), host, path));
    made->tls_options = asks.options;
    made->tls_only = asks.options != nullptr;
    made->owner = asks.owner;
    made->priority = asks.priority;
    return made;
  }

  void publish() { publish({route("secret.example", "/", {own_}), route("vault.example", "/", {other_})}); }

  // These routes, besides one for any host.
  void publish(std::vector<HttpRoutePtr> routes) {
    routes.push_back(route("", "/", {nullptr, ""}));
    tls::CertificateStore::Contents contents;
    for (const char* name : {"open.example", "secret.example", "vault.example"})
      contents.entries.push_back({host(name), shown_});
    contents.default_certificate = shown_;
    proxy_.use(std::move(contents));
    auto challenge =
        std::make_shared<HttpRoute>(*to(service({upstream_.endpoint()}), "secret.example", "/.well-known/x"));
    challenge->creates_host = false;
    routes.push_back(challenge);
    EntryDraft secure = entry("web", routes);
    secure.tls.required = true;
    secure.tls.options = base_;
    secure.check_server_name = ServerNameCheck::never;  // the certificate covers them all anyway
    proxy_.publish_and_wait({std::move(secure), entry("plain", std::move(routes))});
  }

  Result<std::unique_ptr<TlsPeer>> connect(const std::string& server_name, const tls::CertificatePtr& certificate,
                                           std::vector<std::string> alpn = {}) {
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = std::move(alpn);
    if (certificate) policy.certificate_pem = certificate->pem(), policy.key_pem = certificate->key_pem();
    return TlsPeer::connect(proxy_.connect(), tls::make_client_context(policy).value(), server_name);
  }
  static std::shared_ptr<const tls::ClientContext> lax_client() {
    tls::ClientPolicy policy;
    policy.verify = false;
    return tls::make_client_context(policy).value();
  }

  // TCP routes by rule, each with its options, on an entry point that speaks HTTP too.
  void publish_tcp(const std::vector<std::pair<std::string, TlsOptionsPtr>>& rules) {
    std::vector<TcpRoutePtr> routes;
    for (const auto& [rule, asked] : rules) {
      auto made = std::make_shared<TcpRoute>();
      made->rule = TcpRule::parse(rule).value();
      made->priority = made->rule.default_priority();
      made->tls = TcpTls::terminate;
      made->tls_options = asked;
      made->services.push_back({service({upstream_.endpoint()}), 1, ProxyHeaderVersion::none, ""});
      routes.push_back(std::move(made));
    }
    tls::CertificateStore::Contents contents;
    contents.default_certificate = shown_;
    proxy_.use(std::move(contents));
    EntryDraft draft = entry("web", {route("secret.example", "/", {base_})}, std::move(routes));
    draft.tls.options = base_;
    proxy_.publish_and_wait({std::move(draft)});
  }

  static std::string request(const std::string& authority, const std::string& path = "/") {
    return "GET " + path + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  }
  static std::string request2(std::uint32_t stream, const std::string& authority, const std::string& path = "/") {
    return h2::frame(h2::headers, h2::end_headers | h2::end_stream, stream,
                     h2::field(":method", "GET") + h2::field(":scheme", "https") + h2::field(":authority", authority) +
                         h2::field(":path", path));
  }

  // 0: the connection was refused. TLS 1.3 tells a client only after its handshake.
  int status(const std::string& server_name, const std::string& authority, const tls::CertificatePtr& certificate,
             const std::string& path = "/") {
    auto peer = connect(server_name, certificate);
    if (!peer || !(*peer)->send(request(authority, path))) return 0;
    return status_of(**peer);
  }
  static int status_of(Peer& peer) {
    try {
      return peer.read_message().status();
    } catch (const std::exception&) {
      return 0;
    }
  }
  int status2(const std::string& server_name, const std::string& authority, const tls::CertificatePtr& certificate,
              const std::string& path = "/") {
    h2::Client client(connect(server_name, certificate, {"h2"}).value());
    client.send(request2(1, authority, path));
    return client.answer(1).status;
  }
  int plain_status(const std::string& authority, const std::string& path = "/") {
    RawPeer plain = proxy_.connect("plain");
    plain.send(request(authority, path));
    return plain.read_message().status();
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
  publish();
  EXPECT_EQ(status("secret.example", "secret.example", alice_), 200);
  EXPECT_EQ(status("secret.example", "secret.example", nullptr), 0);
  EXPECT_EQ(status("vault.example", "vault.example", alice_), 0) << "of another authority";
  EXPECT_EQ(status("open.example", "open.example", nullptr), 200);
  EXPECT_EQ(status2("secret.example", "secret.example", alice_), 200);
}

TEST_F(ClientCertificates, ALaxNameLeadsToNoStrictHost) {
  publish();
  for (const std::string name : {"open.example", "nobody.example", ""})
    for (const std::string authority : {"secret.example", "SECRET.example.:443", "vault.example"}) {
      EXPECT_EQ(status(name, authority, nullptr), 421) << name << " " << authority;
      EXPECT_EQ(status(name, authority, alice_), 421) << "nobody has asked for it";
      EXPECT_EQ(status(name, authority, nullptr, "/../x"), 421) << "nothing is told of its paths";
    }
  EXPECT_EQ(status2("open.example", "secret.example", alice_), 421);
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(ClientCertificates, NorDoesAnotherStrictHost) {
  publish();
  EXPECT_EQ(status("secret.example", "vault.example", alice_), 421);
  EXPECT_EQ(status2("secret.example", "vault.example", alice_), 421);
  EXPECT_EQ(status("secret.example", "open.example", alice_), 200) << "more than it asks for";
}

TEST_F(ClientCertificates, NorARequestWithoutTls) {
  publish();
  EXPECT_EQ(plain_status("secret.example"), 421);
  EXPECT_EQ(plain_status("secret.example", "/.well-known/x"), 200) << "an authority's challenge";
  EXPECT_EQ(plain_status("open.example"), 200);
}

TEST_F(ClientCertificates, AConnectionIsTriedAnewForEachRequest) {
  publish();
  auto peer = connect("open.example", nullptr).value();
  peer->send(request("open.example") + request("secret.example") + request("open.example"));
  for (const int expected : {200, 421, 200}) EXPECT_EQ(status_of(*peer), expected);
  h2::Client client(connect("open.example", nullptr, {"h2"}).value());
  client.send(request2(1, "secret.example") + request2(3, "open.example"));
  EXPECT_EQ(client.answer(1).status, 421);
  EXPECT_EQ(client.answer(3).status, 200);
}

TEST_F(ClientCertificates, TheStrictestOfAHostsOwnerHoldForAllOfIt) {
  const auto lax = options("lax", ClientAuth::request);
  publish({route("secret.example", "/", {}), route("secret.example", "/lax", {lax}),
           route("secret.example", "/strict", {own_})});
  for (const char* path : {"/", "/lax", "/strict"}) {
    EXPECT_EQ(status("secret.example", "secret.example", nullptr, path), 0) << path;
    EXPECT_EQ(status("secret.example", "secret.example", alice_, path), 200) << path;
    EXPECT_EQ(status("open.example", "secret.example", nullptr, path), 421) << path;
    EXPECT_EQ(plain_status("secret.example", path), 421) << path;
  }
}

TEST_F(ClientCertificates, WhoIsServedInAnothersPlaceIsHeardAllTheSame) {
  publish({route("secret.example", "/", {}), route("secret.example", "/", {own_})});
  EXPECT_EQ(status("secret.example", "secret.example", nullptr), 0);
  EXPECT_EQ(status("open.example", "secret.example", nullptr), 421);
}

TEST_F(ClientCertificates, OthersNeitherWeakenAHostNorBreakIt) {
  const auto lax = options("lax", ClientAuth::request);
  publish({route("secret.example", "/", {own_}), route("secret.example", "/b", {lax, "b"}),
           route("open.example", "/", {}), route("open.example", "/b", {other_, "b"})});
  EXPECT_EQ(status("secret.example", "secret.example", nullptr, "/b"), 0);
  EXPECT_EQ(status("secret.example", "secret.example", alice_), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr, "/b"), 421) << "never without what it asks for";
}

// An owner that asks for less than the entry point does so for its own routes: not for one without a host, or
// another's.
TEST_F(ClientCertificates, ALaxHostLeadsToNoRouteOfOthers) {
  base_ = options("default", ClientAuth::require_and_verify, root_->pem());
  publish({route("open.example", "/mine", {options("lax", ClientAuth::none)}), route("open.example", "/too", {}),
           route("open.example", "/b", {nullptr, "b"})});
  EXPECT_EQ(status("open.example", "open.example", nullptr, "/mine"), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr, "/too"), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr, "/"), 421) << "the route for any host";
  EXPECT_EQ(status("open.example", "open.example", nullptr, "/b"), 421);
  EXPECT_EQ(status2("open.example", "open.example", nullptr, "/"), 421);
  EXPECT_EQ(status("other.example", "other.example", alice_), 200);
}

TEST_F(ClientCertificates, AWildcardsHoldForTheNamesUnderItThatHaveNone) {
  publish({route("*.example", "/", {own_}), route("own.example", "/", {}), route("lax.example", "/", {base_}),
           route("theirs.example", "/", {nullptr, "b"})});
  for (const std::string name : {"any.example", "own.example"}) {
    EXPECT_EQ(status(name, name, nullptr), 0) << name;
    EXPECT_EQ(status(name, name, alice_), 200) << name;
    for (const std::string lax : {"lax.example", "theirs.example", "a.b.example", ""}) {
      EXPECT_EQ(status(lax, name, nullptr), 421) << lax << " " << name;
      EXPECT_EQ(status2(lax, name, nullptr), 421) << lax << " " << name;
    }
  }
  for (const std::string name : {"lax.example", "theirs.example"}) EXPECT_EQ(status(name, name, nullptr), 200) << name;
}

TEST_F(ClientCertificates, AWildcardThatOvertakesAHostIsNotServedWithoutItsOwn) {
  publish({route("*.example", "/far", {own_, "a", 1000}), route("theirs.example", "/", {nullptr, "b"})});
  EXPECT_EQ(status("theirs.example", "theirs.example", nullptr), 200);
  EXPECT_EQ(status("theirs.example", "theirs.example", nullptr, "/far"), 421);
  EXPECT_EQ(status("theirs.example", "theirs.example", alice_, "/far"), 421) << "which nobody has looked at";
  EXPECT_EQ(status("any.example", "any.example", alice_, "/far"), 200);
}

// A route with a priority lets the wildcard's own back in: with what the wildcard asks for.
TEST_F(ClientCertificates, ATenantsHostOpensNoRouteOfAWildcard) {
  publish({route("*.example", "/", {own_, "b"}), route("*.example", "/public", {nullptr, "b"}),
           route("theirs.example", "/", {nullptr, "a", 1})});
  for (const char* path : {"/", "/public"}) {
    EXPECT_EQ(status("theirs.example", "theirs.example", nullptr, path), 421) << path;
    EXPECT_EQ(status2("theirs.example", "theirs.example", nullptr, path), 421) << path;
    EXPECT_EQ(status("any.example", "any.example", alice_, path), 200) << path;
  }
  EXPECT_EQ(plain_status("theirs.example", "/public"), 421);
  EXPECT_EQ(plain_status("theirs.example", "/"), 200) << "the tenant's own: the wildcard's is not there without TLS";
  publish({route("*.example", "/", {tls_options_nobody_meets(), "b"}), route("*.example", "/public", {nullptr, "b"}),
           route("theirs.example", "/", {nullptr, "a", 1})});
  EXPECT_EQ(status("theirs.example", "theirs.example", nullptr, "/public"), 503);
  EXPECT_EQ(plain_status("theirs.example", "/public"), 503);
}

TEST_F(ClientCertificates, WhatCannotBeMetIsNeverServed) {
  publish({route("secret.example", "/", {tls_options_nobody_meets()}), route("secret.example", "/too", {}),
           route("vault.example", "/", {own_})});
  for (const char* path : {"/", "/too", "/other"}) {
    EXPECT_EQ(status("secret.example", "secret.example", alice_, path), 503) << path;
    EXPECT_EQ(status("vault.example", "secret.example", alice_, path), 503) << path;
    EXPECT_EQ(status2("open.example", "secret.example", nullptr, path), 503) << path;
    EXPECT_EQ(plain_status("secret.example", path), 503) << path;
  }
  EXPECT_EQ(status("vault.example", "vault.example", alice_), 200);
  EXPECT_EQ(status("open.example", "open.example", nullptr), 200);
  EXPECT_EQ(upstream_.requests(), 2);
}

TEST_F(ClientCertificates, OtherTermsCountToo) {
  publish({route("secret.example", "/", {options("modern", ClientAuth::none, {}, false, Version::tls13)}),
           route("vault.example", "/", {options("named", ClientAuth::none, {}, true)})});
  EXPECT_EQ(status("secret.example", "secret.example", nullptr), 200);
  EXPECT_EQ(status("open.example", "secret.example", nullptr), 421);
  EXPECT_EQ(status("nobody.example", "vault.example", nullptr), 421);
  EXPECT_EQ(plain_status("secret.example"), 200) << "of the route for any host";
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
  publish();
  auto lax = connect("open.example", nullptr).value();
  lax->send(request("open.example"));
  ASSERT_EQ(status_of(*lax), 200);
  auto let_in = connect("secret.example", alice_).value();
  let_in->send(request("secret.example"));
  ASSERT_EQ(status_of(*let_in), 200);

  base_ = options("default", ClientAuth::require_any);
  own_ = options("mtls", ClientAuth::require_and_verify, other_root_->pem());
  publish();
  for (auto* peer : {&lax, &let_in}) {
    (*peer)->send(request(peer == &lax ? "open.example" : "secret.example"));
    const Message answer = (*peer)->read_message();
    EXPECT_EQ(answer.status(), 421);
    EXPECT_EQ(answer.field("connection"), "close") << "so that the client comes anew";
    (*peer)->await_end();
  }
}

// A handshake, or half a request, of before is no way in.
TEST_F(ClientCertificates, SoIsItsFirstRequest) {
  publish();
  auto silent = connect("open.example", nullptr).value();
  auto slow = connect("open.example", nullptr).value();
  const std::string head = request("open.example");
  slow->send(head.substr(0, 10));
  ASSERT_EQ(proxy_.await_open("web", 2), 2);
  own_ = options("mtls", ClientAuth::require_and_verify, root_->pem());
  publish({route("open.example", "/", {own_})});
  slow->send(head.substr(10));
  EXPECT_EQ(status_of(*slow), 421);
  silent->send(head);
  EXPECT_EQ(status_of(*silent), 421);
}

TEST_F(ClientCertificates, OverHttp2ItsEndIsAnnounced) {
  publish();
  h2::Client client(connect("open.example", nullptr, {"h2"}).value());
  client.send(request2(1, "open.example"));
  ASSERT_EQ(client.answer(1).status, 200);
  publish({route("open.example", "/", {own_})});
  client.send(request2(3, "open.example"));
  EXPECT_EQ(client.answer(3).status, 421);
  EXPECT_EQ(client.goaway_error(), h2::no_error);
}

TEST_F(ClientCertificates, NothingIsServedInClearOnceAnEntryPointSpeaksTls) {
  const auto publish_clear = [&](bool with_tls) {
    EntryDraft draft = entry("web", {to(service({upstream_.endpoint()}))});
    draft.http2_cleartext = true;
    if (with_tls) draft.tls.options = base_;
    proxy_.publish_and_wait({std::move(draft)});
  };
  publish_clear(false);
  RawPeer peer = proxy_.connect();
  h2::Client client(proxy_);
  const auto ask = [&](int expected, std::uint32_t stream) {
    peer.send(request("open.example"));
    const Message answer = peer.read_message();
    EXPECT_EQ(answer.status(), expected);
    client.send(request2(stream, "open.example"));
    EXPECT_EQ(client.answer(stream).status, expected);
    return std::string(answer.field("connection"));
  };
  ask(200, 1);
  publish_clear(true);
  EXPECT_NE(ask(200, 3), "close") << "it speaks both";
  publish();
  EXPECT_EQ(ask(421, 5), "close");
  EXPECT_EQ(client.goaway_error(), h2::no_error);
  EXPECT_EQ(peer.await_end(), Peer::End::closed);
}

TEST_F(ClientCertificates, WhoAsksForAnotherHostKeepsItsConnection) {
  publish();
  h2::Client client(connect("open.example", nullptr, {"h2"}).value());
  client.send(request2(1, "secret.example"));
  ASSERT_EQ(client.answer(1).status, 421);
  client.send(request2(3, "open.example"));
  EXPECT_EQ(client.answer(3).status, 200);
  client.send(h2::frame(h2::ping, 0, 0, "12345678"));
  EXPECT_EQ(client.next().type, h2::ping) << "and no GOAWAY before";
}

TEST_F(ClientCertificates, AReloadThatAsksForNoMoreIsNotNoticed) {
  own_ = options("mtls", ClientAuth::require_and_verify, root_->pem());
  publish();
  auto let_in = connect("secret.example", alice_).value();
  let_in->send(request("secret.example"));
  ASSERT_EQ(status_of(*let_in), 200);
  for (const auto& next : {options("renamed", ClientAuth::require_and_verify, "# the same\n" + root_->pem()),
                           options("mtls", ClientAuth::require_and_verify, other_root_->pem() + root_->pem()),
                           options("mtls", ClientAuth::require_any)}) {
    own_ = next;
    publish();
    let_in->send(request("secret.example"));
    EXPECT_EQ(status_of(*let_in), 200);
  }
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

TEST_F(ClientCertificates, TheAdminPagesAreHeldToTheirEntryPointsToo) {
  const auto publish_admin = [&](bool over_tls) {
    tls::CertificateStore::Contents contents;
    contents.default_certificate = shown_;
    proxy_.use(std::move(contents));
    EntryDraft pages = entry("web", {});
    pages.admin = true;
    pages.tls.required = over_tls;
    if (over_tls) pages.tls.options = base_;
    proxy_.publish_and_wait({std::move(pages)});
  };
  publish_admin(false);
  RawPeer plain = proxy_.connect();
  plain.send(request("gatehouse.test", "/ping"));
  ASSERT_EQ(status_of(plain), 200);
  publish_admin(true);
  plain.send(request("gatehouse.test", "/ping"));
  EXPECT_EQ(status_of(plain), 421);
  auto peer = connect("gatehouse.test", nullptr).value();
  peer->send(request("gatehouse.test", "/ping"));
  ASSERT_EQ(status_of(*peer), 200);
  base_ = options("default", ClientAuth::require_any);
  publish_admin(true);
  peer->send(request("gatehouse.test", "/ping"));
  EXPECT_EQ(status_of(*peer), 421);
}

TEST_F(ClientCertificates, ATcpRoutesOwnHoldForIt) {
  publish_tcp({{"HostSNI(`mtls.example`)", own_},
               {"HostSNI(`gone.example`)", tls_options_nobody_meets()},
               {"HostSNI(`*`)", nullptr}});
  EXPECT_EQ(status("mtls.example", "x.example", nullptr), 0);
  EXPECT_EQ(status("mtls.example", "x.example", alice_), 200);
  EXPECT_EQ(status("gone.example", "x.example", alice_), 0);
  EXPECT_EQ(status("lax.example", "mtls.example", nullptr), 200) << "which the other upstream answers";
}

// Nothing looks at a session again: what counts is what holds when the client has said whom it means.
TEST_F(ClientCertificates, AConnectionThatWasSilentBeginsNoTcpSessionOfBefore) {
  publish_tcp({{"HostSNI(`*`)", base_}});
  RawPeer silent = proxy_.connect();
  ASSERT_EQ(proxy_.await_open("web", 1), 1);
  publish_tcp({{"HostSNI(`*`)", own_}});
  auto peer = TlsPeer::connect(std::move(silent), lax_client(), "a.example");
  if (peer) {
    (*peer)->send(request("a.example"));
    EXPECT_EQ(status_of(**peer), 0);
  }
  EXPECT_EQ(upstream_.requests(), 0);
}

}  // namespace
}  // namespace gatehouse
