// A Clock that stands still until the test moves it. Sleepers may be on any executor and any thread; each wakes on
// its own executor.
#pragma once

#include "base/clock.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace gatehouse {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall = WallTime(std::chrono::seconds(1'767'225'600)))  // 2026-01-01T00:00:00Z
      : wall_start_(wall) {}

  TimePoint now() const override {
    std::lock_guard lock(mutex_);
    return now_;
  }

  WallTime wall_now() const override {
    return wall_start_ + std::chrono::duration_cast<WallTime::duration>(now() - start);
  }

  Awaitable<void> sleep_until(TimePoint when) override {
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, TimePoint::max());
    {
      std::lock_guard lock(mutex_);
      if (when <= now_) co_return;
      sleepers_.push_back({when, timer});
    }
    error_code woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  void advance(Duration by) {
    std::lock_guard lock(mutex_);
    now_ += by;
    std::erase_if(sleepers_, [this](const Sleeper& sleeper) {
      auto timer = sleeper.timer.lock();
      if (timer && sleeper.when <= now_) asio::post(timer->get_executor(), [timer] { timer->cancel(); });
      return !timer || sleeper.when <= now_;
    });
  }

  // How many coroutines sleep: lets a test wait until one does before it advances.
  std::size_t sleepers() const {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& sleeper : sleepers_) count += !sleeper.timer.expired();
    return count;
  }

  // When the next sleeper wakes; TimePoint::max() when nobody sleeps.
  TimePoint next_wake() const {
    std::lock_guard lock(mutex_);
    TimePoint next = TimePoint::max();
    for (const auto& sleeper : sleepers_)
      if (!sleeper.timer.expired()) next = std::min(next, sleeper.when);
    return next;
  }

 private:
  static constexpr TimePoint start = TimePoint(std::chrono::hours(1000));
  struct Sleeper {
    TimePoint when;
    std::weak_ptr<asio::steady_timer> timer;
  };

  mutable std::mutex mutex_;
  WallTime wall_start_;
  TimePoint now_ = start;
  std::vector<Sleeper> sleepers_;
};

}  // namespace gatehouse
