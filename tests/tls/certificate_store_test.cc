#include "tls/certificate_store.h"

#include "tests/doubles/tls/tls_peer.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

TEST(CertificateStore, FindsExactBeforeWildcard) {
  const auto exact = certificate_for({"a.example"}), wild = certificate_for({"*.example"}),
             second = certificate_for({"x"});
  const CertificateStore store(
      {.entries = {{host("*.example"), wild}, {host("a.example"), exact}, {host("a.example"), second}},
       .default_certificate = second,
       .internal_ca = nullptr,
       .internal_hosts = hosts({"c.example"})});
  ASSERT_NE(store.find("a.example"), nullptr);
  EXPECT_EQ(*store.find("a.example"), exact);
  EXPECT_EQ(*store.find("b.example"), wild);
  EXPECT_EQ(store.find("example"), nullptr);
  EXPECT_EQ(store.find("y.x.example"), nullptr);
  EXPECT_EQ(store.find(".example"), nullptr);
  EXPECT_EQ(store.find(""), nullptr);
  EXPECT_EQ(store.default_certificate(), second);
  EXPECT_EQ(store.may_issue("c.example"), nullptr) << "there is no CA";
}

TEST(CertificateStore, IssuesOnlyForItsHosts) {
  const auto root = make_self_signed({}, test_now()).value();
  const CertificateStore store({.entries = {},
                                .default_certificate = nullptr,
                                .internal_ca = std::make_shared<const InternalCa>(root),
                                .internal_hosts = hosts({"a.example", "*.b.example"})});
  ASSERT_NE(store.may_issue("a.example"), nullptr);
  EXPECT_EQ(store.may_issue("a.example")->text(), "a.example");
  EXPECT_EQ(store.may_issue("x.b.example")->text(), "*.b.example");
  EXPECT_EQ(store.may_issue("b.example"), nullptr);
  EXPECT_EQ(store.may_issue(".b.example"), nullptr);
  EXPECT_EQ(store.may_issue("other.example"), nullptr);
}

TEST(CertificateStore, HoldsTenThousandHosts) {
  const auto one = certificate_for({"a.example"});
  CertificateStore::Contents contents;
  for (int i = 0; i < 10'000; ++i) contents.entries.push_back({host("h" + std::to_string(i) + ".example"), one});
  const CertificateStore store(std::move(contents));
  EXPECT_EQ(store.size(), 10'000u);
  EXPECT_NE(store.find("h9999.example"), nullptr);
  EXPECT_EQ(store.find("h10000.example"), nullptr);
}

}  // namespace
}  // namespace gatehouse::tls
