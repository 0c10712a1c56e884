#include "config/kubernetes/status_plan.h"

#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/load_balancer.h"
#include "config/kubernetes/url_text.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

using boost::json::object;

// Without a success in between it is not one namespace's Role that is missing.
constexpr int many_forbidden = 10;

bool concerns_server(const Result<ApiAnswer>& answer) {
  return !answer || answer->status == 401 || answer->status == 429 || answer->status >= 500 || answer->status < 200;
}

std::string complaint(const ObjectName& ingress, const Result<ApiAnswer>& answer) {
  const std::string words = answer ? std::to_string(answer->status) + " " + answer->reason + ": " + answer->message
                                   : describe(answer.error());
  return "status of Ingress " + ingress.text() + " could not be written: " + words.substr(0, 500);
}

boost::json::value points_json(std::string_view load_balancer) {
  boost::json::array list;
  for (const auto& point : parse_load_balancer(load_balancer)) {
    object entry;
    if (!point.ip.empty()) entry["ip"] = point.ip;
    if (!point.hostname.empty()) entry["hostname"] = point.hostname;
    list.push_back(std::move(entry));
  }
  if (list.empty()) return nullptr;
  return list;
}

}  // namespace

std::string ingress_path(const ObjectName& ingress) {
  return "/apis/networking.k8s.io/v1/namespaces/" + path_segment(ingress.ns) + "/ingresses/" +
         path_segment(ingress.name);
}

ApiRequest status_patch(const ObjectName& ingress, std::string_view load_balancer, std::string_view version) {
  object patch{{"status", object{{"loadBalancer", object{{"ingress", points_json(load_balancer)}}}}}};
  if (!version.empty()) patch["metadata"] = object{{"resourceVersion", version}};
  return {.method = "PATCH",
          .path = ingress_path(ingress) + "/status",
          .body = boost::json::serialize(patch),
          .content_type = "application/merge-patch+json"};
}

std::vector<ObjectName> StatusPlan::see(const std::string& wanted, const std::vector<ShownStatus>& ours,
                                        TimePoint now) {
  want(wanted);
  auto given_up = look_at(ours, now);
  for (auto at = entries_.begin(); at != entries_.end();) at = forget_unless_seen(at);
  return given_up;
}

std::vector<ObjectName> StatusPlan::see_changed(const std::set<ObjectName>& changed,
                                                const std::vector<ShownStatus>& ours, TimePoint now) {
  auto given_up = look_at(ours, now);
  for (const ObjectName& name : changed)
    if (const auto at = entries_.find(name); at != entries_.end()) forget_unless_seen(at);
  return given_up;
}

std::vector<ObjectName> StatusPlan::look_at(const std::vector<ShownStatus>& ours, TimePoint now) {
  ++looks_;
  std::vector<ObjectName> given_up;
  for (const ShownStatus& shown : ours) {
    const auto at = entries_.try_emplace(shown.ingress).first;
    at->second.look = looks_;
    if (look(at, shown, now)) given_up.push_back(shown.ingress);
  }
  return given_up;
}

StatusPlan::Entries::iterator StatusPlan::forget_unless_seen(Entries::iterator at) {
  if (at->second.look == looks_) return std::next(at);
  set_due(at, TimePoint::max());
  return entries_.erase(at);
}

// Other addresses are a new beginning with everybody.
void StatusPlan::want(const std::string& wanted) {
  if (wanted == wanted_) return;
  wanted_ = wanted;
  due_.clear();
  for (auto& [name, entry] : entries_) {
    entry.due = TimePoint::max();
    entry.refused_version.clear();
    entry.contested = false;
    entry.answers = entry.failures = 0;
  }
}

// Whether it is given up now.
bool StatusPlan::look(Entries::iterator at, const ShownStatus& shown, TimePoint now) {
  Entry& entry = at->second;
  entry.shown_version = shown.resource_version;
  if (entry.under_way || wanted_.empty()) return false;
  const bool is_right = shown.load_balancer == wanted_;
  if (is_right || shown.resource_version == entry.written_version || now >= entry.written_at + rules_.until_seen)
    entry.come_back = true;
  if (!entry.come_back) return false;  // what we see is from before
  entry.unconfirmed = false;
  if (is_right) {
    if (!entry.contested) set_due(at, TimePoint::max());
    entry.failures = 0;
    return false;
  }
  const bool refused = !entry.refused_version.empty() && entry.refused_version == entry.shown_version;
  if (refused || entry.due != TimePoint::max()) return false;
  if (entry.written == wanted_) return answer_rewrite(at, now);
  set_due(at, now);
  return false;
}

