#include "base/deadline.h"

#include "base/socket_options.h"

namespace gatehouse {

Deadlines::Deadlines(Clock& clock) : clock_(clock), start_(clock.now()) {}

Awaitable<void> Deadlines::run() {
  while (!stopped_) {
    co_await clock_.sleep_until(start_ + tick * static_cast<std::int64_t>(current_tick_ + 1));
    expire_due();
  }
}

void Deadlines::expire_due() {
  const auto now_tick = static_cast<std::uint64_t>((clock_.now() - start_) / tick);
  // After a long sleep every slot needs one visit only, and what is set meanwhile counts from now.
  const std::uint64_t visits = std::min<std::uint64_t>(now_tick - current_tick_, slots);
  current_tick_ = now_tick;
  for (std::uint64_t visit = visits; visit > 0; --visit) expire_slot((now_tick - visit + 1) % slots);
}

void Deadlines::link(Link& link, std::uint64_t at_tick) {
  Link& head = wheel_[at_tick % slots];
  link.previous = head.previous;
  link.next = &head;
  head.previous->next = &link;
  head.previous = &link;
}

void Deadlines::unlink(Link& link) {
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.previous = link.next = &link;
}

void Deadlines::expire_slot(std::size_t slot) {
  // Taken out first: what is due may destroy or relink any alarm, this slot's included.
  Link due;
  Link& head = wheel_[slot];
  if (head.next == &head) return;
  due.next = head.next;
  due.previous = head.previous;
  due.next->previous = due.previous->next = &due;
  head.next = head.previous = &head;
  while (due.next != &due) {
    auto& alarm = static_cast<Alarm&>(*due.next);
    unlink(alarm);
    alarm.linked_tick_ = Alarm::unlinked;
    if (alarm.due_tick_ == 0) continue;
    if (alarm.due_tick_ > current_tick_) {  // put off since it was linked
      link(alarm, alarm.linked_tick_ = alarm.due_tick_);
    } else {
      alarm.due_tick_ = 0;
      alarm.due();
    }
  }
}

void Alarm::within(Duration limit) {
  if (limit == Duration::zero()) return clear();
  const auto ticks =
      static_cast<std::uint64_t>(std::max<std::int64_t>((limit + Deadlines::tick - Duration(1)) / Deadlines::tick, 1));
  due_tick_ = wheel_.current_tick_ + ticks + 1;
  if (linked_tick_ <= due_tick_) return;  // the wheel will look before then and move it on
  Deadlines::unlink(*this);
  wheel_.link(*this, linked_tick_ = due_tick_);
}

void Deadline::due() {
  if (expired_) return stream_.close();
  expired_ = true;
  stream_.wake();
  within(std::chrono::seconds(1));
}

void StallLimit::due() {
  const std::uint64_t acknowledged = bytes_acknowledged(stream_.socket().native_handle());
  if (acknowledged > acknowledged_) {
    acknowledged_ = acknowledged;
    return Alarm::within(limit_);
  }
  expired_ = true;
  stream_.close();
}

}  // namespace gatehouse
