// Who goes first where threads share a core. Workers are short of work and late by every microsecond they wait; the
// control thread has milliseconds of work at a time and nobody waits for it within one. Linux is told so; where it does
// not listen (other schedulers, seccomp) nothing is lost but that.
//
// No privilege is needed. For the calling thread alone, and for threads that it starts afterwards.
#pragma once

namespace gatehouse {

// A worker: it gets the core as soon as it has something to do.
void hurry_this_thread();

// The control thread: it gives the core away to whoever wakes, and under full load has a tenth of it. Cannot be taken
// back without privilege: after the workers were started.
void defer_this_thread();

}  // namespace gatehouse
