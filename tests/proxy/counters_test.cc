#include "proxy/counters.h"

#include <gtest/gtest.h>

#include <numeric>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

TEST(DurationCounts, a_bound_belongs_to_its_bucket) {
  DurationCounts counts;
  for (const Duration duration : std::initializer_list<Duration>{0ms, 1ms, 1001us, 300s, 301s, 24h})
    counts.add(duration);
  EXPECT_EQ(counts.buckets[0], 2u);
  EXPECT_EQ(counts.buckets[1], 1u);
  EXPECT_EQ(counts.buckets[DurationCounts::bounds.size() - 1], 1u);
  EXPECT_EQ(counts.buckets.back(), 2u);
  EXPECT_EQ(std::accumulate(counts.buckets.begin(), counts.buckets.end(), 0u), 6u);
  EXPECT_NEAR(counts.sum_s, 601 + 24 * 3600 + 0.002, 0.01);
}

// Branches of a project come with a Service each, and go.
TEST(Counters, forget_services_that_nobody_asks_for_any_more) {
  Counters counters;
  ++counters.of_service("branch/web").retries;
  ++counters.of_service("main/web").retries;
  counters.forget_unused_services();
  EXPECT_EQ(counters.services.size(), 2u);  // used before the first call
  ++counters.of_service("main/web").retries;
  counters.forget_unused_services();
  EXPECT_EQ(counters.services.size(), 1u);
  EXPECT_EQ(counters.of_service("main/web").retries, 2u);
}

TEST(Counters, workers_add_up) {
  Counters first, second;
  first.entry_points["web"].requests[2] = 5;
  first.entry_points["web"].open_connections = -1;
  first.failures[static_cast<std::size_t>(FailureKind::no_route)] = 1;
  second.entry_points["web"].requests[2] = 7;
  second.entry_points["web"].open_connections = 3;
  second.entry_points["web"].durations.add(2s);
  second.entry_points["ssh"].sessions = 2;
  second.services["a/b"].retries = 4;
  second.failures[static_cast<std::size_t>(FailureKind::no_route)] = 2;
  first.add(second);
  EXPECT_EQ(first.entry_points["web"].requests[2], 12u);
  EXPECT_EQ(first.entry_points["web"].open_connections, 2);
  EXPECT_DOUBLE_EQ(first.entry_points["web"].durations.sum_s, 2);
  EXPECT_EQ(first.entry_points["ssh"].sessions, 2u);
  EXPECT_EQ(first.services["a/b"].retries, 4u);
  EXPECT_EQ(first.failures[static_cast<std::size_t>(FailureKind::no_route)], 3u);
}

}  // namespace
}  // namespace gatehouse
