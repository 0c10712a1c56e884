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

TEST(CertificateStore, ChangedHasOthersForSomeHosts) {
  const auto a = certificate_for({"a.example"}), b = certificate_for({"b.example"}),
             wild = certificate_for({"*.c.example"});
  const auto before = std::make_shared<const CertificateStore>(CertificateStore::Contents{
      .entries = {{host("a.example"), a}, {host("b.example"), b}, {host("*.c.example"), wild}},
      .default_certificate = b,
      .bare_hosts = hosts({"x.example", "y.example"}),
      .strict_sni = true});
  const auto after =
      CertificateStore::changed(before, {"a.example", "*.c.example", "x.example", "z.example"},
                                {.entries = {{host("a.example"), b}}, .bare_hosts = hosts({"z.example"})});
  EXPECT_EQ(*after->find("a.example"), b);
  EXPECT_EQ(*after->find("b.example"), b);
  EXPECT_EQ(after->find("d.c.example"), nullptr);
  EXPECT_FALSE(after->is_bare("x.example"));
  EXPECT_TRUE(after->is_bare("y.example"));
  EXPECT_TRUE(after->is_bare("z.example"));
  EXPECT_EQ(after->default_certificate(), b);
  EXPECT_TRUE(after->strict_sni());
  EXPECT_EQ(*before->find("a.example"), a);
  EXPECT_FALSE(*before == *after);
  EXPECT_EQ(CertificateStore::changed(before, {"b.example", "y.example"},
                                      {.entries = {{host("b.example"), b}}, .bare_hosts = hosts({"y.example"})}),
            before)
      << "nothing is other";
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
