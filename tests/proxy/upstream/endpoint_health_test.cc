#include "proxy/upstream/endpoint_health.h"

#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

class EndpointHealthTest : public ::testing::Test {
 protected:
  // How long the endpoint stays out from now on, to 100 ms.
  Duration time_out() {
    Duration out = 0ms;
    while (!health_.usable(first_)) {
      clock_.advance(100ms);
      out += 100ms;
    }
    return out;
  }

  ManualClock clock_;
  EndpointHealth health_{clock_};
  const Endpoint first_{asio::ip::make_address("10.0.0.1"), 80}, second_{asio::ip::make_address("10.0.0.1"), 81};
};

TEST_F(EndpointHealthTest, everyone_is_usable_at_first) {
  EXPECT_TRUE(health_.usable(first_));
  EXPECT_TRUE(health_.all_usable());
  health_.succeeded(first_);
  EXPECT_EQ(health_.ejected_count(), 0u);
}

TEST_F(EndpointHealthTest, a_failed_one_is_left_out_for_a_second) {
  health_.failed(first_);
  EXPECT_FALSE(health_.usable(first_));
  EXPECT_TRUE(health_.usable(second_));
  EXPECT_FALSE(health_.all_usable());
  EXPECT_EQ(health_.ejected_count(), 1u);
  EXPECT_EQ(time_out(), 1s);
}

TEST_F(EndpointHealthTest, each_further_failure_doubles_the_pause_up_to_30_s) {
  for (const Duration pause : std::initializer_list<Duration>{1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}) {
    health_.failed(first_);
    EXPECT_EQ(time_out(), pause);
  }
}

TEST_F(EndpointHealthTest, a_success_forgets_everything) {
  for (int i = 0; i < 5; ++i) health_.failed(first_);
  health_.succeeded(first_);
  EXPECT_TRUE(health_.usable(first_));
  EXPECT_TRUE(health_.all_usable());
  health_.failed(first_);
  EXPECT_EQ(time_out(), 1s);
}

TEST_F(EndpointHealthTest, old_failures_are_swept_away) {
  health_.failed(first_);
  clock_.advance(100s);
  health_.failed(second_);
  health_.sweep();
  EXPECT_EQ(health_.ejected_count(), 2u);
  clock_.advance(250s);
  health_.sweep();
  EXPECT_EQ(health_.ejected_count(), 1u);
  EXPECT_TRUE(health_.usable(second_));
  clock_.advance(100s);
  health_.sweep();
  EXPECT_TRUE(health_.all_usable());
}

}  // namespace
}  // namespace gatehouse
