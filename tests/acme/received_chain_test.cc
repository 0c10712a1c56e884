#include "acme/received_chain.h"

#include "tls/new_certificate.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

using std::chrono::hours;

constexpr WallTime now = WallTime(std::chrono::seconds(1'767'225'600));  // 2026-01-01T00:00:00Z

std::vector<HostName> hosts(const std::vector<std::string>& texts) {
  std::vector<HostName> names;
  for (const auto& text : texts) names.push_back(HostName::parse_with_wildcard(text).value());
  return names;
}

tls::CertificatePtr made(const std::vector<std::string>& names, WallTime from = now, WallTime to = now + hours(2000)) {
  const tls::NewCertificate wanted{
      .common_name = "The Root", .names = hosts(names), .not_before = from, .not_after = to, .authority = false};
  return tls::make_certificate(wanted, nullptr).value();
}

bool accepted(const tls::Certificate& certificate, const std::vector<std::string>& names) {
  const auto chosen = choose_chain({certificate.pem()}, certificate.key_pem(), hosts(names), "", now);
  if (!chosen) {
    EXPECT_TRUE(chosen.error().order_over);
  }
  return chosen.has_value();
}

TEST(ReceivedChain, has_exactly_the_names_in_any_order) {
  EXPECT_TRUE(accepted(*made({"a.example", "*.b.example"}), {"*.b.example", "a.example"}));
  EXPECT_FALSE(accepted(*made({"a.example"}), {"a.example", "b.example"}));
  EXPECT_FALSE(accepted(*made({"a.example", "b.example"}), {"a.example"}));
  EXPECT_FALSE(accepted(*made({"*.example"}), {"a.example"}));
}

TEST(ReceivedChain, is_valid_now_by_a_clock_that_may_be_a_day_off) {
  EXPECT_TRUE(accepted(*made({"a.example"}, now + hours(24)), {"a.example"}));
  EXPECT_FALSE(accepted(*made({"a.example"}, now + hours(26)), {"a.example"}));
  EXPECT_FALSE(accepted(*made({"a.example"}, now - hours(2), now - hours(1)), {"a.example"}));
}

TEST(ReceivedChain, belongs_to_our_key) {
  const auto certificate = made({"a.example"});
  EXPECT_FALSE(choose_chain({certificate->pem()}, made({"a.example"})->key_pem(), hosts({"a.example"}), "", now));
  EXPECT_FALSE(choose_chain({}, certificate->key_pem(), hosts({"a.example"}), "", now));
}

TEST(ReceivedChain, a_damaged_alternate_does_not_spoil_the_first) {
  const auto certificate = made({"a.example"});
  const auto chosen =
      choose_chain({certificate->pem(), "damaged"}, certificate->key_pem(), hosts({"a.example"}), "Nobody", now);
  EXPECT_TRUE(chosen);
  EXPECT_TRUE(certificate->issued_by("The Root"));
  EXPECT_FALSE(certificate->issued_by("The"));
}

}  // namespace
}  // namespace gatehouse::acme
