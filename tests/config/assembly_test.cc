// TLS options as the settings name them: what entry points get, and what is left when files cannot be read.
#include "config/assembly.h"

#include "tests/doubles/temporary_directory.h"
#include "tests/doubles/tls/signed_certificate.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

class AssembledOptions : public testing::Test {
 protected:
  AssembledOptions() {
    settings_.entry_points.resize(2);
    settings_.entry_points[0].name = "secret";
    settings_.entry_points[0].tls = EntryPointTlsSettings{.cert_resolver = "", .options = "mtls", .domains = {}};
    settings_.entry_points[1].name = "open";
    settings_.entry_points[1].tls.emplace();
    for (auto& point : settings_.entry_points) point.listen.addresses = {{asio::ip::address_v4::loopback(), 0}};
    auto& options = settings_.tls.options["mtls"];
    options.client_auth = tls::ClientAuth::require_and_verify;
    options.client_ca_files = {(directory_ / "ca.pem").string()};
  }

  TranslationInput assemble() {
    problems_.clear();
    return assembly_.assemble(settings_, problems_);
  }
  static const EntryPointTls& secret(const TranslationInput& input) { return input.entry_points[0].entry_point.tls; }

  TemporaryDirectory directory_;
  SystemClock clock_;
  Settings settings_;
  std::vector<Problem> problems_;
  Assembly assembly_{clock_, Assembly::Purpose::look};
};

TEST_F(AssembledOptions, AreThoseOfTheirEntryPoints) {
  directory_.write("ca.pem", tls::test_root("clients")->pem());
  settings_.entry_points[1].http2.enabled = false;
  const auto input = assemble();
  EXPECT_TRUE(problems_.empty());
  EXPECT_EQ(secret(input).options, input.tls_options.at("mtls"));
  EXPECT_EQ(secret(input).options->name, "mtls");
  EXPECT_TRUE(secret(input).http2);
  EXPECT_TRUE(secret(input).options->with_http2->requires_certificate());
  EXPECT_TRUE(secret(input).options->without_http2->requires_certificate());
  const EntryPointTls& open = input.entry_points[1].entry_point.tls;
  EXPECT_EQ(open.options, input.tls_options.at("default"));
  EXPECT_FALSE(open.http2);
  EXPECT_EQ(open.options->with_http2->client_auth(), tls::ClientAuth::none);
}

TEST_F(AssembledOptions, WithoutTheirAuthoritiesLetNobodyIn) {
  const auto input = assemble();
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_EQ(problems_[0].object, "tls.options.mtls.clientAuth.caFiles");
  ASSERT_NE(secret(input).options, nullptr);
  EXPECT_TRUE(secret(input).options->requires_certificate());
}

TEST_F(AssembledOptions, KeepTheAuthoritiesThatWereReadLast) {
  directory_.write("ca.pem", tls::test_root("clients")->pem());
  const auto first = secret(assemble()).options;
  EXPECT_EQ(secret(assemble()).options, first) << "nothing has changed";
  directory_.write("ca.pem", "damaged");
  EXPECT_TRUE(secret(assemble()).options->is_as_strict_as(*first));
  EXPECT_EQ(problems_.size(), 1u);
  std::filesystem::remove(directory_ / "ca.pem");
  EXPECT_TRUE(secret(assemble()).options->is_as_strict_as(*first));
  EXPECT_EQ(problems_.size(), 1u);
  directory_.write("ca.pem", tls::test_root("others")->pem());
  EXPECT_FALSE(secret(assemble()).options->is_as_strict_as(*first));
  EXPECT_TRUE(problems_.empty());
}

TEST_F(AssembledOptions, ThatCannotBeMadeLeaveTheirEntryPointsWithout) {
  settings_.tls.options["mtls"].cipher_suites = {"NOT_A_CIPHER"};
  const auto input = assemble();
  EXPECT_FALSE(problems_.empty());
  EXPECT_TRUE(secret(input).required) << "so that plain bytes are refused too";
  EXPECT_EQ(secret(input).options, nullptr);
  EXPECT_FALSE(input.tls_options.contains("mtls"));
}

}  // namespace
}  // namespace gatehouse
