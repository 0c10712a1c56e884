// Time as a parameter: nothing else in the project asks the system what time it is or sleeps.
#pragma once

#include "base/asio.h"

#include <chrono>

namespace gatehouse {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic; for limits and measuring.
  virtual TimePoint now() const = 0;
  // Calendar time; for dates in certificates, headers and logs.
  virtual WallTime wall_now() const = 0;
  // Returns at `when`, or early when the coroutine is cancelled (the caller checks what it was waiting for).
  virtual Awaitable<void> sleep_until(TimePoint when) = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint now() const override;
  WallTime wall_now() const override;
  Awaitable<void> sleep_until(TimePoint when) override;
};

}  // namespace gatehouse
