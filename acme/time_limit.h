// A limit in time around a coroutine.
#pragma once

#include "base/clock.h"

namespace gatehouse::acme {

// Runs `work` to its end, or until `until`: then it is cancelled, waited for, and the answer is false.
Awaitable<bool> ends_before(Clock& clock, TimePoint until, Awaitable<void> work);

}  // namespace gatehouse::acme
