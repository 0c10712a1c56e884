// Tests whose peers a machine may lack skip themselves: `if (!Pebble::installed()) GTEST_SKIP() << missing("pebble");`.
// Where all has been installed, as by scripts/test, TESTS_SKIP_NOTHING=1 makes that a failure.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace gatehouse {

inline std::string missing(std::string_view program) {
  const char* nothing = std::getenv("TESTS_SKIP_NOTHING");
  const std::string words = std::string(program) + " is not installed";
  const auto fail = [&] { FAIL() << words; };  // a fatal one: what SetUp() leaves out is not run
  if (nothing != nullptr && std::string_view(nothing) == "1") fail();
  return words;
}

}  // namespace gatehouse
