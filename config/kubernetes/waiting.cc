#include "config/kubernetes/waiting.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

namespace gatehouse::kubernetes {
namespace {

// The caller awaits it, so what `answer` points to is there.
Awaitable<void> put_answer(ApiCall call, ApiRequest request, Result<ApiAnswer>* answer) {
  try {
    *answer = co_await call(std::move(request));
  } catch (const std::exception& unexpected) {
    *answer = Failure(FailureKind::internal, unexpected.what());
  }
}

}  // namespace

Awaitable<bool> ends_before(Clock& clock, TimePoint until, Awaitable<void> work) {
  using namespace asio::experimental::awaitable_operators;
  const auto first = co_await (std::move(work) || clock.sleep_until(until));
  co_return first.index() == 0;
}

Awaitable<Result<ApiAnswer>> ask(Clock& clock, TimePoint until, ApiCall call, ApiRequest request) {
  const std::string subject = request.method + " " + request.path;
  Result<ApiAnswer> answer = Failure(FailureKind::answer_timeout, subject);
  const bool answered = co_await ends_before(clock, until, put_answer(std::move(call), std::move(request), &answer));
  if (!answered) co_return Failure(FailureKind::answer_timeout, subject);
  co_return answer;
}

void Bell::ring() {
  rung_ = true;
  timer_.cancel();
}

Awaitable<void> Bell::rung() {
  while (!rung_) {
    error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

Awaitable<void> Bell::wait_until(TimePoint when) {
  if (!rung_ && clock_.now() < when) co_await ends_before(clock_, when, rung());
  rung_ = false;
}

Loops::Loops(asio::any_io_executor executor, Clock& clock)
    : executor_(std::move(executor)),
      clock_(clock),
      state_(std::make_shared<State>(State{Bell(executor_, clock), 0})) {}

void Loops::start(std::shared_ptr<const void> held, Awaitable<void> loop) {
  ++state_->running;
  asio::co_spawn(executor_, std::move(loop), [state = state_, held = std::move(held)](std::exception_ptr bug) {
    if (--state->running == 0) state->ended.ring();
    if (bug) std::rethrow_exception(bug);
  });
}

Awaitable<bool> Loops::ended_before(TimePoint until) {
  const auto state = state_;
  while (state->running > 0 && clock_.now() < until) co_await state->ended.wait_until(until);
  co_return state->running == 0;
}

}  // namespace gatehouse::kubernetes
