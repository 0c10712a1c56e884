// Loops of this room in simulated time, and what answers them, in one thread.
#pragma once

#include "config/kubernetes/api.h"
#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace gatehouse::kubernetes {

// Time goes on only after everything that could run has run.
class Simulation {
 public:
  asio::io_context io;

  // A clock that runs at `rate` of the true time and shows another time of day.
  ManualClock& add_clock(double rate = 1, std::chrono::hours skew = {}) {
    clocks_.push_back({std::make_unique<ManualClock>(WallTime(std::chrono::seconds(1'767'225'600)) + skew), rate});
    return *clocks_.back().clock;
  }

  void spawn(Awaitable<void> loop) {
    ++running_;
    asio::co_spawn(io, std::move(loop), [this](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
      --running_;
    });
  }
  int running() const { return running_; }

  void settle() {
    io.restart();
    io.poll();
  }

  void pass(
      Duration time, const std::function<void()>& after_each_step = [] {}) {
    constexpr Duration step = std::chrono::milliseconds(100);
    settle();
    for (Duration passed = Duration::zero(); passed < time; passed += step) {
      for (auto& [clock, rate] : clocks_) clock->advance(std::chrono::duration_cast<Duration>(step * rate));
      settle();
      after_each_step();
    }
  }

 private:
  struct Clocked {
    std::unique_ptr<ManualClock> clock;
    double rate;
  };
  std::vector<Clocked> clocks_;
  int running_ = 0;
};

inline ApiAnswer good(std::string body, std::uint16_t status = 200) {
  return {.status = status, .body = std::move(body)};
}

inline ApiAnswer bad(std::uint16_t status, std::string reason, std::optional<Duration> retry_after = {}) {
  return {.status = status, .reason = std::move(reason), .message = "because", .retry_after = retry_after};
}

}  // namespace gatehouse::kubernetes
