// How the loops of this room wait: for a time, for a ring, or for an answer that may not come.
#pragma once

#include "base/clock.h"
#include "config/kubernetes/api.h"

#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace gatehouse::kubernetes {

// Runs `work` to its end, or until `until`: then it is cancelled, waited for, and the answer is false.
Awaitable<bool> ends_before(Clock& clock, TimePoint until, Awaitable<void> work);

// One call that has to answer by `until`; else answer_timeout. Never throws.
Awaitable<Result<ApiAnswer>> ask(Clock& clock, TimePoint until, ApiCall call, ApiRequest request);

// Lets one loop sleep until something happens. A ring that nobody waits for is kept.
class Bell {
 public:
  Bell(asio::any_io_executor executor, Clock& clock) : clock_(clock), timer_(std::move(executor), TimePoint::max()) {}

  void ring();
  // Returns at `when` or at the ring, whichever is first; rings up to now are heard then.
  Awaitable<void> wait_until(TimePoint when);

 private:
  Awaitable<void> rung();

  Clock& clock_;
  asio::steady_timer timer_;  // never expires
  bool rung_ = false;
};

// Loops that run side by side, and when the last of them has ended. A loop that throws ends the program: nothing would
// be followed any more, and to be started again is better than to serve the past.
class Loops {
 public:
  Loops(asio::any_io_executor executor, Clock& clock);

  // Both live as long as the loop does; this need not.
  void start(std::shared_ptr<const void> held, Awaitable<void> loop);
  // False: some still run.
  Awaitable<bool> ended_before(TimePoint until);

 private:
  struct State {
    Bell ended;
    int running = 0;
  };

  asio::any_io_executor executor_;
  Clock& clock_;
  std::shared_ptr<State> state_;
};

}  // namespace gatehouse::kubernetes
