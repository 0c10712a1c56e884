#include "config/kubernetes/ingress_status.h"

#include "base/escape.h"
#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/load_balancer.h"

#include <boost/json/serialize.hpp>

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
  changed({.beyond = true});
}

void IngressStatus::changed(const TouchedObjects& touched) {
  if (touched.beyond || touched_.beyond || !plan_) {
    touched_ = {.beyond = true};
  } else {
    touched_.ingresses.insert(touched.ingresses.begin(), touched.ingresses.end());
    touched_.services.insert(touched.services.begin(), touched.services.end());
  }
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

TimePoint IngressStatus::next_look() const {
  return std::min(looked_at_all_ + look_always, touched_.any() ? looked_at_ + look_rest : TimePoint::max());
}

void IngressStatus::look() {
  const TimePoint now = looked_at_ = ports_.clock.now();
  const TouchedObjects touched = std::exchange(touched_, {});
  const std::string wanted = ports_.wanted();
  std::vector<ObjectName> given_up;
  if (touched.beyond || wanted != plan_->wanted() || now >= looked_at_all_ + look_always) {
    looked_at_all_ = now;
    given_up = plan_->see(wanted, ports_.ours(nullptr), now);
  } else {
    given_up = plan_->see_changed(touched.ingresses, ports_.ours(&touched.ingresses), now);
  }
  for (const ObjectName& ingress : given_up) {
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

namespace {

enum class Clearing : std::uint8_t { removed, left, failed };

// One Ingress after the other, and none forgotten because of another.
class StatusClearing {
 public:
  StatusClearing(Clock& clock, ApiCall call, std::string shown_by_us)
      : clock_(clock), call_(std::move(call)), shown_by_us_(std::move(shown_by_us)) {}

  Awaitable<Clearing> clear(ShownStatus shown) {
    for (int tries = 0; tries < clearing_tries; ++tries) {
      if (shown.resource_version.empty()) {
        const bool there = co_await read(shown);
        if (!there) co_return outcome();
      }
      if (shown.load_balancer != shown_by_us_) co_return Clearing::left;
      ApiRequest request = status_patch(shown.ingress, "", shown.resource_version);
      answer_ = co_await insist(clock_, call_, std::move(request));
      if (!answer_ || answer_->status != 409) co_return outcome();
      shown.resource_version.clear();  // it has changed, though perhaps not in what it shows
    }
    co_return outcome();
  }

  std::string trouble() const { return answer_ ? answer_->message : describe(answer_.error()); }

 private:
  Awaitable<bool> read(ShownStatus& shown) {
    ApiRequest request;
    request.path = ingress_path(shown.ingress);
    answer_ = co_await insist(clock_, call_, std::move(request));
    if (!answer_ || !answer_->good()) co_return false;
    const auto ingress = read_object(answer_->body);
    if (!ingress) {
      answer_ = ingress.error();
      co_return false;
    }
    shown.load_balancer =
        load_balancer_of_json(boost::json::serialize(object_in(object_in(*ingress, "status"), "loadBalancer")));
    shown.resource_version = text_in(object_in(*ingress, "metadata"), "resourceVersion");
    co_return true;
  }

  Clearing outcome() const {
    if (!answer_) return Clearing::failed;
    if (answer_->good()) return Clearing::removed;
    return answer_->status == 404 ? Clearing::left : Clearing::failed;
  }

  Clock& clock_;
  const ApiCall call_;
  const std::string shown_by_us_;
  Result<ApiAnswer> answer_ = Failure(FailureKind::internal);
};

}  // namespace

Awaitable<ClearedStatus> clear_ingress_status(Clock& clock, ApiCall call, std::vector<ShownStatus> ours,
                                              std::string shown_by_us) {
  ClearedStatus report;
  StatusClearing clearing(clock, std::move(call), shown_by_us);
  for (const ShownStatus& shown : ours) {
    const bool may_be_ours = shown.resource_version.empty() || shown.load_balancer == shown_by_us;
    if (shown_by_us.empty() || !may_be_ours) {
      ++report.left;
      continue;
    }
    const Clearing outcome = co_await clearing.clear(shown);
    if (outcome == Clearing::removed)
      ++report.removed;
    else if (outcome == Clearing::left)
      ++report.left;
    else
      report.failures.push_back(shown.ingress.text() + ": " + clearing.trouble());
    co_await clock.sleep_until(clock.now() + clearing_rest);
  }
  co_return report;
}

}  // namespace gatehouse::kubernetes
