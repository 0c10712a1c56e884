#include "config/kubernetes/ingress_status.h"

#include "base/escape.h"

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

constexpr Rate complaint_rate = {5, std::chrono::minutes(1)};
constexpr int clearing_tries = 5;
constexpr Duration clearing_rest = std::chrono::milliseconds(20);
constexpr Duration clearing_pause = std::chrono::seconds(2);

bool is_worth_repeating(const Result<ApiAnswer>& answer) {
  return !answer || answer->status == 429 || answer->status >= 500;
}

Awaitable<Result<ApiAnswer>> insist(Clock& clock, ApiCall call, ApiRequest request) {
  Result<ApiAnswer> answer = Failure(FailureKind::internal);
  for (int tries = 1;; ++tries) {
    answer = co_await ask(clock, clock.now() + IngressStatus::longest_write, call, request);
    if (tries == clearing_tries || !is_worth_repeating(answer)) co_return answer;
    const Duration asked_for = answer ? answer->retry_after.value_or(clearing_pause) : clearing_pause;
    co_await clock.sleep_until(clock.now() + std::clamp<Duration>(asked_for, clearing_pause, clearing_pause * 5));
  }
}

}  // namespace

IngressStatus::IngressStatus(Ports ports)
    : ports_(std::move(ports)), bell_(ports_.executor, ports_.clock), complaints_(complaint_rate, ports_.clock.now()) {}

void IngressStatus::lead(bool leading) {
  if (leading == plan_.has_value()) return;
  if (leading)
    plan_.emplace(ports_.rules, ports_.clock.now());
  else
    plan_.reset();
  changed();
}

void IngressStatus::changed() {
  changed_ = true;
  bell_.ring();
}

void IngressStatus::stop() {
  stopped_ = true;
  bell_.ring();
}

Awaitable<void> IngressStatus::run() {
  while (!stopped_) {
    TimePoint wake = TimePoint::max();
    if (plan_) {
      if (ports_.clock.now() >= next_look()) look();
      co_await write_next();
      if (plan_) wake = std::min(next_look(), plan_->next_at());
    }
    if (!stopped_) co_await bell_.wait_until(wake);
  }
}

TimePoint IngressStatus::next_look() const { return looked_at_ + (changed_ ? look_rest : look_always); }

void IngressStatus::look() {
  changed_ = false;
  looked_at_ = ports_.clock.now();
  for (const ObjectName& ingress : plan_->see(ports_.wanted(), ports_.ours(), looked_at_)) {
    ports_.log->warn(
        "Ingress {}: another controller writes its status again and again; it is left alone for an hour. Is there a "
        "second one for its class?",
        ingress.text());
    ports_.given_up(ingress);
  }
}

// The term may end meanwhile, and another one begin.
Awaitable<void> IngressStatus::write_next() {
  const auto ingress = plan_->take_next(ports_.clock.now());
  if (!ingress) co_return;
  ApiRequest request = status_patch(*ingress, plan_->wanted());
  const auto answer = co_await ask(ports_.clock, ports_.clock.now() + longest_write, ports_.call, std::move(request));
  if (!plan_) co_return;
  complain(plan_->wrote(*ingress, answer, ports_.clock.now()));
}

void IngressStatus::complain(const std::string& words) {
  if (words.empty()) return;
  const bool aloud = complaints_.take(ports_.clock.now());
  ports_.log->log(aloud ? spdlog::level::warn : spdlog::level::debug, "{}", printable(words));
}

Awaitable<ClearedStatus> clear_ingress_status(Clock& clock, ApiCall call, std::vector<ShownStatus> ours,
                                              std::string shown_by_us) {
  ClearedStatus report;
  for (const ShownStatus& shown : ours) {
    if (shown_by_us.empty() || shown.load_balancer != shown_by_us) {
      ++report.left;
      continue;
    }
    ApiRequest request = status_patch(shown.ingress, "", shown.resource_version);
    const auto answer = co_await insist(clock, call, std::move(request));
    if (answer && answer->good())
      ++report.removed;
    else if (answer && (answer->status == 404 || answer->status == 409))
      ++report.left;
    else
      report.failures.push_back(shown.ingress.text() + ": " + (answer ? answer->message : describe(answer.error())));
    co_await clock.sleep_until(clock.now() + clearing_rest);
  }
  co_return report;
}

}  // namespace gatehouse::kubernetes
