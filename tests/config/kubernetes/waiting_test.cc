#include "config/kubernetes/waiting.h"

#include "tests/config/kubernetes/simulation.h"

namespace gatehouse::kubernetes {
namespace {

using namespace std::chrono_literals;

class LoopsTest : public testing::Test {
 protected:
  // Ends some time from now.
  void start(Duration after) { loops.start(held, clock.sleep_until(clock.now() + after)); }

  void wait(TimePoint until) {
    world.spawn([](Loops& its, TimePoint end, std::optional<bool>& told) -> Awaitable<void> {
      told = co_await its.ended_before(end);
    }(loops, until, ended));
    world.settle();
  }

  Simulation world;
  ManualClock& clock = world.add_clock();
  Loops loops{world.io.get_executor(), clock};
  std::shared_ptr<int> held = std::make_shared<int>();
  std::optional<bool> ended;
};

TEST_F(LoopsTest, NoneIsOverAtOnce) {
  wait(clock.now());
  EXPECT_EQ(ended, true);
}

TEST_F(LoopsTest, AreOverWhenTheLastIs) {
  start(1s);
  start(3s);
  EXPECT_EQ(held.use_count(), 3);
  wait(TimePoint::max());
  world.pass(2s);
  EXPECT_EQ(ended, std::nullopt);
  world.pass(1s);
  EXPECT_EQ(ended, true);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(LoopsTest, AreWaitedForUpToALimit) {
  start(3s);
  wait(clock.now() + 2s);
  world.pass(2s);
  EXPECT_EQ(ended, false);
  world.pass(1s);
  wait(clock.now());
  EXPECT_EQ(ended, true);
}

}  // namespace
}  // namespace gatehouse::kubernetes
