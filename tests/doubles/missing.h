// Tests whose peers a machine may lack skip themselves: `if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");`.
// Where all has been installed, as by scripts/test, GATEHOUSE_NOTHING_SKIPPED=1 makes that a failure.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace gatehouse {

inline std::string missing(std::string_view program) {
  const char* nothing = std::getenv("GATEHOUSE_NOTHING_SKIPPED");
  const std::string words = std::string(program) + " is not installed";
  const auto fail = [&] { FAIL() << words; };  // a fatal one: what SetUp() leaves out is not run
  if (nothing != nullptr && std::string_view(nothing) == "1") fail();
  return words;
}

}  // namespace gatehouse
