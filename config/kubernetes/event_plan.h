// Events (events.k8s.io/v1) as requests: what is new is a POST; what repeats within six minutes is one PATCH a minute
// of the former's `series`, so that a storm is one line of `kubectl describe` (client-go's tools/events). ◦
//
// Bounded in everything: so many an object, so many waiting (the oldest is dropped), so many remembered.
#pragma once

#include "base/token_bucket.h"
#include "config/kubernetes/api.h"
#include "config/kubernetes/objects.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

// What is to be said, and of which object. Without the uid `kubectl describe` would not find it, so nothing is said of
// an object without one (of a file, or gone).
struct EventOn {
  ObjectKey object;
  std::string uid;
  std::string reason;  // SecretNotFound
  std::string note;  // one sentence; cut after 1000 bytes
  bool warning = true;
  std::string action = "Configure";  // what we were about
};

// The object that Problem::object names ("Ingress gitlab/web"); nothing for a key of the settings.
std::optional<ObjectKey> parse_object_key(std::string_view text);

struct EventRules {
  Rate of_object = {25, std::chrono::minutes(5)};
  Rate writes = {100, std::chrono::seconds(1)};
  Duration same_within = std::chrono::minutes(6);
  Duration series_rest = std::chrono::minutes(1);  // between two writes of one series
  std::size_t most_waiting = 1000;
  std::size_t most_remembered = 4000;  // events, and objects
};

class EventPlan {
 public:
  // `instance`: who writes, the pod's name.
  EventPlan(std::string instance, EventRules rules, TimePoint now)
      : instance_(std::move(instance)), rules_(rules), writes_(rules.writes, now) {}

  void tell(const EventOn& event, TimePoint now, WallTime wall);
  // When take_next() may have one; TimePoint::max(): nothing waits.
  TimePoint next_at() const;
  std::optional<ApiRequest> take_next(TimePoint now);
  // What became of it. Best effort: tried three times when the server gave no answer or none for now.
  void wrote(const Result<ApiAnswer>& answer, TimePoint now);

  std::uint64_t dropped() const { return dropped_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  using Key = std::string;
  struct Told {
    std::string collection;  // path of the namespace's Events
    std::string name;
    std::string body;  // until it is written for the first time
    std::int64_t count = 1;
    std::int64_t count_written = 0;
    WallTime last{};
    TimePoint last_told{};
    TimePoint write_again_at{};
    bool waits = false;  // or is under way
    int tries = 0;
  };
  using ToldMap = std::map<Key, Told>;

  bool object_may(const std::string& uid, TimePoint now);
  void begin(const Key& key, const EventOn& event, TimePoint now, WallTime wall);
  void repeat(ToldMap::iterator at, TimePoint now, WallTime wall);
  void wait(ToldMap::iterator at, TimePoint due);
  void drop(ToldMap::iterator at);
  void forget_old(TimePoint now);
  std::string next_name(const std::string& object, WallTime wall);
  std::string first_body(const EventOn& event, const std::string& name, WallTime wall) const;

  const std::string instance_;
  const EventRules rules_;
  TokenBucket writes_;
  ToldMap told_;
  std::multimap<TimePoint, Key> waiting_;  // by when each is due
  Key under_way_;
  TimePoint held_until_{};
  std::map<std::string, TokenBucket> objects_;  // by uid
  TimePoint cleaned_at_{};
  std::int64_t last_number_ = 0;  // in names
  std::uint64_t dropped_ = 0;
};

}  // namespace gatehouse::kubernetes
