#include "config/kubernetes/list_watch.h"

#include "config/kubernetes/url_text.h"
#include "config/problem.h"

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view page_size = "500";
constexpr Duration shortest_delay = milliseconds(800);
constexpr Duration longest_delay = seconds(30);
constexpr Duration health_resets = minutes(2);
constexpr Duration longest_retry_after = minutes(5);
constexpr Duration shortest_watch = seconds(1);
constexpr Duration list_silence = seconds(60);
constexpr Duration watch_grace = seconds(15);
constexpr Duration initial_patience = seconds(10);
constexpr int most_broken_starts = 3;

// An API server that starts may know no CRD for a moment. (When a CRD is deleted the server deletes its objects first,
// and tells those who watch.)
constexpr int not_found_is_gone = 3;
constexpr Duration not_found_lasts = seconds(90);

bool is_too_large_version(std::string_view message) {
  return message.find("Too large resource version") != std::string_view::npos;
}

std::string words_of(const ApiAnswer& answer) {
  std::string words = "HTTP " + std::to_string(answer.status);
  if (!answer.reason.empty()) words += " " + answer.reason;
  if (!answer.message.empty()) words += ": " + quoted(answer.message);
  return words;
}

// The server's own words for "no such API", as a Status or the plain text of its router; not a proxy's page.
bool is_not_found(const ApiAnswer& answer) {
  return answer.reason == "NotFound" || answer.message.starts_with("404 page not found");
}

}  // namespace

ListWatch::ListWatch(Options options, std::shared_ptr<ServerAbilities> abilities, std::function<double()> random)
    : options_(std::move(options)), abilities_(std::move(abilities)), random_(std::move(random)) {}

// ---- what to ask

ListWatch::Request ListWatch::next(TimePoint now) {
  const bool as_stream = abilities_->watch_list && broken_starts_ < most_broken_starts && continue_token_.empty();
  step_ = has_list_ ? Step::watch : as_stream ? Step::watch_list : Step::list;
  Request request;
  request.step = step_;
  request.at = std::max(at_, now);
  request.fresh = !has_list_ && continue_token_.empty();
  asked(request.at);
  events_ = 0;
  over_ = false;
  std::string query;
  if (step_ == Step::list) {
    query = list_query();
    request.silence = list_silence;
  } else {
    // One's own limit, and by chance, so that not all watches of all replicas end together.
    const auto limit = seconds(300 + static_cast<int>(random_() * 300));
    query = watch_query(step_) + "&timeoutSeconds=" + std::to_string(limit.count());
    request.silence = limit + watch_grace;
  }
  request.path = options_.path + "?" + options_.selectors + (options_.selectors.empty() ? "" : "&") + query;
  return request;
}

std::string ListWatch::list_query() const {
  switch (listing_) {
    case Listing::from_cache: return "resourceVersion=0";
    case Listing::not_older:
      return "resourceVersion=" + percent_encoded(version_) + "&resourceVersionMatch=NotOlderThan";
    case Listing::latest_pages:
      return "limit=" + std::string(page_size) +
             (continue_token_.empty() ? "" : "&continue=" + percent_encoded(continue_token_));
    case Listing::latest_whole: return "resourceVersion=";
  }
  return {};
}

std::string ListWatch::watch_query(Step step) {
  const std::string watch = "watch=1&allowWatchBookmarks=true&";
  if (step == Step::watch_list) return watch + "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  return watch + "resourceVersion=" + percent_encoded(version_);
}

// ---- what a list's answer means

ListWatch::Effect ListWatch::list_ended(const Result<ApiAnswer>& answer, const ListFacts* whole, TimePoint now) {
  if (!answer) {
    ill(Health::away, describe(answer.error()));
    continue_token_.clear();
    back_off(now);
    return Effect::none;
  }
  if (!answer->good()) return refused(*answer, now);
  last_heard_ = now;
  not_found_ = 0;
  if (whole == nullptr || whole->kind != options_.kind + "List") {
    ill(Health::refused, "the answer to a list of " + options_.path + " is no whole " + options_.kind + "List");
    continue_token_.clear();
    back_off(now);
    return Effect::none;
  }
  well();
  at_ = now;
  continue_token_ = whole->continue_token;
  if (!continue_token_.empty()) {
    listing_ = Listing::latest_pages;  // a server may page what it was not asked to
    return Effect::none;
  }
  return complete(whole->resource_version);
}

ListWatch::Effect ListWatch::complete(const std::string& resource_version) {
  version_ = resource_version;
  has_list_ = listed_ = synced_ = true;
  broken_starts_ = 0;
  listing_ = Listing::not_older;
  return Effect::complete;
}

void ListWatch::relist(Listing how) {
  has_list_ = false;
  continue_token_.clear();
  listing_ = how == Listing::not_older && version_.empty() ? Listing::from_cache : how;
}

// ---- what a watch's events and end mean

ListWatch::Verdict ListWatch::event(const Event& event, TimePoint now) {
  if (over_) return Verdict::ignore;
  ++events_;
  last_event_ = now;
  last_heard_ = now;
  if (event.type == "ERROR") {
    over_ = true;
    ill(Health::refused, "the watch of " + options_.path + " ended with error " + std::to_string(event.code) +
                             (event.message.empty() ? "" : ": " + quoted(event.message)));
    if (event.code == 410) well();  // its history is short: nothing is wrong
    relist(event.code == 410 || is_too_large_version(event.message) ? Listing::latest_pages : Listing::not_older);
    return Verdict::over;
  }
  well();
  not_found_ = 0;
  const bool initial = !has_list_;
  if (event.type == "BOOKMARK") {
    if (!initial) {
      if (!event.resource_version.empty()) version_ = event.resource_version;
      return Verdict::ignore;
    }
    if (event.initial_end && !event.resource_version.empty()) {
      complete(std::string(event.resource_version));
      return Verdict::complete;
    }
    lacks_watch_list();
    over_ = true;
    return Verdict::over;
  }
  const bool gone = event.type == "DELETED";
  if (!gone && event.type != "ADDED" && event.type != "MODIFIED") return Verdict::ignore;
  // The versions of initial events are those of the objects, in no order.
  if (!initial && !event.resource_version.empty()) version_ = event.resource_version;
  return gone ? Verdict::gone : Verdict::seen;
}

