#include "acme/time_limit.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace gatehouse::acme {

Awaitable<bool> ends_before(Clock& clock, TimePoint until, Awaitable<void> work) {
  using namespace asio::experimental::awaitable_operators;
  const auto first = co_await (std::move(work) || clock.sleep_until(until));
  co_return first.index() == 0;
}

}  // namespace gatehouse::acme
