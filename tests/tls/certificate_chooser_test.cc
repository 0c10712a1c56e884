#include "tls/certificate_chooser.h"

#include "tests/doubles/tls/tls_peer.h"
#include "tls/new_certificate.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const InternalCa> new_ca() {
  return std::make_shared<const InternalCa>(
      make_certificate({"root", {}, test_now() - 1h, test_now() + 24h * 365, true}, nullptr).value());
}

CertificateStore store_with(std::shared_ptr<const InternalCa> ca, CertificatePtr fallback = nullptr,
                            bool strict = false) {
  return CertificateStore({.entries = {{host("own.example"), certificate_for({"own.example"})}},
                           .default_certificate = std::move(fallback),
                           .internal_ca = std::move(ca),
                           .internal_hosts = hosts({"own.example", "a.example", "*.b.example"}),
                           .strict_sni = strict});
}

TEST(CertificateChooser, PrefersTheStoreThenTheCaThenTheDefault) {
  const auto fallback = certificate_for({"fallback"});
  const CertificateStore store = store_with(new_ca(), fallback);
  CertificateChooser chooser;
  EXPECT_EQ(chooser.choose(store, "own.example", test_now()), *store.find("own.example"));
  EXPECT_EQ(chooser.kept_leaves(), 0u);
  EXPECT_TRUE(chooser.choose(store, "a.example", test_now())->covers("a.example"));
  EXPECT_EQ(chooser.choose(store, "other.example", test_now()), fallback);
  EXPECT_EQ(chooser.choose(store, "", test_now()), fallback);
}

TEST(CertificateChooser, HasNothingWithoutDefaultOrUnderStrictSni) {
  CertificateChooser chooser;
  const CertificateStore bare = store_with(nullptr), strict = store_with(nullptr, certificate_for({"fallback"}), true);
  for (const std::string_view name : {"other.example", ""}) {
    EXPECT_EQ(chooser.choose(bare, name, test_now()), nullptr);
    EXPECT_EQ(chooser.choose(strict, name, test_now()), nullptr);
  }
  EXPECT_NE(chooser.choose(strict, "own.example", test_now()), nullptr);
}

TEST(CertificateChooser, ShowsABareHostNothingUntilItHasACertificate) {
  CertificateStore::Contents contents{.default_certificate = certificate_for({"fallback"}),
                                      .bare_hosts = hosts({"a.example", "*.b.example"})};
  CertificateChooser chooser;
  const CertificateStore before(contents);
  for (const std::string_view name : {"a.example", "x.b.example"})
    EXPECT_EQ(chooser.choose(before, name, test_now()), nullptr);
  for (const std::string_view name : {"b.example", "x.y.b.example", ""})
    EXPECT_EQ(chooser.choose(before, name, test_now()), contents.default_certificate);
  contents.entries.push_back({host("*.b.example"), certificate_for({"*.b.example"})});
  EXPECT_EQ(chooser.choose(CertificateStore(contents), "x.b.example", test_now()), contents.entries[0].certificate);
}

TEST(CertificateChooser, KeepsLeavesOverStoresUntilAThirdIsLeft) {
  const auto ca = new_ca();
  CertificateChooser chooser;
  const auto first = chooser.choose(store_with(ca), "a.example", test_now());
  const auto lifetime = first->not_after() - first->not_before();
  const auto due = first->not_after() - lifetime / 3;
  EXPECT_EQ(chooser.choose(store_with(ca), "a.example", due - 1s), first);
  const auto second = chooser.choose(store_with(ca), "a.example", due);
  EXPECT_NE(second, first);
  EXPECT_GT(second->not_after(), first->not_after());
  EXPECT_EQ(chooser.kept_leaves(), 1u);
}

TEST(CertificateChooser, MakesNewLeavesForANewCa) {
  CertificateChooser chooser;
  const auto first = chooser.choose(store_with(new_ca()), "a.example", test_now());
  EXPECT_NE(chooser.choose(store_with(new_ca()), "a.example", test_now()), first);
}

TEST(CertificateChooser, MakesOneLeafForAllNamesUnderAWildcard) {
  const CertificateStore store = store_with(new_ca());
  CertificateChooser chooser;
  const auto first = chooser.choose(store, "x1.b.example", test_now());
  for (int i = 2; i < 100; ++i)
    EXPECT_EQ(chooser.choose(store, "x" + std::to_string(i) + ".b.example", test_now()), first);
  EXPECT_TRUE(first->covers("anything.b.example"));
  EXPECT_EQ(chooser.kept_leaves(), 1u);
}

}  // namespace
}  // namespace gatehouse::tls
