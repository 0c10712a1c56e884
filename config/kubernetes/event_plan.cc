#include "config/kubernetes/event_plan.h"

#include "base/escape.h"
#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/micro_time.h"
#include "config/kubernetes/url_text.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

namespace gatehouse::kubernetes {
namespace {

using boost::json::object;

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_word = 128;  // reason, action, reportingInstance
constexpr std::size_t longest_note = 1000;
constexpr int most_tries = 3;
constexpr Duration pause = std::chrono::seconds(10);
constexpr Duration longest_pause = std::chrono::minutes(5);
constexpr Duration between_cleanings = std::chrono::minutes(1);
constexpr std::string_view controller = "gatehouse.dev/ingress-controller";

struct Reference {
  std::string_view api_version;
  std::string_view kind;
};

Reference reference_of(Kind kind) {
  switch (kind) {
    case Kind::ingress: return {"networking.k8s.io/v1", "Ingress"};
    case Kind::ingress_class: return {"networking.k8s.io/v1", "IngressClass"};
    case Kind::service: return {"v1", "Service"};
    case Kind::slice: return {"discovery.k8s.io/v1", "EndpointSlice"};
    case Kind::secret: return {"v1", "Secret"};
    case Kind::tcp_route: return {"traefik.io/v1alpha1", "IngressRouteTCP"};
    case Kind::old_tcp_route: return {"traefik.containo.us/v1alpha1", "IngressRouteTCP"};
  }
  return {};
}

bool inside_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// A note may quote an object, which may hold anything. Bytes that are no UTF-8 become the characters of those numbers.
std::string safe_note(std::string_view note) {
  std::string json;
  append_json_string(json, note.substr(0, 2 * longest_note));
  error_code error;
  const auto value = boost::json::parse(json, error);
  if (error || !value.is_string()) return "";
  std::string text(value.get_string());
  if (text.size() > longest_note) {
    std::size_t end = longest_note;
    while (end > 0 && inside_character(text[end])) --end;
    text.resize(end);
    text += "…";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

std::string hex_number(std::int64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

bool is_worth_repeating(const Result<ApiAnswer>& answer) {
  return !answer || answer->status == 429 || answer->status >= 500;
}

// The object of a cluster-scoped kind has its Events in `default`; the server insists.
std::string namespace_of(const EventOn& event) {
  return event.object.name.ns.empty() ? "default" : event.object.name.ns;
}

std::string key_of_event(const EventOn& event) {
  std::string key = event.uid;
  for (const std::string& part : {event.reason, event.action, event.note}) (key += '\0') += part;
  return key + (event.warning ? "W" : "N");
}

}  // namespace

std::optional<ObjectKey> parse_object_key(std::string_view text) {
  const auto space = text.rfind(' ');
  if (space == text.npos) return std::nullopt;
  const std::string_view kind = text.substr(0, space), name = text.substr(space + 1);
  const auto slash = name.find('/');
  for (const Kind one : {Kind::ingress, Kind::ingress_class, Kind::service, Kind::slice, Kind::secret, Kind::tcp_route,
                         Kind::old_tcp_route}) {
    if (kind_name(one) != kind) continue;
    if (slash == name.npos) return ObjectKey{one, {"", std::string(name)}};
    return ObjectKey{one, {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))}};
  }
  return std::nullopt;
}

void EventPlan::tell(const EventOn& event, TimePoint now, WallTime wall) {
  if (event.uid.empty() || event.reason.empty()) return;
  if (now >= cleaned_at_ + between_cleanings) forget_old(now);
  const Key key = key_of_event(event);
  const auto before = told_.find(key);
  if (before != told_.end() && before->second.last_told + rules_.same_within > now) return repeat(before, now, wall);
  if (before != told_.end() && before->second.waits) return;  // the server takes nothing: the same sentence waits
  if (told_.size() >= rules_.most_remembered || !object_may(event.uid, now)) {
    ++dropped_;
    return;
  }
  begin(key, event, now, wall);
}

bool EventPlan::object_may(const std::string& uid, TimePoint now) {
  if (objects_.size() >= rules_.most_remembered && !objects_.contains(uid)) return false;
  return objects_.try_emplace(uid, rules_.of_object, now).first->second.take(now);
}

void EventPlan::begin(const Key& key, const EventOn& event, TimePoint now, WallTime wall) {
  const auto at = told_.insert_or_assign(key, Told()).first;
  Told& told = at->second;
  told.collection = "/apis/events.k8s.io/v1/namespaces/" + path_segment(namespace_of(event)) + "/events";
  told.name = next_name(event.object.name.name, wall);
  told.body = first_body(event, told.name, wall);
  told.last_told = now;
  told.last = wall;
  wait(at, now);
}

void EventPlan::repeat(ToldMap::iterator at, TimePoint now, WallTime wall) {
  Told& told = at->second;
  told.count = std::min<std::int64_t>(told.count + 1, std::numeric_limits<std::int32_t>::max());
  told.last = wall;
  told.last_told = now;
  if (!told.waits) wait(at, std::max(now, told.write_again_at));
}

void EventPlan::wait(ToldMap::iterator at, TimePoint due) {
  at->second.waits = true;
  waiting_.emplace(due, at->first);
  if (waiting_.size() <= rules_.most_waiting) return;
  const auto oldest = told_.find(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  drop(oldest);
}

void EventPlan::drop(ToldMap::iterator at) {
  told_.erase(at);
  ++dropped_;
}

void EventPlan::forget_old(TimePoint now) {
  cleaned_at_ = now;
  std::erase_if(told_, [&](const auto& entry) {
    return !entry.second.waits && entry.second.last_told + rules_.same_within <= now;
  });
  std::erase_if(objects_, [&](const auto& entry) { return entry.second.is_full(now); });
}

// As client-go names them: the object's name and the time, here made unique.
std::string EventPlan::next_name(const std::string& object, WallTime wall) {
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(wall.time_since_epoch()).count();
  last_number_ = std::max<std::int64_t>(last_number_ + 1, nanos);
  const std::string number = hex_number(last_number_);
  std::string name = object.substr(0, longest_name - 1 - number.size());
  while (!name.empty() && (name.back() == '.' || name.back() == '-')) name.pop_back();
  return name + "." + number;
}

std::string EventPlan::first_body(const EventOn& event, const std::string& name, WallTime wall) const {
  const Reference reference = reference_of(event.object.kind);
  object regarding{{"apiVersion", reference.api_version},
                   {"kind", reference.kind},
                   {"name", event.object.name.name},
                   {"uid", event.uid}};
  if (!event.object.name.ns.empty()) regarding["namespace"] = event.object.name.ns;
  const object whole{{"apiVersion", "events.k8s.io/v1"},
                     {"kind", "Event"},
                     {"metadata", object{{"name", name}, {"namespace", namespace_of(event)}}},
                     {"eventTime", micro_time_text(wall)},
                     {"reportingController", controller},
                     {"reportingInstance", instance_.substr(0, longest_word)},
                     {"action", event.action.substr(0, longest_word)},
                     {"reason", event.reason.substr(0, longest_word)},
                     {"type", event.warning ? "Warning" : "Normal"},
                     {"note", safe_note(event.note)},
                     {"regarding", std::move(regarding)}};
  return boost::json::serialize(whole);
}

TimePoint EventPlan::next_at() const {
  if (waiting_.empty()) return TimePoint::max();
  return std::max({waiting_.begin()->first, held_until_, writes_.next()});
}

std::optional<ApiRequest> EventPlan::take_next(TimePoint now) {
  if (next_at() > now || !writes_.take(now)) return std::nullopt;
  under_way_ = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  Told& told = told_.at(under_way_);
  if (told.count_written == 0) {
    told.count_written = 1;  // what has repeated meanwhile goes into its series
    return ApiRequest{.method = "POST", .path = told.collection, .body = told.body};
  }
  told.count_written = told.count;
  const object patch{{"series", object{{"count", told.count}, {"lastObservedTime", micro_time_text(told.last)}}}};
  return ApiRequest{.method = "PATCH",
                    .path = told.collection + "/" + path_segment(told.name),
                    .body = boost::json::serialize(patch),
                    .content_type = "application/merge-patch+json"};
}

void EventPlan::wrote(const Result<ApiAnswer>& answer, TimePoint now) {
  const auto at = told_.find(under_way_);
  if (at == told_.end()) return;
  Told& told = at->second;
  if (answer && answer->good()) {
    told.body.clear();
    told.tries = 0;
    told.waits = false;
    told.write_again_at = now + rules_.series_rest;
    if (told.count > told.count_written) wait(at, told.write_again_at);
    return;
  }
  if (!is_worth_repeating(answer)) return drop(at);  // a PATCH's 404: it has ended; told again it is a new one
  const Duration asked_for = answer ? answer->retry_after.value_or(pause) : pause;
  held_until_ = now + std::clamp(asked_for, pause, longest_pause);
  if (++told.tries == most_tries) return drop(at);
  if (!told.body.empty()) told.count_written = 0;
  wait(at, now);
}

}  // namespace gatehouse::kubernetes
