// Certificates of clients: who is let in, by which options, and that no session, name or challenge leads around them.
#include "tests/doubles/tls/signed_certificate.h"
#include "tests/doubles/tls/tls_peer.h"
#include "tls/handshake.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

using ContextPtr = std::shared_ptr<const ServerContext>;

class ClientAuthTest : public testing::TestWithParam<int> {  // the TLS version
 protected:
  ContextPtr context(ClientAuth auth, Version least = Version::tls12) const {
    return make_server_context({.min_version = least, .client_auth = auth, .client_ca_pem = root->pem()}, keys).value();
  }
  ContextPtr open() const { return make_server_context({}, keys).value(); }

  ClientWishes wishes(CertificatePtr certificate = nullptr, const std::string& server_name = "a.example") const {
    ClientWishes wishes;
    wishes.min_version = wishes.max_version = GetParam();
    wishes.certificate = std::move(certificate);
    wishes.server_name = server_name;
    return wishes;
  }

  // `secret.example` has the other context.
  Met meet_at(const ContextPtr& base, const ContextPtr& other, const ClientWishes& client,
              std::shared_ptr<const ChallengeBoard> board = nullptr) const {
    return meet(base, only(shown), client, {}, {}, {}, std::move(board),
                [other](std::string_view name) { return name == "secret.example" ? other : nullptr; });
  }

  bool let_in(ClientAuth auth, const CertificatePtr& certificate) const {
    const Met plain = meet(context(auth), only(shown), wishes(certificate));
    const Met chosen = meet_at(open(), context(auth), wishes(certificate, "secret.example"));
    EXPECT_EQ(plain.server.has_value(), chosen.server.has_value()) << "the same by name";
    EXPECT_EQ(plain.client.received, plain.server ? "hello" : "");
    return plain.server.has_value();
  }

  const CertificatePtr root = test_root("clients");
  const CertificatePtr shown = certificate_for({"a.example", "secret.example"});
  const CertificatePtr ours = signed_certificate(*root, "alice", "", "clientAuth");
  const CertificatePtr foreign = signed_certificate(*test_root("others"), "mallory", "", "clientAuth");
  const CertificatePtr not_a_client = signed_certificate(*root, "server", "DNS:a.example", "serverAuth");
  std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>(test_now());
};

INSTANTIATE_TEST_SUITE_P(Tls, ClientAuthTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "12" : "13"; });

TEST_P(ClientAuthTest, EveryKindLetsInWhomItSays) {
  const auto expect = [&](ClientAuth auth, bool without, bool with_foreign, bool with_ours) {
    EXPECT_EQ(let_in(auth, nullptr), without) << static_cast<int>(auth);
    EXPECT_EQ(let_in(auth, foreign), with_foreign) << static_cast<int>(auth);
    EXPECT_EQ(let_in(auth, not_a_client), with_foreign) << static_cast<int>(auth);
    EXPECT_EQ(let_in(auth, ours), with_ours) << static_cast<int>(auth);
  };
  expect(ClientAuth::none, true, true, true);
  expect(ClientAuth::request, true, true, true);
  expect(ClientAuth::require_any, false, true, true);
  expect(ClientAuth::verify_if_given, true, false, true);
  expect(ClientAuth::require_and_verify, false, false, true);
}

TEST_P(ClientAuthTest, WithoutAuthoritiesNoCertificateIsGoodEnough) {
  const auto none = make_server_context({.client_auth = ClientAuth::require_and_verify}, keys).value();
  EXPECT_FALSE(meet(none, only(shown), wishes(ours)).server);
  EXPECT_FALSE(meet(none, only(shown), wishes()).server);
}

TEST_P(ClientAuthTest, ANameIsItsOwnOptionsWhateverTheOthersAre) {
  const auto strict = context(ClientAuth::require_and_verify);
  EXPECT_TRUE(meet_at(open(), strict, wishes()).server);
  EXPECT_FALSE(meet_at(open(), strict, wishes(nullptr, "secret.example")).server);
  EXPECT_TRUE(meet_at(strict, open(), wishes(nullptr, "secret.example")).server) << "laxer by name";
  EXPECT_FALSE(meet_at(strict, open(), wishes()).server);
  EXPECT_FALSE(meet_at(strict, open(), wishes(nullptr, "")).server) << "no name, the entry point's own";
}

// A session of one host opens no other, and with certificates there are none.
TEST_P(ClientAuthTest, NoSessionLeadsAroundACertificate) {
  const auto strict = context(ClientAuth::require_and_verify);
  const auto base = open();
  ClientWishes again = wishes(nullptr, "secret.example");
  again.session = meet_at(base, strict, wishes()).client.session;
  ASSERT_TRUE(again.session);
  EXPECT_FALSE(meet_at(base, strict, again).server);
  again.server_name = "a.example";
  EXPECT_TRUE(meet_at(base, strict, again).server->resumed) << "it is a session that can be resumed";

  ClientWishes same = wishes(ours, "secret.example");
  same.session = meet_at(base, strict, same).client.session;
  const Met second = meet_at(base, strict, same);
  ASSERT_TRUE(second.server);
  EXPECT_FALSE(second.server->resumed);
  same.certificate = nullptr;
  EXPECT_FALSE(meet_at(base, strict, same).server);
}

