#include "acme/kept_answers.h"

namespace gatehouse::acme {

KeptAnswers::KeptAnswers(Solver& solver, std::string order, Ports ports)
    : solver_(solver), order_(std::move(order)), ports_(std::move(ports)) {}

PendingAnswer KeptAnswers::answer(const Challenge& challenge) const {
  return {
      std::string(solver_.type()), challenge.host, challenge.token,
      challenge.key_authorization, order_,         std::chrono::floor<std::chrono::seconds>(ports_.clock.wall_now())};
}

Awaitable<Result<void>> KeptAnswers::present(Challenge challenge) {
  if (!ports_.holdings->writable()) co_return Failure(FailureKind::draining, "another replica goes on with the order");
  if (is_kept()) {
    auto kept = co_await ports_.holdings->keep(answer(challenge));
    if (!kept) co_return Failure(FailureKind::bad_configuration, "cannot be stored: " + kept.error().detail);
  }
  auto shown = co_await solver_.present(challenge);
  if (shown && is_kept() && ports_.spread > Duration::zero())
    co_await ports_.clock.sleep_until(ports_.clock.now() + ports_.spread);
  co_return shown;
}

Awaitable<Result<void>> KeptAnswers::clean_up(Challenge challenge) {
  if (!ports_.holdings->writable()) {
    // What the others show is in the storage; here it is shown by this solver too. DNS is the same for all.
    if (!is_kept()) co_return Result<void>();
    auto hidden = co_await solver_.clean_up(challenge);
    co_return hidden;
  }
  auto cleaned = co_await solver_.clean_up(challenge);
  if (is_kept()) {
    auto dropped = co_await ports_.holdings->drop_answer(answer(challenge));
    if (!dropped) co_return dropped;
  }
  co_return cleaned;
}

}  // namespace gatehouse::acme
