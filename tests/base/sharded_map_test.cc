#include "base/sharded_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace gatehouse {
namespace {

using Map = ShardedMap<int>;

std::map<std::string, int> contents(const Map& map) {
  std::map<std::string, int> all;
  map.each([&](std::string_view key, int value) { all.emplace(key, value); });
  return all;
}

TEST(ShardedMap, is_empty_at_first) {
  const Map map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_TRUE(map.changed({"a"}, {}).empty());
}

TEST(ShardedMap, of_two_with_one_key_the_first_counts) {
  const Map map({{"a", 1}, {"a", 2}, {"b", 3}});
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(*map.find("a"), 1);
}

TEST(ShardedMap, a_change_leaves_the_one_it_is_made_of) {
  const Map before({{"a", 1}, {"b", 2}});
  const Map after = before.changed({"a", "nobody"}, {{"a", 7}, {"c", 3}});
  EXPECT_EQ(contents(before), (std::map<std::string, int>{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(contents(after), (std::map<std::string, int>{{"a", 7}, {"b", 2}, {"c", 3}}));
}

// What is not changed is not copied: it is the very same object.
TEST(ShardedMap, shares_what_does_not_change) {
  std::vector<Map::Entry> entries;
  for (int i = 0; i < 10'000; ++i) entries.emplace_back("host" + std::to_string(i), i);
  const Map before(entries);
  const Map after = before.changed({"host1"}, {{"host1", -1}});
  std::size_t shared = 0;
  for (const auto& [key, value] : entries) shared += before.find(key) == after.find(key) ? 1 : 0;
  EXPECT_GT(shared, 9'800u);
  EXPECT_LT(shared, 10'000u);
}

TEST(ShardedMap, is_as_a_map_is_whatever_the_changes) {
  std::mt19937 random(7);
  const auto below = [&](unsigned end) { return random() % end; };
  std::map<std::string, int> expected;
  Map map;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> gone;
    std::vector<Map::Entry> entries;
    for (unsigned i = below(20); i > 0; --i) {
      gone.push_back("k" + std::to_string(below(3'000)));
      expected.erase(gone.back());
    }
    for (unsigned i = below(40); i > 0; --i) {
      entries.emplace_back("k" + std::to_string(below(3'000)), round);
      expected.insert(entries.back());
    }
    map = map.changed(gone, entries);
    ASSERT_EQ(map.size(), expected.size());
  }
  EXPECT_EQ(contents(map), expected);
  for (const auto& [key, value] : expected) EXPECT_EQ(*map.find(key), value);
}

}  // namespace
}  // namespace gatehouse