bool StatusPlan::answer_rewrite(Entries::iterator at, TimePoint now) {
  Entry& entry = at->second;
  if (now >= entry.written_at + rules_.left_alone) entry.answers = 0;
  if (entry.answers >= rules_.most_answers) {
    entry.answers = 0;
    entry.contested = true;
    set_due(at, now + rules_.left_alone);
    return true;
  }
  set_due(at, now + back_off(++entry.answers));
  return false;
}

TimePoint StatusPlan::next_at() const {
  if (due_.empty()) return TimePoint::max();
  return std::max({due_.begin()->first, held_until_, writes_.next()});
}

std::optional<ObjectName> StatusPlan::take_next(TimePoint now) {
  if (next_at() > now || !writes_.take(now)) return std::nullopt;
  const auto at = entries_.find(due_.begin()->second);
  set_due(at, TimePoint::max());
  at->second.under_way = at->second.unconfirmed = true;
  at->second.contested = false;
  at->second.written = wanted_;
  return at->first;
}

std::string StatusPlan::wrote(const ObjectName& ingress, const Result<ApiAnswer>& answer, TimePoint now) {
  if (answer && answer->good()) server_failures_ = forbidden_in_a_row_ = 0;
  const auto at = entries_.find(ingress);
  if (at == entries_.end()) return "";  // gone, or not ours any more
  at->second.under_way = false;
  if (answer && answer->good()) {
    note_success(at, *answer, now);
    return "";
  }
  note_failure(at, answer, now);
  return answer && answer->status == 404 ? "" : complaint(ingress, answer);
}

void StatusPlan::note_success(Entries::iterator at, const ApiAnswer& answer, TimePoint now) {
  Entry& entry = at->second;
  const auto written = read_object(answer.body);
  entry.written_version = written ? text_in(object_in(*written, "metadata"), "resourceVersion") : "";
  entry.written_at = now;
  entry.come_back = false;
  entry.failures = 0;
  if (entry.written != wanted_ && !wanted_.empty()) set_due(at, now);  // changed meanwhile
}

void StatusPlan::note_failure(Entries::iterator at, const Result<ApiAnswer>& answer, TimePoint now) {
  Entry& entry = at->second;
  entry.written.clear();
  if (answer) entry.unconfirmed = false;
  if (concerns_server(answer)) {
    hold_all(answer ? answer->retry_after : std::nullopt, now);
    return set_due(at, now);
  }
  if (answer->status == 409) return set_due(at, now + back_off(++entry.failures));
  if (answer->status == 403) {
    if (++forbidden_in_a_row_ >= many_forbidden) hold_all(std::nullopt, now);
    return set_due(at, now + rules_.last_retry);
  }
  entry.refused_version = entry.shown_version;  // wrong for this object, or it is gone: nothing more until it changes
}

void StatusPlan::hold_all(std::optional<Duration> retry_after, TimePoint now) {
  const Duration asked_for = std::min(retry_after.value_or(Duration::zero()), rules_.last_retry);
  held_until_ = now + std::max(back_off(++server_failures_), asked_for);
}

void StatusPlan::set_due(Entries::iterator at, TimePoint due) {
  if (at->second.due != TimePoint::max()) due_.erase({at->second.due, at->first});
  at->second.due = due;
  if (due != TimePoint::max()) due_.insert({due, at->first});
}

Duration StatusPlan::back_off(int failures) const {
  return std::min(rules_.first_retry * (1 << std::clamp(failures - 1, 0, 20)), rules_.last_retry);
}

std::vector<ObjectName> StatusPlan::unconfirmed() const {
  std::vector<ObjectName> names;
  for (const auto& [name, entry] : entries_)
    if (entry.unconfirmed) names.push_back(name);
  return names;
}

std::size_t StatusPlan::contested() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.contested; }));
}

}  // namespace gatehouse::kubernetes
