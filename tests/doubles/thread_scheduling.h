// What the kernel was told of a thread.
#pragma once

#include <linux/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse {

struct ThreadScheduling {
  int nice = 0;
  long slice = 0;  // ns; Linux before 6.12 has none to tell
};

inline ThreadScheduling scheduling_of(long thread) {
  struct {
    __u32 size, policy;
    __u64 flags;
    __s32 nice;
    __u32 priority;
    __u64 runtime, deadline, period;
  } told{};
  if (::syscall(SYS_sched_getattr, thread, &told, sizeof told, 0) != 0) return {};
  return {told.nice, static_cast<long>(told.runtime)};
}

inline std::vector<ThreadScheduling> scheduling_of_all_threads() {
  std::vector<ThreadScheduling> all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    all.push_back(scheduling_of(std::stol(task.path().filename().string())));
  return all;
}

// Whether slices are heard of at all.
inline bool kernel_knows_slices() { return scheduling_of(0).slice != 0; }

}  // namespace gatehouse
