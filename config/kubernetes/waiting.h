// How the loops of this room wait: for a time, for a ring, or for an answer that may not come.
#pragma once

#include "base/clock.h"
#include "config/kubernetes/api.h"

#include <boost/asio/steady_timer.hpp>

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

}  // namespace gatehouse::kubernetes
