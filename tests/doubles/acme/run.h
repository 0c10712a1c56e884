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

// With a manual clock: whenever nothing happens for a moment, the time of the next sleeper has come. Other coroutines
// of `io` (servers) go on meanwhile.
template <class T>
T run_to_end(asio::io_context& io, ManualClock& clock, Awaitable<T> work) {
  constexpr std::chrono::milliseconds moment(20);
  std::optional<T> result;
  std::exception_ptr thrown;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr error, T value) {
    thrown = error;
    result = std::move(value);
  });
  io.restart();
  while (!result) {
    if (io.run_one_for(moment) > 0) continue;
    if (clock.next_wake() == TimePoint::max()) throw std::runtime_error("the coroutine waits for nothing");
    clock.advance(clock.next_wake() - clock.now());
  }
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(result);
}

// In real time; throws when it takes longer than any test may.
template <class T>
T run_to_end(asio::io_context& io, Awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr thrown;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr error, T value) {
    thrown = error;
    result = std::move(value);
  });
  io.restart();
  while (!result)
    if (io.run_one_for(std::chrono::seconds(60)) == 0) throw std::runtime_error("the coroutine does not end");
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(result);
}

}  // namespace gatehouse
