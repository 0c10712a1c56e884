#include "config/kubernetes/watcher.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>

namespace gatehouse::kubernetes {
namespace {

constexpr std::string_view initial_end_note = "k8s.io/initial-events-end";
// A watch that has stood so long without an error works, though it may have nothing to say for a minute.
constexpr Duration watch_holds = std::chrono::seconds(20);

std::uint16_t number(std::string_view text) {
  std::uint16_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

ApiRequest api_request(const ListWatch::Request& request) {
  ApiRequest asked;
  asked.path = request.path;
  asked.silence = request.silence;
  return asked;
}

}  // namespace

Watcher::Watcher(Ports ports, ListWatch::Options options, std::shared_ptr<ServerAbilities> abilities)
    : ports_(std::move(ports)),
      machine_(std::move(options), std::move(abilities), ports_.random),
      stopping_(ports_.executor, TimePoint::max()) {}

void Watcher::stop() {
  stopped_ = true;
  stopping_.cancel();
}

Awaitable<void> Watcher::until_stopped() {
  error_code cancelled;
  if (!stopped_) co_await stopping_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

Awaitable<void> Watcher::run() {
  using namespace asio::experimental::awaitable_operators;
  co_await (follow() || until_stopped());
}

Awaitable<void> Watcher::follow() {
  while (!stopped_) {
    ListWatch::Request request = machine_.next(ports_.clock.now());
    co_await ports_.clock.sleep_until(request.at);
    if (stopped_) co_return;
    machine_.asked(ports_.clock.now());
    if (request.fresh) ports_.sink.list_began();
    if (request.step == ListWatch::Step::list)
      co_await list(request);
    else
      co_await watch_patiently(request);
    if (!stopped_) tell_health();
  }
}

// ---- list

Awaitable<void> Watcher::list(ListWatch::Request request) {
  ListPieces pieces([this](const ObjectText& item) { take_item(item); });
  std::function<bool(std::string_view)> piece = [&](std::string_view bytes) {
    machine_.heard(ports_.clock.now());
    return !stopped_ && pieces.feed(bytes);
  };
  ApiRequest asked = api_request(request);
  Result<ApiAnswer> answer = co_await ports_.stream(std::move(asked), std::move(piece));
  if (stopped_) co_return;
  const ListFacts* whole = answer && answer->good() && pieces.whole() ? &pieces.facts() : nullptr;
  take(machine_.list_ended(answer, whole, ports_.clock.now()));
}

void Watcher::take_item(const ObjectText& item) {
  if (stopped_) return;
  const Tree tree = item.too_large ? Tree::from_json_beginning(item.text) : Tree::from_json(item.text);
  if (item.too_large)
    ports_.sink.unreadable(tree.root(), "larger than " + std::to_string(largest_object) + " bytes");
  else if (!tree.failure().words.empty())
    ports_.sink.unreadable(Tree::from_json_beginning(item.text).root(), tree.failure().words);
  else
    ports_.sink.seen(tree.root());
}

// ---- watch

Awaitable<void> Watcher::watch_patiently(ListWatch::Request request) {
  using namespace asio::experimental::awaitable_operators;
  impatient_ = false;
  co_await (watch(request) || impatience());
}

// Returns when the watch is to be given up.
Awaitable<void> Watcher::impatience() {
  const TimePoint holds = ports_.clock.now() + watch_holds;
  for (bool told = false; !stopped_;) {
    const TimePoint until = std::min(machine_.patience(), told ? TimePoint::max() : holds);
    if (until == TimePoint::max()) {
      co_await until_stopped();
      co_return;
    }
    co_await ports_.clock.sleep_until(until);
    if (stopped_) co_return;
    if (machine_.patience() <= ports_.clock.now()) {
      impatient_ = true;
      machine_.lost_patience(ports_.clock.now());
      co_return;
    }
    if (told || ports_.clock.now() < holds) continue;
    told = true;
    machine_.holds();
    tell_health();
  }
}

Awaitable<void> Watcher::watch(ListWatch::Request request) {
  bool over = false;
  WatchPieces pieces([&](const EventText& event) { over = over || !take_event(event); });
  std::function<bool(std::string_view)> piece = [&](std::string_view bytes) {
    machine_.heard(ports_.clock.now());
    const bool json = pieces.feed(bytes);
    return !stopped_ && json && !over;
  };
  ApiRequest asked = api_request(request);
  Result<ApiAnswer> answer = co_await ports_.stream(std::move(asked), std::move(piece));
  if (stopped_ || impatient_) co_return;
  const bool garbage = pieces.failed() || !pieces.between();
  take(machine_.watch_ended(answer, garbage, ports_.clock.now()));
}

// False when the watch is to be broken off.
bool Watcher::take_event(const EventText& text) {
  if (stopped_) return false;
  const Tree whole = text.object.too_large ? Tree() : Tree::from_json(text.object.text);
  const bool readable = whole.root().given();
  const Tree beginning = readable ? Tree() : Tree::from_json_beginning(text.object.text);
  const Value object = readable ? whole.root() : beginning.root();
  const Value metadata = object["metadata"];
  ListWatch::Event event;
  event.type = text.type;
  event.resource_version = metadata["resourceVersion"].text();
  event.initial_end = metadata["annotations"][initial_end_note].text() == "true";
  event.code = number(object["code"].text());
  event.message = object["message"].text();
  const ListWatch::Verdict verdict = machine_.event(event, ports_.clock.now());
  switch (verdict) {
    case ListWatch::Verdict::ignore: break;
    case ListWatch::Verdict::seen:
      if (readable)
        ports_.sink.seen(object);
      else
        ports_.sink.unreadable(object, text.object.too_large
                                           ? "larger than " + std::to_string(largest_object) + " bytes"
                                           : whole.failure().words);
      break;
    case ListWatch::Verdict::gone: ports_.sink.gone(object); break;
    case ListWatch::Verdict::complete: ports_.sink.list_complete(); break;
    case ListWatch::Verdict::over: break;
  }
  tell_health();
  return verdict != ListWatch::Verdict::over;
}

// ---- what follows

void Watcher::take(ListWatch::Effect effect) {
  if (effect == ListWatch::Effect::complete) ports_.sink.list_complete();
  if (effect == ListWatch::Effect::absent) ports_.sink.absent();
}

void Watcher::tell_health() {
  if (machine_.trouble() == told_) return;
  told_ = machine_.trouble();
  if (told_.empty())
    ports_.log->info("{} {}: followed again", machine_.options().path, machine_.options().selectors);
  else if (machine_.health() == ListWatch::Health::absent && machine_.options().optional)
    ports_.log->debug("{}", told_);
  else
    ports_.log->warn("{}; what is known stays in force", told_);
  ports_.sink.health_changed();
}

}  // namespace gatehouse::kubernetes
