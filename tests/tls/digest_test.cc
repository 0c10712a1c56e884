#include "tls/digest.h"

#include <gtest/gtest.h>

namespace gatehouse::tls {
namespace {

TEST(Hex, IsWrittenInLowerCaseAndReadInBoth) {
  const std::string bytes("\x00\x7f\xff\x10", 4);
  EXPECT_EQ(hex(bytes), "007fff10");
  EXPECT_EQ(from_hex("007fff10"), bytes);
  EXPECT_EQ(from_hex("007FFf10"), bytes);
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, WhatIsNoHexIsRefused) {
  for (const char* wrong : {"0", "123", "0g", "g0", "+1", "-1", " 1", "1 ", "0x"})
    EXPECT_EQ(from_hex(wrong), std::nullopt);
}

}  // namespace
}  // namespace gatehouse::tls
