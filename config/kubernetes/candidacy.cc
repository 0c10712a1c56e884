#include "config/kubernetes/candidacy.h"

#include "config/kubernetes/answer_fields.h"
#include "config/kubernetes/micro_time.h"
#include "config/kubernetes/url_text.h"
#include "tls/digest.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>

namespace gatehouse::kubernetes {
namespace {

using boost::json::object;
using boost::json::serialize;

constexpr double jitter = 1.2;                             // client-go's JitterFactor
constexpr Duration longest_hold = std::chrono::hours(24);  // whatever a record says
constexpr Duration longest_wait = std::chrono::minutes(1);  // whatever Retry-After says

std::string collection_path(const ObjectName& lease) {
  return "/apis/coordination.k8s.io/v1/namespaces/" + path_segment(lease.ns) + "/leases";
}

std::string lease_path(const ObjectName& lease) { return collection_path(lease) + "/" + path_segment(lease.name); }

std::int64_t whole_seconds(Duration duration) {
  return std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

// A record without a duration holds nobody off, as in client-go.
Duration hold_of(const object& spec) {
  constexpr std::int64_t most = std::chrono::duration_cast<std::chrono::seconds>(longest_hold).count();
  return std::chrono::seconds(std::clamp<std::int64_t>(number_in(spec, "leaseDurationSeconds"), 0, most));
}

bool is_refusal(std::uint16_t status) { return status / 100 == 4 && status != 409 && status != 429; }

}  // namespace

ApiRequest Candidacy::request(WallTime wall) const {
  switch (step_) {
    case Step::look: break;
    case Step::create: {
      object lease{{"apiVersion", "coordination.k8s.io/v1"},
                   {"kind", "Lease"},
                   {"metadata", object{{"name", terms_.lease.name}, {"namespace", terms_.lease.ns}}},
                   {"spec", claim(wall)}};
      return {.method = "POST", .path = collection_path(terms_.lease), .body = serialize(lease)};
    }
    case Step::write: return put(claim(wall));
  }
  return {.path = lease_path(terms_.lease)};
}

// The record as it should be: a renewal when the Lease is ours, else a takeover.
object Candidacy::claim(WallTime wall) const {
  object spec = object_in(seen_, "spec");
  const std::string now = micro_time_text(wall);
  if (!is_mine()) {
    const std::int64_t before = std::max<std::int64_t>(0, number_in(spec, "leaseTransitions"));
    const std::int64_t most = std::numeric_limits<std::int32_t>::max();
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = seen_.empty() ? 0 : std::min(before + 1, most);
  }
  spec["holderIdentity"] = terms_.identity;
  spec["leaseDurationSeconds"] = whole_seconds(terms_.lasts);
  spec["renewTime"] = now;
  return spec;
}

// With the resourceVersion that was read: a write in between makes it a 409.
ApiRequest Candidacy::put(object spec) const {
  object lease = seen_;
  lease["spec"] = std::move(spec);
  return {.method = "PUT", .path = lease_path(terms_.lease), .body = serialize(lease)};
}

std::optional<ApiRequest> Candidacy::resign(TimePoint now, WallTime wall) {
  const bool led = leads(now);
  leads_until_ = {};
  if (!led || !is_mine() || seen_.empty()) return std::nullopt;
  object spec = object_in(seen_, "spec");
  const std::string time = micro_time_text(wall);
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["acquireTime"] = time;
  spec["renewTime"] = time;
  return put(std::move(spec));
}

void Candidacy::take(const Result<ApiAnswer>& answer, TimePoint sent, TimePoint now, double chance) {
  const bool led = leads(now);
  const bool answered = answer && (answer->good() || answer->status == 404 || answer->status == 409);
  if (!answered)
    fail(answer, now, chance);
  else if (step_ == Step::look)
    looked(*answer, now, chance);
  else
    wrote(*answer, sent, now, chance);
  // Seeing another holder ends it at once.
  if (led && !is_mine() && !holder_.empty()) leads_until_ = {};
}

void Candidacy::looked(const ApiAnswer& answer, TimePoint now, double chance) {
  if (!answer.good() && answer.status != 404) return fail(answer, now, chance);
  if (answer.status == 404) {
    // Deleted, perhaps: whoever holds it does not know yet, and makes it again when it does.
    if (!is_mine() && !is_free(now)) return look_again(patience(chance), now);
    seen_ = {};
    seen_spec_.clear();
    holder_.clear();
    step_ = Step::create;
    next_ = now;
    return;
  }
  if (!see(answer.body, now)) return look_again(patience(chance), now);
  if (!is_mine() && !terms_.takes_over && !is_free(now)) {
    trouble_.clear();
    return look_again(patience(chance), now);
  }
  step_ = Step::write;
  next_ = now;
}

void Candidacy::wrote(const ApiAnswer& answer, TimePoint sent, TimePoint now, double chance) {
  if (answer.good()) {
    conflicted_ = false;
    if (!see(answer.body, now)) return look_again(patience(chance), now);
    if (is_mine()) lead_since(sent);
    return;
  }
  if (step_ == Step::create && answer.status == 404) return fail(answer, now, chance);  // no such namespace
  // Somebody else wrote or removed it. A leader looks at once, since its deadline runs; a second time it waits as well.
  const bool at_once = leads(now) && !conflicted_;
  conflicted_ = true;
  look_again(at_once ? Duration::zero() : patience(chance), now);
}

bool Candidacy::see(std::string_view body, TimePoint now) {
  auto lease = read_object(body);
  if (!lease || object_in(*lease, "metadata").empty()) {
    trouble_ = lease ? "the answer is no Lease" : describe(lease.error());
    return false;
  }
  seen_ = std::move(*lease);
  const object& spec = object_in(seen_, "spec");
  std::string spec_text = serialize(spec);
  if (spec_text != seen_spec_) changed_at_ = now;
  seen_spec_ = std::move(spec_text);
  holder_ = text_in(spec, "holderIdentity");
  held_for_ = hold_of(spec);
  return true;
}

void Candidacy::lead_since(TimePoint sent) {
  trouble_.clear();
  step_ = Step::write;
  leads_until_ = sent + terms_.renew_within;
  next_ = sent + terms_.retry;
}

void Candidacy::look_again(Duration wait, TimePoint now) {
  step_ = Step::look;
  next_ = now + wait;
}

// A write without an answer may have been done: only a look can tell.
void Candidacy::fail(const Result<ApiAnswer>& answer, TimePoint now, double chance) {
  Duration wait = patience(chance);
  if (!answer) {
    trouble_ = describe(answer.error());
  } else {
    trouble_ = std::to_string(answer->status) + " " + answer->reason + ": " + answer->message;
    if (is_refusal(answer->status)) wait = terms_.refused_retry;
    wait = std::max(wait, std::min(answer->retry_after.value_or(wait), longest_wait));
  }
  if (leads(now) && (!answer || !answer->retry_after)) wait = terms_.retry;
  look_again(wait, now);
}

Duration Candidacy::patience(double chance) const {
  return terms_.retry + std::chrono::duration_cast<Duration>(terms_.retry * (jitter * chance));
}

bool Candidacy::is_free(TimePoint now) const { return holder_.empty() || changed_at_ + held_for_ <= now; }

std::string lease_identity(std::string_view pod) { return std::string(pod) + "_" + tls::hex(tls::random_bytes(8)); }

}  // namespace gatehouse::kubernetes
