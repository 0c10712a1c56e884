// Time limits, cheap enough to set around every read and write: setting one is a store or a relink in a list, no
// timer and no system call. One wheel per worker ticks every 100 ms; a limit ends between its time and two ticks
// after it.
#pragma once

#include "base/clock.h"
#include "base/stream.h"

#include <array>
#include <cstdint>

namespace gatehouse {

class Alarm;

// The wheel. Not thread-safe: belongs to one worker, outlives every Alarm on it.
class Deadlines {
 public:
  static constexpr Duration tick = std::chrono::milliseconds(100);

  explicit Deadlines(Clock& clock);
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // Ticks until its coroutine is cancelled or stop() is called.
  Awaitable<void> run();
  void stop() { stopped_ = true; }
  // Expires what is due at the clock's now.
  void expire_due();
  // The clock's.
  TimePoint now() const { return clock_.now(); }

 private:
  friend class Alarm;
  struct Link {
    Link* previous = this;
    Link* next = this;
  };
  static constexpr std::size_t slots = 1024;

  void link(Link& link, std::uint64_t at_tick);
  static void unlink(Link& link);
  void expire_slot(std::size_t slot);

  Clock& clock_;
  TimePoint start_;
  std::uint64_t current_tick_ = 0;
  bool stopped_ = false;
  std::array<Link, slots> wheel_;
};

// Something to do at a time that usually never comes. Pinned in memory while it exists.
class Alarm : private Deadlines::Link {
 public:
  explicit Alarm(Deadlines& wheel) : wheel_(wheel) {}
  virtual ~Alarm() { Deadlines::unlink(*this); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // due() is called unless this is called again (or clear) within `limit`. Zero: never.
  void within(Duration limit);
  void clear() { due_tick_ = 0; }

 protected:
  virtual void due() = 0;

 private:
  friend class Deadlines;
  static constexpr std::uint64_t unlinked = ~std::uint64_t{0};

  Deadlines& wheel_;
  std::uint64_t due_tick_ = 0;            // 0: none
  std::uint64_t linked_tick_ = unlinked;  // where the wheel looks at it next
};

// Calls a member function of what it belongs to.
template <class Owner>
class Timer final : public Alarm {
 public:
  Timer(Deadlines& wheel, Owner& owner, void (Owner::*when_due)()) : Alarm(wheel), owner_(owner), when_due_(when_due) {}

 private:
  void due() override { (owner_.*when_due_)(); }

  Owner& owner_;
  void (Owner::*const when_due_)();
};

// One limit on one stream's operations. When it passes, those that wait end with operation_aborted, and expired() says
// why; the stream stays open for a last word (408). A stream on which nothing waits, or that is not attended to within
// a second more, is closed.
class Deadline final : public Alarm {
 public:
  Deadline(Deadlines& wheel, PlainStream& stream) : Alarm(wheel), stream_(stream) {}
  bool expired() const { return expired_; }

 private:
  void due() override;

  PlainStream& stream_;
  bool expired_ = false;
};

// A limit on writing that asks for progress only: it passes when the peer has acknowledged nothing for `limit` (noticed
// within twice that). A slow reader of a large answer is never cut while it reads.
class StallLimit final : public Alarm {
 public:
  StallLimit(Deadlines& wheel, PlainStream& stream) : Alarm(wheel), stream_(stream) {}
  void within(Duration limit) {
    limit_ = limit;
    Alarm::within(limit);
  }
  bool expired() const { return expired_; }

 private:
  void due() override;

  PlainStream& stream_;
  Duration limit_{};
  std::uint64_t acknowledged_ = 0;
  bool expired_ = false;
};

}  // namespace gatehouse
