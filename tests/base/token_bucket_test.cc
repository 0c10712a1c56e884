#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, gives_so_many_at_once_and_one_more_each_so_often) {
  TimePoint now{1h};
  TokenBucket bucket({.burst = 3, .each = 10s}, now);
  EXPECT_TRUE(bucket.is_full(now));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_EQ(bucket.next(), now + 10s);
  EXPECT_FALSE(bucket.take(now += 9s));
  EXPECT_TRUE(bucket.take(now += 1s));
  EXPECT_FALSE(bucket.take(now));
  now += 1h;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
}

}  // namespace
}  // namespace gatehouse
