#include "base/buffers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace gatehouse {
namespace {

TEST(Buffers, come_in_two_sizes_and_larger_ones_as_asked) {
  Buffers pool;
  EXPECT_EQ(pool.take(1).size(), Buffers::small);
  EXPECT_EQ(pool.take(Buffers::small).size(), Buffers::small);
  EXPECT_EQ(pool.take(Buffers::small + 1).size(), Buffers::large);
  EXPECT_EQ(pool.take(Buffers::large).size(), Buffers::large);
  EXPECT_EQ(pool.take(Buffers::large + 1).size(), Buffers::large + 1);
}

TEST(Buffers, the_last_one_given_back_is_the_first_taken) {
  Buffers pool;
  Buffer first = pool.take(1), second = pool.take(1);
  const char* const memory = second.data();
  first.reset();
  second.reset();
  EXPECT_FALSE(second);
  EXPECT_EQ(second.size(), 0u);
  EXPECT_EQ(pool.take(1).data(), memory);
}

TEST(Buffers, live_ones_never_share_memory) {
  Buffers pool;
  std::vector<Buffer> live;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) std::memset(live.emplace_back(pool.take(1)).data(), i, Buffers::small);
    for (int i = 0; i < 200; ++i)
      EXPECT_EQ(static_cast<unsigned char>(live[static_cast<std::size_t>(i)].data()[Buffers::small - 1]), i);
    live.clear();
  }
}

TEST(Buffers, moving_hands_the_memory_over) {
  Buffers pool;
  Buffer from = pool.take(1), to = pool.take(1);
  const char* const memory = from.data();
  to = std::move(from);
  EXPECT_EQ(to.data(), memory);
  EXPECT_EQ(to.size(), Buffers::small);
  Buffer third(std::move(to));
  EXPECT_EQ(third.data(), memory);
  third = Buffer();
  EXPECT_FALSE(third);
}

}  // namespace
}  // namespace gatehouse
