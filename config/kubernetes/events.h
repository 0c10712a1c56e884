// Events on the objects concerned, for `kubectl describe`. Best effort: telling never waits, a failure is only a debug
// line, and nothing else depends on one.
//
// Who writes: what one replica did (obtained a certificate), it tells itself, by tell(). What all replicas see,
// problems of configuration, only the leader tells, by problems(): every one that stands when it begins to lead, each
// new one, and each again after 50 minutes while it stands, since Events live for an hour. A new leader therefore
// repeats what the former one has told.
//
// RBAC: events.k8s.io events create and patch, in every namespace of our objects and, for IngressClasses, `default`.
#pragma once

#include "base/log.h"
#include "config/kubernetes/event_plan.h"
#include "config/kubernetes/waiting.h"

#include <vector>

namespace gatehouse::kubernetes {

// Which of the problems that stand are to be told now. ◦
class StandingProblems {
 public:
  static constexpr Duration told_again = std::chrono::minutes(50);
  static constexpr std::size_t most = 2000;  // of more, the first

  // Those that are new, or due again.
  std::vector<EventOn> stand(std::vector<EventOn> all, TimePoint now);
  std::vector<EventOn> due(TimePoint now);
  TimePoint next_at() const;
  void forget() { *this = {}; }

 private:
  struct Standing {
    EventOn event;
    TimePoint told_at;
  };
  std::vector<Standing> standing_;  // sorted
};

// Control thread. Whoever runs run() keeps it alive meanwhile.
class Events {
 public:
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    Logger log;
    ApiCall call;
    std::string instance;  // the pod's name
    EventRules rules = {};
  };

  static constexpr Duration longest_write = std::chrono::seconds(10);

  explicit Events(Ports ports);

  void tell(const EventOn& event);
  // All problems that stand now; looked at only while leading.
  void problems(std::vector<EventOn> standing);
  void lead(bool leading);

  std::uint64_t dropped() const { return plan_.dropped(); }

  // Until stop(); what waits then is lost.
  Awaitable<void> run();
  void stop();

 private:
  Awaitable<void> write_next();
  void tell_all(const std::vector<EventOn>& events);

  const Ports ports_;
  Bell bell_;
  EventPlan plan_;
  std::vector<EventOn> problems_;
  StandingProblems standing_;
  bool leading_ = false;
  bool stopped_ = false;
};

}  // namespace gatehouse::kubernetes
