#include "config/kubernetes/events.h"

#include "base/escape.h"

#include <algorithm>
#include <tuple>

namespace gatehouse::kubernetes {
namespace {

auto identity(const EventOn& event) { return std::tie(event.uid, event.reason, event.note, event.action); }

}  // namespace

std::vector<EventOn> StandingProblems::stand(std::vector<EventOn> all, TimePoint now) {
  if (all.size() > most) all.resize(most);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return identity(a) < identity(b); });
  const auto same = [](const auto& a, const auto& b) { return identity(a) == identity(b); };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  std::vector<Standing> next;
  auto before = standing_.begin();
  for (EventOn& event : all) {
    while (before != standing_.end() && identity(before->event) < identity(event)) ++before;
    const bool stood = before != standing_.end() && identity(before->event) == identity(event);
    const TimePoint told_at = stood ? before->told_at : now - told_again;
    next.push_back({std::move(event), told_at});
  }
  standing_ = std::move(next);
  return due(now);
}

std::vector<EventOn> StandingProblems::due(TimePoint now) {
  std::vector<EventOn> events;
  for (Standing& one : standing_) {
    if (one.told_at + told_again > now) continue;
    one.told_at = now;
    events.push_back(one.event);
  }
  return events;
}

TimePoint StandingProblems::next_at() const {
  TimePoint next = TimePoint::max();
  for (const Standing& one : standing_) next = std::min(next, one.told_at + told_again);
  return next;
}

Events::Events(Ports ports)
    : ports_(std::move(ports)),
      bell_(ports_.executor, ports_.clock),
      plan_(ports_.instance, ports_.rules, ports_.clock.now()) {}

void Events::tell(const EventOn& event) {
  plan_.tell(event, ports_.clock.now(), ports_.clock.wall_now());
  bell_.ring();
}

void Events::tell_all(const std::vector<EventOn>& events) {
  for (const EventOn& event : events) tell(event);
}

void Events::problems(std::vector<EventOn> standing) {
  problems_ = std::move(standing);
  if (leading_) tell_all(standing_.stand(problems_, ports_.clock.now()));
}

void Events::lead(bool leading) {
  if (leading == leading_) return;
  leading_ = leading;
  standing_.forget();
  if (leading_) tell_all(standing_.stand(problems_, ports_.clock.now()));
  bell_.ring();
}

void Events::stop() {
  stopped_ = true;
  bell_.ring();
}

Awaitable<void> Events::run() {
  while (!stopped_) {
    if (ports_.clock.now() >= standing_.next_at()) tell_all(standing_.due(ports_.clock.now()));
    co_await write_next();
    if (!stopped_) co_await bell_.wait_until(std::min(plan_.next_at(), standing_.next_at()));
  }
}

Awaitable<void> Events::write_next() {
  auto request = plan_.take_next(ports_.clock.now());
  if (!request) co_return;
  const auto answer = co_await ask(ports_.clock, ports_.clock.now() + longest_write, ports_.call, std::move(*request));
  plan_.wrote(answer, ports_.clock.now());
  if (answer && answer->good()) co_return;
  const std::string words = answer ? std::to_string(answer->status) + ": " + answer->message : describe(answer.error());
  ports_.log->debug("an Event could not be written: {}", printable(words.substr(0, 500)));
}

}  // namespace gatehouse::kubernetes
