#include "config/kubernetes/feed.h"

namespace gatehouse::kubernetes {
Feed::Feed(Ports ports, Scope scope, ListWatch::Options options, std::shared_ptr<ServerAbilities> abilities)
    : ports_(std::move(ports)),
      collection_(ports_.store, std::move(scope)),
      watcher_({ports_.executor, ports_.clock, ports_.stream, ports_.log, *this, ports_.random}, std::move(options),
               std::move(abilities)) {}

std::string Feed::name() const {
  const Scope& scope = collection_.scope();
  const std::string kind(kind_name(scope.kind));
  if (!scope.name.empty()) return kind + " " + scope.ns + "/" + scope.name;
  return scope.ns.empty() ? kind : kind + " in " + scope.ns;
}

void Feed::list_began() {
  if (std::exchange(untold_, false)) ports_.changed();  // of a list that did not come to its end
  collection_.list_began();
}

// Routes change once for a whole list, not for each of its objects.
void Feed::note(bool change) {
  if (collection_.listing())
    untold_ = untold_ || change;
  else if (change)
    ports_.changed();
}

void Feed::seen(const Value& object) {
  ports_.told(object);
  note(collection_.seen(object));
}

void Feed::gone(const Value& object) {
  ports_.told(object);
  note(collection_.gone(object));
}

void Feed::unreadable(const Value& beginning, const std::string& words) {
  ports_.told(beginning);
  note(collection_.unreadable(beginning, words));
}

void Feed::list_complete() {
  const bool change = collection_.list_complete();
  if (std::exchange(untold_, false) || change) ports_.changed();
  ports_.progress();
}

void Feed::absent() {
  if (collection_.absent()) ports_.changed();
}

void Feed::health_changed() {
  const bool away = state().health() == ListWatch::Health::away;
  // As long as it is away it is for the first reason, so that the problem stays the same.
  if (away && !away_since_) {
    away_since_ = ports_.clock.wall_now();
    away_words_ = state().trouble();
    ports_.changed();
  } else if (!away) {
    away_since_.reset();
    ports_.changed();
  }
  ports_.progress();
}

}  // namespace gatehouse::kubernetes
