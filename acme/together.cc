#include "acme/together.h"

#include "base/clock.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>

namespace gatehouse::acme {
namespace {

struct Count {
  explicit Count(const asio::any_io_executor& executor) : zero(executor, TimePoint::max()) {}
  asio::steady_timer zero;
  std::size_t running = 0;
  std::exception_ptr thrown;
};

}  // namespace

Awaitable<void> together(std::vector<Awaitable<void>> all) {
  const auto executor = co_await asio::this_coro::executor;
  // They work on what the waiting coroutine owns, so it waits whatever happens to it.
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto count = std::make_shared<Count>(executor);
  count->running = all.size();
  for (auto& one : all)
    asio::co_spawn(executor, std::move(one), [count](std::exception_ptr thrown) {
      if (thrown && !count->thrown) count->thrown = thrown;
      if (--count->running == 0) count->zero.cancel();
    });
  error_code woken;
  while (count->running > 0) co_await count->zero.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (count->thrown) std::rethrow_exception(count->thrown);
}

}  // namespace gatehouse::acme
