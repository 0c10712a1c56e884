#include "tls/challenge_board.h"

#include "tests/doubles/tls/tls_peer.h"
#include "tls/digest.h"

#include <gtest/gtest.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace gatehouse::tls {
namespace {

const std::string token = "aaaaaaaaaaaaaaaaaaaaaa-_0";

TEST(ChallengeBoard, answers_for_the_host_and_token_that_are_pending_and_no_other) {
  const std::string other = "bbbbbbbbbbbbbbbbbbbbbbbb";
  const ChallengeBoard board({{host("a.example"), token, "A"}, {host("b.example"), token, "B"}}, {});
  const auto answer = [&](std::string_view name, std::string_view text) {
    const std::string* found = board.http_answer(name, text);
    return found != nullptr ? *found : "none";
  };
  EXPECT_EQ(answer("a.example", token), "A");
  EXPECT_EQ(answer("b.example", token), "B");
  EXPECT_EQ(answer("c.example", token), "none");
  EXPECT_EQ(answer("a.example", other), "none");
  EXPECT_EQ(answer("", ""), "none");
  EXPECT_TRUE(ChallengeBoard().empty());
  EXPECT_FALSE(board.empty());
  EXPECT_EQ(ChallengeBoard().http_answer("a.example", token), nullptr);
}

TEST(ChallengeBoard, takes_only_the_exact_path) {
  const ChallengeBoard board({{host("a.example"), token, "A"}}, {});
  const std::string path = "/.well-known/acme-challenge/" + token;
  ASSERT_NE(board.http_answer_to_path("a.example", path), nullptr);
  for (const std::string& wrong : {path + "/", path + "?x", "/" + path, "/.well-known/acme-challenge/../" + token,
                                   std::string("/.well-known/acme-challenge/"), std::string("/"), std::string(),
                                   "/.Well-known/acme-challenge/" + token, path.substr(0, path.size() - 1)})
    EXPECT_EQ(board.http_answer_to_path("a.example", wrong), nullptr) << wrong;
}

TEST(ChallengeBoard, never_holds_a_token_that_leads_elsewhere) {
  for (const std::string& wrong : {std::string("short"), "../../../../../../../etc/passwd" + token, token + "%2e",
                                   token + "/", std::string(129, 'a'), token + std::string(1, '\0')}) {
    EXPECT_FALSE(is_challenge_token(wrong)) << wrong;
    const ChallengeBoard board({{host("a.example"), wrong, "A"}}, {});
    EXPECT_EQ(board.http_answer("a.example", wrong), nullptr);
  }
  EXPECT_TRUE(is_challenge_token(std::string(22, 'a')));
  EXPECT_TRUE(is_challenge_token(std::string(128, 'a')));
  EXPECT_FALSE(is_challenge_token(std::string(21, 'a')));
}

TEST(ChallengeCertificate, names_the_host_and_proves_the_key_authorization) {
  const auto certificate = make_challenge_certificate(host("a.example"), "token.thumb", test_now()).value();
  EXPECT_EQ(certificate->names(), hosts({"a.example"}));
  ASN1_OBJECT* object = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  const int at = X509_get_ext_by_OBJ(certificate->leaf(), object, -1);
  ASN1_OBJECT_free(object);
  ASSERT_GE(at, 0);
  X509_EXTENSION* extension = X509_get_ext(certificate->leaf(), at);
  EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1);
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
  const std::string der(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                        static_cast<std::size_t>(ASN1_STRING_length(value)));
  EXPECT_EQ(der, "\x04\x20" + digest(Hash::sha256, "token.thumb"));
}

class AcmeTls : public ::testing::TestWithParam<int> {
 protected:
  ClientWishes wishes(std::vector<std::string> alpn, std::string name = "a.example") {
    ClientWishes wanted;
    wanted.server_name = std::move(name);
    wanted.alpn = std::move(alpn);
    wanted.max_version = GetParam();
    return wanted;
  }

  const CertificatePtr usual = certificate_for({"a.example"});
  const CertificatePtr answer = make_challenge_certificate(host("a.example"), "k", SystemClock().wall_now()).value();
  const std::shared_ptr<const ChallengeBoard> board = std::make_shared<const ChallengeBoard>(
      std::vector<ChallengeBoard::HttpAnswer>(), std::vector<ChallengeBoard::TlsAnswer>{{host("a.example"), answer}});
  const std::shared_ptr<const ServerContext> context = make_server_context({}, nullptr).value();
};

