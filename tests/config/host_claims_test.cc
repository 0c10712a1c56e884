#include "config/host_claims.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

HostClaims::Rule rule(const char* ns, std::initializer_list<const char*> patterns) {
  HostClaims::Rule rule{{ns}, {}};
  for (const char* pattern : patterns) rule.hosts.push_back(NamePattern::parse(pattern).value());
  return rule;
}

TEST(HostClaims, WithoutRulesEverythingIsFree) {
  const HostClaims claims({});
  for (const char* host : {"a.example", "*.example", ""}) EXPECT_TRUE(claims.may_claim("anyone", host)) << host;
}

TEST(HostClaims, ANameIsItselfAndAStarIsEverythingBelow) {
  const HostClaims claims({rule("own", {"a.example", "*.b.example"})});
  for (const char* host : {"a.example", "x.b.example", "x.y.b.example", "*.b.example", "*.y.b.example"}) {
    EXPECT_TRUE(claims.may_claim("own", host)) << host;
    EXPECT_FALSE(claims.may_claim("other", host)) << host;
  }
  for (const char* host : {"b.example", "x.a.example", "ab.example", "xb.example", "free.test", "*.a.example"})
    EXPECT_TRUE(claims.may_claim("other", host)) << host;
}

TEST(HostClaims, SeveralRulesAddUp) {
  const HostClaims claims({rule("all", {"*"}), rule("one", {"a.example"})});
  EXPECT_TRUE(claims.may_claim("all", "a.example"));
  EXPECT_TRUE(claims.may_claim("one", "a.example"));
  EXPECT_FALSE(claims.may_claim("one", "b.example"));
  EXPECT_TRUE(claims.may_claim("all", ""));
  EXPECT_FALSE(claims.may_claim("one", ""));
}

TEST(HostClaims, AWildcardNeedsTheRightToEachNameItStandsFor) {
  const HostClaims claims({rule("one", {"a.example", "x.y.example"}), rule("two", {"b.example"})});
  EXPECT_FALSE(claims.may_claim("one", "*.example"));
  EXPECT_FALSE(claims.may_claim("two", "*.example"));
  EXPECT_TRUE(claims.may_claim("one", "*.y.example"));
  EXPECT_FALSE(claims.may_claim("two", "*.y.example"));
  EXPECT_TRUE(claims.may_claim("two", "*.z.example"));
}

TEST(HostClaims, AWildcardOfOneLabelDoesNotReachDeeper) {
  const HostClaims claims({rule("one", {"*.a.example"})});
  EXPECT_TRUE(claims.may_claim("other", "*.example")) << "stands for a.example, not for x.a.example";
}

TEST(HostClaims, AnyHostNeedsEveryRight) {
  const HostClaims claims({rule("one", {"a.example", "*.b.example"}), rule("two", {"a.example"})});
  EXPECT_TRUE(claims.may_claim("one", ""));
  EXPECT_FALSE(claims.may_claim("two", ""));
  EXPECT_FALSE(claims.may_claim("other", ""));
}

}  // namespace
}  // namespace gatehouse
