// The options every connection gets, by descriptor. Failures are ignored: a local pair in a test has none of them.
#pragma once

#include "base/clock.h"

#include <cstdint>

namespace gatehouse {

void set_no_delay(int descriptor);

// Dead peers are noticed by the kernel: first probe after `idle`, then every tenth of it, five times.
void set_keep_alive(int descriptor, std::chrono::seconds idle);

// How much of what was written the peer's kernel has taken; 0 where the socket cannot say.
std::uint64_t bytes_acknowledged(int descriptor);

}  // namespace gatehouse