ListWatch::Effect ListWatch::watch_ended(const Result<ApiAnswer>& answer, bool garbage, TimePoint now) {
  if (over_) {
    if (abilities_->watch_list || step_ == Step::watch)
      back_off(now);
    else
      at_ = now;  // the list is asked for at once
    return Effect::none;
  }
  if (!has_list_) ++broken_starts_;
  if (!answer) {
    ill(Health::away, describe(answer.error()));
    back_off(now);
    return Effect::none;
  }
  if (!answer->good()) return refused(*answer, now);
  last_heard_ = now;
  if (garbage) {
    ill(Health::refused, "the answer to a watch of " + options_.path + " is no stream of events");
    relist(Listing::not_older);
    back_off(now);
  } else if (!has_list_ || (events_ == 0 && now - asked_ < shortest_watch)) {
    ill(Health::refused, "a watch of " + options_.path + " ended too soon");
    back_off(now);
  } else {
    well();
    at_ = now;
  }
  return Effect::none;
}

TimePoint ListWatch::patience() const {
  return step_ == Step::watch_list && !has_list_ ? last_event_ + initial_patience : TimePoint::max();
}

// Servers before 1.27 do not know the parameter and send no mark. One that says nothing at all may be none of them:
// then only this time a list is asked for.
void ListWatch::lost_patience(TimePoint now) {
  if (events_ > 0) lacks_watch_list();
  broken_starts_ = most_broken_starts;
  at_ = now;
}

void ListWatch::lacks_watch_list() { abilities_->watch_list = false; }

// ---- refusals

ListWatch::Effect ListWatch::refused(const ApiAnswer& answer, TimePoint now) {
  last_heard_ = now;
  const bool second_page = !continue_token_.empty();
  continue_token_.clear();
  if (answer.status == 404) return not_found(answer, now);
  not_found_ = 0;
  const std::string what = std::string(step_ == Step::list ? "list" : "watch") + " of " + options_.path;
  if (answer.status == 410) {
    relist(second_page ? Listing::latest_whole : Listing::latest_pages);
    back_off(now, answer.retry_after);
    return Effect::none;
  }
  if (answer.status == 401 || answer.status == 403) {
    if (answer.status == 403 && options_.optional) synced_ = true;
    ill(answer.status == 403 ? Health::forbidden : Health::refused,
        "not allowed to " + std::string(step_ == Step::list ? "list " : "watch ") + options_.path + ": " +
            words_of(answer));
    back_off(now, answer.retry_after);  // a right that was just given, or taken by mistake, counts within seconds
    return Effect::none;
  }
  if (is_too_large_version(answer.message)) {
    relist(Listing::latest_pages);
    at_ = now + seconds(1);
    return Effect::none;
  }
  const bool passing = answer.status == 429 || answer.status == 502 || answer.status == 503;
  if (step_ == Step::watch_list && answer.status / 100 == 4 && !passing) {
    // 422: it knows the parameter and has it switched off.
    lacks_watch_list();
    at_ = now;
    return Effect::none;
  }
  ill(Health::refused, what + " refused: " + words_of(answer));
  if (step_ == Step::watch && !passing) relist(Listing::not_older);
  if (step_ == Step::list && answer.status / 100 == 4 && !passing) relist(Listing::latest_pages);
  back_off(now, answer.retry_after);
  return Effect::none;
}

ListWatch::Effect ListWatch::not_found(const ApiAnswer& answer, TimePoint now) {
  has_list_ = false;
  listing_ = Listing::from_cache;
  broken_starts_ = 0;
  ill(Health::absent, "the API server does not have " + options_.path);
  if (!options_.optional) {
    back_off(now, answer.retry_after);
    return Effect::none;
  }
  synced_ = true;
  at_ = now + seconds(30) + std::chrono::duration_cast<Duration>(seconds(20) * random_());
  if (!is_not_found(answer)) {
    not_found_ = 0;
    return Effect::none;
  }
  if (++not_found_ == 1) first_not_found_ = now;
  if (not_found_ < not_found_is_gone || now - first_not_found_ < not_found_lasts) return Effect::none;
  not_found_ = 0;
  return Effect::absent;
}

// ---- health

void ListWatch::back_off(TimePoint now, std::optional<Duration> at_least) {
  if (!backed_off_ || now - *backed_off_ > health_resets) delay_ = shortest_delay;
  const Duration wait = delay_ + std::chrono::duration_cast<Duration>(delay_ * random_());
  delay_ = std::min(delay_ * 2, longest_delay);
  backed_off_ = now;
  at_ = now + std::max(wait, std::min(at_least.value_or(Duration::zero()), longest_retry_after));
}

void ListWatch::ill(Health health, std::string words) {
  health_ = health;
  trouble_ = std::move(words);
}

void ListWatch::well() {
  health_ = Health::good;
  trouble_.clear();
}

}  // namespace gatehouse::kubernetes
