#include "acme/polling.h"

#include <algorithm>

namespace gatehouse::acme {

Polling::Polling(Clock& clock, Duration first, Duration longest, Duration limit)
    : clock_(clock), pause_(first), longest_(longest), end_(clock.now() + limit) {}

Duration Polling::next(std::optional<WallTime> not_before) const {
  if (!not_before) return pause_;
  return std::max(pause_, std::chrono::duration_cast<Duration>(*not_before - clock_.wall_now()));
}

bool Polling::allows(std::optional<WallTime> not_before) {
  not_before_ = not_before;
  return clock_.now() + next(not_before) <= end_;
}

Awaitable<void> Polling::pause(std::optional<WallTime> not_before) {
  const TimePoint until = clock_.now() + next(not_before);
  pause_ = std::min(pause_ * 2, longest_);
  co_await clock_.sleep_until(until);
}

bool Polling::bears(const Trouble& trouble) {
  last_ = trouble;
  return trouble.remedy == Remedy::try_again;
}

Trouble Polling::trouble(const std::string& what) const {
  std::string words = what + " in time";
  if (last_) words.append("; the last answer: ").append(describe(last_->failure));
  const FailureKind kind = last_ ? last_->failure.kind : FailureKind::ca_refused;
  Trouble late = trouble_of(Failure(kind, std::move(words)));
  late.not_before = not_before_;
  return late;
}

}  // namespace gatehouse::acme
