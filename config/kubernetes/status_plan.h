// Which Ingress's status is to be written next. ◦ Knows what each of our Ingresses shows and what it should show, what
// was written and not seen yet, what failed, and who else writes.
//
// Written only when different. Where another controller writes something else after us, that is answered a few times,
// more slowly each time, since it may have been its last word (ingress-nginx empties the field as it goes); then the
// Ingress is left alone for an hour, for two controllers of one class could go on for ever.
#pragma once

#include "base/names.h"
#include "base/token_bucket.h"
#include "config/kubernetes/api.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

// One of our Ingresses as the API server last told it.
struct ShownStatus {
  ObjectName ingress;
  std::string load_balancer;  // canonical, see load_balancer.h
  std::string resource_version;
};

struct StatusRules {
  Rate writes = {50, std::chrono::milliseconds(50)};
  Duration first_retry = std::chrono::seconds(1);  // doubled each time
  Duration last_retry = std::chrono::minutes(5);
  Duration until_seen = std::chrono::seconds(10);  // a write comes back as a watch event within
  int most_answers = 5;  // to another writer
  Duration left_alone = std::chrono::hours(1);
};

class StatusPlan {
 public:
  StatusPlan(StatusRules rules, TimePoint now) : rules_(rules), writes_(rules.writes, now) {}

  // What all should show, and all our Ingresses as they are. An empty `wanted` is not known yet: nothing is written,
  // and what is shown stays. Returns those that are given up now because somebody else rewrites them.
  std::vector<ObjectName> see(const std::string& wanted, const std::vector<ShownStatus>& ours, TimePoint now);
  // The same where only `changed` may be others since: `ours` are those of them that are ours now. As wanted as before.
  std::vector<ObjectName> see_changed(const std::set<ObjectName>& changed, const std::vector<ShownStatus>& ours,
                                      TimePoint now);
  // When take_next() may have one; TimePoint::max(): not before another see().
  TimePoint next_at() const;
  std::optional<ObjectName> take_next(TimePoint now);
  // What became of the write of it; returns what there is to complain of, or nothing.
  std::string wrote(const ObjectName& ingress, const Result<ApiAnswer>& answer, TimePoint now);

  const std::string& wanted() const { return wanted_; }
  // What was written and was not seen since, so that what they show is not known.
  std::vector<ObjectName> unconfirmed() const;
  std::size_t contested() const;

 private:
  struct Entry {
    TimePoint due = TimePoint::max();
    std::string shown_version;  // as last told
    std::string refused_version;  // at which the server refused our write for good
    std::string written;  // what we wrote last; empty: nothing yet
    std::string written_version;
    TimePoint written_at{};
    bool come_back = true;  // the last write was told to us, or should have been by now
    bool under_way = false;
    bool unconfirmed = false;
    bool contested = false;
    int answers = 0;  // to another writer
    int failures = 0;
    std::uint64_t look = 0;  // the last one that had it
  };
  using Entries = std::map<ObjectName, Entry>;

  void want(const std::string& wanted);
  std::vector<ObjectName> look_at(const std::vector<ShownStatus>& ours, TimePoint now);
  bool look(Entries::iterator at, const ShownStatus& shown, TimePoint now);
  bool answer_rewrite(Entries::iterator at, TimePoint now);
  void note_success(Entries::iterator at, const ApiAnswer& answer, TimePoint now);
  void note_failure(Entries::iterator at, const Result<ApiAnswer>& answer, TimePoint now);
  void hold_all(std::optional<Duration> retry_after, TimePoint now);
  void set_due(Entries::iterator at, TimePoint due);
  Entries::iterator forget_unless_seen(Entries::iterator at);
  Duration back_off(int failures) const;

  const StatusRules rules_;
  TokenBucket writes_;
  std::string wanted_;
  Entries entries_;
  std::set<std::pair<TimePoint, ObjectName>> due_;
  std::uint64_t looks_ = 0;
  TimePoint held_until_{};  // the server as a whole
  int server_failures_ = 0;
  int forbidden_in_a_row_ = 0;
};

std::string ingress_path(const ObjectName& ingress);

// One write. A merge patch on the subresource: one request without a read before it, it takes the right `patch` on
// ingresses/status and no more, leaves every other field as it is, also those we do not know, and being the same
// whatever was there it needs no resourceVersion and bears being repeated. (PUT would need the whole object, Traefik's
// and ingress-nginx's way; server-side apply would leave the former controller's claim on the list in force.)
// An empty text removes the list; with a version only if the Ingress is still that one.
ApiRequest status_patch(const ObjectName& ingress, std::string_view load_balancer, std::string_view version = {});

}  // namespace gatehouse::kubernetes
