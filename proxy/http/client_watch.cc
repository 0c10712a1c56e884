#include "proxy/http/client_watch.h"

#include <utility>

namespace gatehouse {
namespace {

constexpr Duration patience = std::chrono::seconds(1);

}  // namespace

ClientWatch::ClientWatch(Deadlines& deadlines, Departures& departures, Stream& stream, PlainStream& plain)
    : Alarm(deadlines), Departures::Watch(departures, plain), stream_(stream), layered_(&stream != &plain) {}

void ClientWatch::tell(std::function<void()> told) {
  if (left_ && told) return told();
  told_ = std::move(told);
  if (told_) return within(Deadlines::tick);
  clear();
  stop();
}

void ClientWatch::request_ended() {
  whole_ = true;
  if (told_) within(Deadlines::tick);
}

void ClientWatch::due() {
  if (attended_ > 0) return within(patience);
  if (has_left()) {
    left_ = true;
    clear();
    stop();
    return std::exchange(told_, nullptr)();
  }
  if (suspected_ || !whole_ || !start(layered_)) within(patience);
}

void ClientWatch::stirred() {
  if (!told_) return;
  attended_ > 0 ? within(Deadlines::tick) : due();
}

bool ClientWatch::has_left() {
  const bool moved = std::exchange(moved_, false);
  if (!stream_.peer_gone()) {
    seen_open_ = whole_;
    return false;
  }
  return seen_open_ || (std::exchange(suspected_, true) && !moved);
}

}  // namespace gatehouse
