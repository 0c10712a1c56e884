// Runs one coroutine of a test to its end.
#pragma once

#include "base/asio.h"
#include "tests/doubles/manual_clock.h"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace gatehouse {

// A coroutine under way, and what came of it.
template <class T>
class Underway {
 public:
  Underway(asio::io_context& io, Awaitable<T> work) {
    asio::co_spawn(io, keep(std::move(work)), [this](std::exception_ptr error) {
      thrown_ = error;
      ended_ = true;
    });
    io.restart();
  }
  Underway(const Underway&) = delete;
  Underway& operator=(const Underway&) = delete;

  bool ended() const { return ended_; }
  T take() {
    if (thrown_) std::rethrow_exception(thrown_);
    return *std::move(result_);
  }

 private:
  Awaitable<void> keep(Awaitable<T> work) {
    auto result = co_await std::move(work);
    result_ = std::move(result);
  }

  std::optional<T> result_;
  std::exception_ptr thrown_;
  bool ended_ = false;  // last of all: nothing of it runs any more
};

// With a manual clock: whenever nothing happens for a moment, the time of the next sleeper has come. Other coroutines
// of `io` (servers) go on meanwhile.
template <class T>
T run_to_end(asio::io_context& io, ManualClock& clock, Awaitable<T> work) {
  constexpr std::chrono::milliseconds moment(20);
  Underway<T> underway(io, std::move(work));
  while (!underway.ended()) {
    if (io.run_one_for(moment) > 0) continue;
    if (clock.next_wake() == TimePoint::max()) throw std::runtime_error("the coroutine waits for nothing");
    clock.advance(clock.next_wake() - clock.now());
  }
  return underway.take();
}

// In real time; throws when nothing happens for longer than any test may take.
template <class T>
T run_to_end(asio::io_context& io, Awaitable<T> work) {
  Underway<T> underway(io, std::move(work));
  while (!underway.ended())
    if (io.run_one_for(std::chrono::seconds(60)) == 0) throw std::runtime_error("the coroutine does not end");
  return underway.take();
}

}  // namespace gatehouse
