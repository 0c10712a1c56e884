#include "base/thread_urgency.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace gatehouse {
namespace {

// sched_setattr(2), of which glibc 2.36 knows nothing.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;  // SCHED_OTHER
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // ns; of SCHED_OTHER the slice, since Linux 6.12
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

constexpr std::uint64_t short_slice = 100'000, long_slice = 50'000'000;  // ns
constexpr int deferred_nice = 10;  // a weight of 110 where others have 1024

void schedule_this_thread(int nice, std::uint64_t slice) {
  if (::sched_getscheduler(0) != SCHED_OTHER) return;  // somebody has chosen
  SchedulingAttributes wanted;
  wanted.nice = nice;
  wanted.runtime = slice;
  ::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

int nice_of_this_thread() { return ::getpriority(PRIO_PROCESS, 0); }

}  // namespace

// By Linux's rules (EEVDF) who wakes takes the core from who runs only if its slice is shorter.
void hurry_this_thread() { schedule_this_thread(nice_of_this_thread(), short_slice); }

// A longer slice makes it wait longer; a lower weight makes it pay sooner for what it has run.
void defer_this_thread() {
  const int nice = nice_of_this_thread();
  schedule_this_thread(nice < deferred_nice ? deferred_nice : nice, long_slice);
}

}  // namespace gatehouse
