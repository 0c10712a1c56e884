// The options every connection gets, by descriptor. Failures are ignored: a local pair in a test has none of them.
#pragma once

#include "base/clock.h"

#include <cstdint>

namespace gatehouse {

void set_no_delay(int descriptor);

// Dead peers are noticed by the kernel: first probe after `idle`, then every tenth of it, five times.
void set_keep_alive(int descriptor, std::chrono::seconds idle);

// The connection ends when something written to it was not acknowledged for so long: a node that is gone without a
// word.
void set_user_timeout(int descriptor, std::chrono::seconds longest);

// How much of what was written the peer's kernel has taken; 0 where the socket cannot say.
std::uint64_t bytes_acknowledged(int descriptor);

}  // namespace gatehouse