// A session made under options that trusted anybody, or others, is none under stricter ones of the same host.
TEST_P(ClientAuthTest, OptionsThatBecomeStricterResumeNothing) {
  ClientWishes again = wishes();
  again.session = meet(open(), only(shown), again).client.session;
  EXPECT_FALSE(meet(context(ClientAuth::require_and_verify), only(shown), again).server);
}

TEST_P(ClientAuthTest, ResumptionWorksWhereTheOptionsOfTheNameAskForNothing) {
  const auto strict = context(ClientAuth::require_and_verify);
  const auto lax = open();
  ClientWishes again = wishes(nullptr, "secret.example");
  again.session = meet_at(strict, lax, again).client.session;
  EXPECT_TRUE(meet_at(strict, lax, again).server->resumed);
}

TEST_P(ClientAuthTest, AnAuthorityThatValidatesHasNoCertificate) {
  const auto answer = certificate_for({"a.example"});
  const auto board = std::make_shared<const ChallengeBoard>(
      std::vector<ChallengeBoard::HttpAnswer>{}, std::vector<ChallengeBoard::TlsAnswer>{{host("a.example"), answer}});
  ClientWishes validating = wishes();
  validating.alpn = {"acme-tls/1"};
  const Met met = meet_at(context(ClientAuth::require_and_verify), nullptr, validating, board);
  ASSERT_TRUE(met.server) << met.server.error().detail;
  EXPECT_EQ(met.server->alpn, challenge_protocol);
}

TEST(ClientAuth, TheOptionsOfANameHaveTheirVersionsCurvesAndProtocols) {
  const CertificatePtr shown = certificate_for({"a.example"});
  const auto base = make_server_context({}, nullptr).value();
  const auto own =
      make_server_context({.min_version = Version::tls13, .curves = {"P-384"}, .alpn = {"http/1.1"}}, nullptr).value();
  const auto meet_own = [&](const ClientWishes& client) {
    return meet(base, only(shown), client, {}, {}, {}, nullptr, [own](std::string_view) { return own; });
  };
  ClientWishes client;
  client.alpn = {"h2", "http/1.1"};
  const Met met = meet_own(client);
  ASSERT_TRUE(met.server) << met.server.error().detail;
  EXPECT_EQ(met.server->alpn, "http/1.1");
  EXPECT_EQ(met.server->version, "TLSv1.3");
  client.max_version = TLS1_2_VERSION;
  EXPECT_FALSE(meet_own(client).server);
}

TEST(ClientAuth, TheAuthoritiesAreAnnouncedAndTellContextsApart) {
  const CertificatePtr root = test_root("clients"), other = test_root("others");
  const auto context = [](ClientAuth auth, const std::string& pem) {
    return make_server_context({.client_auth = auth, .client_ca_pem = pem}, nullptr).value();
  };
  const auto one = context(ClientAuth::require_and_verify, root->pem());
  EXPECT_EQ(SSL_CTX_get_client_CA_list(one->native()) == nullptr
                ? 0
                : sk_X509_NAME_num(SSL_CTX_get_client_CA_list(one->native())),
            1);
  EXPECT_TRUE(one->is_as_strict_as(*context(ClientAuth::require_and_verify, "# the same\n" + root->pem())));
  EXPECT_FALSE(one->is_as_strict_as(*context(ClientAuth::require_and_verify, other->pem())));
  EXPECT_FALSE(one->is_as_strict_as(*context(ClientAuth::verify_if_given, other->pem())));
  const auto both = context(ClientAuth::require_and_verify, other->pem() + root->pem());
  EXPECT_TRUE(one->is_as_strict_as(*both));
  EXPECT_FALSE(both->is_as_strict_as(*one));
  const auto optional = context(ClientAuth::verify_if_given, root->pem());
  EXPECT_TRUE(one->is_as_strict_as(*optional));
  EXPECT_FALSE(optional->is_as_strict_as(*one));
  const auto any = context(ClientAuth::require_any, "");
  EXPECT_TRUE(one->is_as_strict_as(*any));
  EXPECT_FALSE(any->is_as_strict_as(*optional)) << "nobody has looked at what was shown";
  EXPECT_TRUE(one->requires_certificate());
  EXPECT_TRUE(context(ClientAuth::require_any, "")->requires_certificate());
  EXPECT_FALSE(context(ClientAuth::verify_if_given, root->pem())->requires_certificate());
}

TEST(ClientAuth, DamagedAuthoritiesAreRefused) {
  for (const char* wrong : {"nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
    EXPECT_FALSE(make_server_context({.client_auth = ClientAuth::require_and_verify, .client_ca_pem = wrong}, nullptr));
}

}  // namespace
}  // namespace gatehouse::tls
