#include "base/thread_urgency.h"

#include "tests/doubles/thread_scheduling.h"

#include <gtest/gtest.h>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace gatehouse {
namespace {

template <class Do>
ThreadScheduling after(Do something) {
  ThreadScheduling scheduling;
  std::thread([&] {
    something();
    scheduling = scheduling_of(0);
  }).join();
  return scheduling;
}

TEST(ThreadUrgency, TheSliceOfWhoIsInAHurryIsShorterThanOfWhoIsDeferred) {
  const auto before = scheduling_of(0), hurried = after(hurry_this_thread), deferred = after(defer_this_thread);
  EXPECT_EQ(hurried.nice, before.nice);
  EXPECT_EQ(deferred.nice, std::max(before.nice, 10));
  if (!kernel_knows_slices()) GTEST_SKIP() << "Linux before 6.12 has one slice for all";
  EXPECT_LT(hurried.slice, before.slice);
  EXPECT_GT(deferred.slice, before.slice);
}

TEST(ThreadUrgency, IsOfThatThreadAlone) {
  const int before = scheduling_of(0).nice;
  after(defer_this_thread);
  EXPECT_EQ(scheduling_of(0).nice, before);
}

TEST(ThreadUrgency, WhatAnOperatorChoseStays) {
  const auto nicer = after([] {
    ASSERT_NE(::nice(15), -1);
    defer_this_thread();
  });
  EXPECT_GE(nicer.nice, 15);
  int policy = -1;
  after([&] {
    const sched_param none{};
    ASSERT_EQ(::sched_setscheduler(0, SCHED_BATCH, &none), 0);
    hurry_this_thread();
    policy = ::sched_getscheduler(0);
  });
  EXPECT_EQ(policy, SCHED_BATCH);
}

}  // namespace
}  // namespace gatehouse
