// get, list and watch.
#pragma once

#include "tests/doubles/kubernetes/answers.h"

namespace gatehouse::kubernetes::fake {

Reply get(const Table& table, const Call& call);
Reply list(const State& state, const Table& table, const Call& call);
Reply watch(const State& state, const Table& table, const Call& call);

// Puts what has happened since into the watch's lines.
void catch_up(const State& state, Watch& watch);
std::string event_line(std::string_view type, std::string_view object);
std::string bookmark_line(const ResourceType& type, Version version, bool initial_events_end);
std::string gone_line(const Watch& watch, Version asked);
Selector selector_of(const Table& table, const Call& call);

}  // namespace gatehouse::kubernetes::fake
