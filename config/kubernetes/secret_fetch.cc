#include "config/kubernetes/secret_fetch.h"

#include "config/kubernetes/json_pieces.h"
#include "config/problem.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace gatehouse::kubernetes {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr Duration shortest_delay = std::chrono::seconds(1);

}  // namespace

SecretFetch::SecretFetch(Ports ports)
    : ports_(std::move(ports)),
      woken_(std::make_shared<asio::steady_timer>(ports_.executor, TimePoint::max())),
      stopping_(std::make_shared<asio::steady_timer>(ports_.executor, TimePoint::max())) {}

void SecretFetch::once(const ObjectName& name) {
  due_[name] = {ports_.clock.now(), false, false};
  woken_->cancel();
}

void SecretFetch::poll(const ObjectName& name) {
  due_[name] = {ports_.clock.now(), true, false};
  woken_->cancel();
}

bool SecretFetch::polls(const ObjectName& name) const {
  const auto found = due_.find(name);
  return found != due_.end() && found->second.again;
}

bool SecretFetch::awaits(const ObjectName& name) const {
  const auto due = due_.find(name);
  return due != due_.end() && !due->second.answered;
}

bool SecretFetch::pending() const {
  return std::any_of(due_.begin(), due_.end(), [](const auto& due) { return !due.second.answered; });
}

void SecretFetch::stop() {
  stopped_ = true;
  stopping_->cancel();
}

Awaitable<void> SecretFetch::until(std::shared_ptr<asio::steady_timer> timer) {
  error_code cancelled;
  if (!stopped_) co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

Awaitable<void> SecretFetch::run() { co_await (follow() || until(stopping_)); }

Awaitable<void> SecretFetch::follow() {
  while (!stopped_) {
    const auto* first = next();
    if (first == nullptr || first->second.at > ports_.clock.now()) {
      co_await wait_for_work();
      continue;
    }
    ObjectName name = first->first;
    co_await fetch(name);
    if (!stopped_) co_await ports_.clock.sleep_until(ports_.clock.now() + gap);
  }
}

Awaitable<void> SecretFetch::wait_for_work() {
  const auto* first = next();
  if (first == nullptr)
    co_await until(woken_);
  else
    co_await (until(woken_) || ports_.clock.sleep_until(first->second.at));
}

const std::pair<const ObjectName, SecretFetch::Due>* SecretFetch::next() const {
  const auto first = std::min_element(due_.begin(), due_.end(),
                                      [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
  return first == due_.end() ? nullptr : &*first;
}

Awaitable<void> SecretFetch::fetch(ObjectName name) {
  asked_ = name;
  overtaken_ = false;
  std::string body;
  ApiRequest request;
  request.path = "/api/v1/namespaces/" + name.ns + "/secrets/" + name.name;
  std::function<bool(std::string_view)> piece = [&](std::string_view bytes) {
    body += bytes.substr(0, largest_object + 1 - std::min(body.size(), largest_object + 1));
    return !stopped_ && body.size() <= largest_object;
  };
  Result<ApiAnswer> answer = co_await ports_.stream(std::move(request), std::move(piece));
  if (!stopped_) take(name, answer, body);
  asked_ = {};
}

void SecretFetch::take(const ObjectName& name, const Result<ApiAnswer>& answer, const std::string& body) {
  if (!due_.contains(name)) return;  // nobody wants it any more
  if (overtaken_) return done(name);
  const auto fail = [&](std::uint16_t status, const std::string& words, bool answered) {
    delay_ = std::clamp(delay_ * 2, shortest_delay, longest_delay);
    later(name, delay_, answered);
    ports_.tried(note_trouble(name, status, "Secret " + name.text() + ": " + words));
  };
  if (!answer) return fail(0, describe(answer.error()), false);
  if (answer->status == 404) {
    const Tree none;
    ports_.found(name, none.root());
    return done(name);
  }
  if (!answer->good()) {
    const bool refused = answer->status == 403 || answer->status == 401;
    return fail(answer->status, "HTTP " + std::to_string(answer->status) + ": " + quoted(answer->message), refused);
  }
  const Tree tree = Tree::from_json(body);
  const Value metadata = tree.root()["metadata"];
  if (metadata["name"].text() != name.name || metadata["namespace"].text() != name.ns)
    return fail(answer->status, "the answer is no such object", true);
  ports_.found(name, tree.root());
  done(name);
}

// Words that differ with each try (a port, a number of the request) are no news.
bool SecretFetch::note_trouble(const ObjectName& name, std::uint16_t status, const std::string& words) {
  const auto [at, added] = troubles_.try_emplace(name, Trouble{status, words});
  if (added) return true;
  if (at->second.status == status) return false;
  at->second = {status, words};
  return true;
}

std::vector<std::string> SecretFetch::troubles() const {
  std::vector<std::string> told;
  bool silence_told = false;
  for (const auto& [name, trouble] : troubles_) {
    if (trouble.status == 0 && std::exchange(silence_told, true)) continue;
    if (told.size() == most_troubles) break;
    told.push_back(trouble.words);
  }
  return told;
}

bool SecretFetch::forget(const ObjectName& name) {
  due_.erase(name);
  return troubles_.erase(name) > 0;
}

void SecretFetch::later(const ObjectName& name, Duration by, bool answered) {
  Due& due = due_[name];
  due.at = ports_.clock.now() + by;
  due.answered = due.answered || answered;
}

void SecretFetch::done(const ObjectName& name) {
  delay_ = Duration::zero();
  if (due_[name].again)
    later(name, poll_again, true);
  else
    due_.erase(name);
  ports_.tried(troubles_.erase(name) > 0);
}

}  // namespace gatehouse::kubernetes
