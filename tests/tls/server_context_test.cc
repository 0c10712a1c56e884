#include "tls/server_context.h"

#include "tls/client_context.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

std::string problem_of(const ServerPolicy& policy) {
  const auto made = make_server_context(policy, nullptr);
  if (made) return "none";
  EXPECT_EQ(made.error().kind, FailureKind::bad_configuration);
  return made.error().detail;
}

TEST(ServerContext, TakesNamesOfBothSpellings) {
  ServerPolicy policy;
  policy.cipher_suites = {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
                          "TLS_AES_256_GCM_SHA384"};
  policy.curves = {"CurveP256", "X25519", "P-384"};
  EXPECT_EQ(problem_of(policy), "none");
}

TEST(ServerContext, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(problem_of({.cipher_suites = {"TLS_AES_128_GCM_SHA256", "TLS_NOT_A_CIPHER"}}),
            "the cipher suite 'TLS_NOT_A_CIPHER' is not known or not safe enough");
  EXPECT_EQ(problem_of({.cipher_suites = {"TLS_RSA_WITH_RC4_128_SHA"}}),
            "the cipher suite 'TLS_RSA_WITH_RC4_128_SHA' is not known or not safe enough");
  EXPECT_EQ(problem_of({.cipher_suites = {"HIGH"}}), "the cipher suite 'HIGH' is not known or not safe enough");
  EXPECT_EQ(problem_of({.cipher_suites = {"ALL:!aNULL"}}), "'ALL:!aNULL' is not the name of a cipher suite");
  EXPECT_EQ(problem_of({.curves = {"X25519", "CurveP257"}}), "the curve 'CurveP257' is not known");
  EXPECT_EQ(problem_of({.alpn = {""}}), "an ALPN protocol's name has 1 to 255 bytes");
  EXPECT_EQ(problem_of({.min_version = Version::tls13, .max_version = Version::tls12}),
            "the lowest TLS version is above the highest");
}

TEST(ServerContext, ReadsVersions) {
  for (const std::string_view text : {"VersionTLS12", "1.2", "TLS1.2", "TLSv1.2"})
    EXPECT_EQ(parse_version(text).value(), Version::tls12) << text;
  EXPECT_EQ(parse_version("VersionTLS13").value(), Version::tls13);
  EXPECT_NE(parse_version("VersionTLS10").error().detail.find("no longer safe"), std::string::npos);
  EXPECT_NE(parse_version("ssl").error().detail.find("'ssl' is not a TLS version"), std::string::npos);
}

TEST(ClientContext, SaysWhatIsWrong) {
  const auto problem = [](const ClientPolicy& policy) {
    const auto made = make_client_context(policy);
    return made ? "none" : made.error().detail;
  };
  const auto own = certificate_for({"client"});
  EXPECT_EQ(problem({}), "none");
  EXPECT_EQ(problem({.certificate_pem = own->pem(), .key_pem = own->key_pem()}), "none");
  EXPECT_EQ(problem({.ca_pem = "nonsense"}), "the PEM holds no root certificate");
  EXPECT_EQ(problem({.certificate_pem = own->pem()}), "client certificate: the private key is not PEM");
  std::string damaged = own->pem();
  damaged[100] = '!';
  EXPECT_TRUE(problem({.ca_pem = damaged}).starts_with("a root certificate is damaged: "));
}

}  // namespace
}  // namespace gatehouse::tls
