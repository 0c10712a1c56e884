// Runs a program of the operator's and waits for its end without blocking the thread.
#pragma once

#include "base/clock.h"
#include "base/result.h"

#include <string>
#include <utility>
#include <vector>

namespace gatehouse::acme {

struct ProgramCall {
  std::string path;  // with a slash: PATH is not searched, no shell is involved
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // set on top of our own
  Duration limit = std::chrono::minutes(1);
};

constexpr std::size_t max_program_output = 4096;

// The first bytes of its standard output and error, when it exits with 0. challenge_failed with the same bytes (which
// are anything) when it cannot be started, fails, or is still there after the limit: then it and what it started is
// killed. It gets no descriptor of ours, no input, and a process group of its own. Cancelled, it is killed too.
Awaitable<Result<std::string>> run_program(Clock& clock, ProgramCall call);

}  // namespace gatehouse::acme
