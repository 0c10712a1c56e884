#include "acme/turns.h"

#include "base/clock.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse::acme {

Turns::Turn::~Turn() {
  if (!line_) return;
  std::erase(*line_, place_);
  if (!line_->empty()) line_->front()->cancel();
}

Awaitable<Turns::Turn> Turns::take() {
  const auto executor = co_await asio::this_coro::executor;
  Turn turn(line_, std::make_shared<asio::steady_timer>(executor, TimePoint::max()));
  line_->push_back(turn.place_);
  error_code woken;
  while (line_->front() != turn.place_)
    co_await turn.place_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  co_return std::move(turn);
}

}  // namespace gatehouse::acme