TEST_P(AcmeTls, a_validation_is_shown_the_challenge_certificate) {
  const Met met = meet(context, only(usual), wishes({"acme-tls/1"}), {}, {}, {}, board);
  ASSERT_TRUE(met.server) << met.server.error().detail;
  EXPECT_EQ(met.server->alpn, "acme-tls/1");
  EXPECT_EQ(met.client.alpn, "acme-tls/1");
  EXPECT_EQ(met.client.fingerprint, answer->fingerprint());
}

TEST_P(AcmeTls, works_where_no_protocol_is_configured) {
  const auto plain = make_server_context({.alpn = {}}, nullptr).value();
  EXPECT_EQ(meet(plain, only(usual), wishes({"acme-tls/1"}), {}, {}, {}, board).client.alpn, "acme-tls/1");
  EXPECT_EQ(meet(plain, only(usual), wishes({"http/1.1"}), {}, {}, {}, board).client.alpn, "");
}

TEST_P(AcmeTls, the_handshake_fails_where_no_challenge_is_pending) {
  for (const auto& [name, pending] : {std::pair("b.example", board), std::pair("", board),
                                      std::pair("a.example", std::shared_ptr<const ChallengeBoard>())}) {
    const Met met = meet(context, only(usual), wishes({"acme-tls/1"}, name), {}, {}, {}, pending);
    ASSERT_FALSE(met.server);
    EXPECT_EQ(met.server.error().detail, "no challenge is pending for '" + std::string(name) + "'");
    EXPECT_EQ(met.client.problem, "tlsv1 alert no application protocol");
  }
}

TEST_P(AcmeTls, nobody_who_offers_something_else_gets_it) {
  for (const auto& alpn :
       {std::vector<std::string>{"http/1.1"}, {"acme-tls/1", "http/1.1"}, {"http/1.1", "acme-tls/1"}}) {
    const Met met = meet(context, only(usual), wishes(alpn), {}, {}, {}, board);
    ASSERT_TRUE(met.server) << met.server.error().detail;
    EXPECT_EQ(met.server->alpn, "http/1.1");
    EXPECT_EQ(met.client.fingerprint, usual->fingerprint());
  }
  // Not even when the configuration lists it.
  const auto listed = make_server_context({.alpn = {"acme-tls/1", "http/1.1"}}, nullptr).value();
  EXPECT_EQ(meet(listed, only(usual), wishes({"acme-tls/1", "http/1.1"}), {}, {}, {}, board).client.alpn, "http/1.1");
}

// A client that has to retry (RFC 8446 §4.1.4) and offers other protocols then: what it was let through with as an
// authority, without a certificate of its own, must not serve it as anybody else.
TEST(AcmeTlsRetry, who_began_as_an_authority_cannot_go_on_as_another) {
  const CertificatePtr answer = make_challenge_certificate(host("a.example"), "k", SystemClock().wall_now()).value();
  const auto board = std::make_shared<const ChallengeBoard>(
      std::vector<ChallengeBoard::HttpAnswer>(), std::vector<ChallengeBoard::TlsAnswer>{{host("a.example"), answer}});
  const auto context = make_server_context({}, nullptr).value();
  ClientWishes wishes;
  wishes.alpn = {"acme-tls/1"};
  wishes.groups = "P-521:X25519";
  const Met same = meet(context, only(answer), wishes, {}, {}, {}, board);
  ASSERT_TRUE(same.server) << same.server.error().detail;
  EXPECT_TRUE(same.server->validates);
  for (const std::vector<std::string>& others : {std::vector<std::string>{"h2"}, {"http/1.1"}, {"h2", "http/1.1"}}) {
    wishes.alpn_when_retrying = others;
    const Met met = meet(context, only(answer), wishes, {}, {}, {}, board);
    ASSERT_FALSE(met.server) << others.front();
    EXPECT_EQ(met.server.error().detail, "the second hello offers another protocol than the first");
  }
  wishes.alpn = {"http/1.1"};
  wishes.alpn_when_retrying = {"acme-tls/1"};
  EXPECT_FALSE(meet(context, only(answer), wishes, {}, {}, {}, board).server);
}

INSTANTIATE_TEST_SUITE_P(Version, AcmeTls, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& which) { return which.param == TLS1_3_VERSION ? "tls13" : "tls12"; });

}  // namespace
}  // namespace gatehouse::tls
