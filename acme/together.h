// Several coroutines at once on the thread of the one that waits for them.
#pragma once

#include "base/asio.h"

#include <vector>

namespace gatehouse::acme {

// Returns when all have ended. What one throws is thrown then.
Awaitable<void> together(std::vector<Awaitable<void>> all);

}  // namespace gatehouse::acme
