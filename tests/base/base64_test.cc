#include "base/base64.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(Base64, writes_the_examples_of_the_rfc_without_padding) {  // RFC 4648 §10
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("fo"), "Zm8");
  EXPECT_EQ(base64url("foo"), "Zm9v");
  EXPECT_EQ(base64url("foob"), "Zm9vYg");
  EXPECT_EQ(base64url("fooba"), "Zm9vYmE");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url("\xfb\xff\xbf"), "-_-_");
}

TEST(Base64, reads_back_every_byte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i * 7);
    EXPECT_EQ(from_base64url(base64url(bytes)).value(), bytes);
  }
}

TEST(Base64, reads_the_standard_form_with_padding) {
  EXPECT_EQ(from_base64("").value(), "");
  EXPECT_EQ(from_base64("Zg==").value(), "f");
  EXPECT_EQ(from_base64("Zm8=").value(), "fo");
  EXPECT_EQ(from_base64("Zm9v").value(), "foo");
  EXPECT_EQ(from_base64("+/+/").value(), "\xfb\xff\xbf");
}

TEST(Base64, refuses_a_second_spelling_of_the_same_value) {
  for (const char* text : {"A", "Zh", "Zm9", "Zg==", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v", "=", "Zm9vY"})
    EXPECT_FALSE(from_base64url(text)) << text;
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zg===", "Z===", "====", "-_-_", "Zm9v\r\n", "Z=m9", "Zm9v===="})
    EXPECT_FALSE(from_base64(text)) << text;
  EXPECT_FALSE(from_base64url(std::string_view("Zm\0v", 4)));
}

}  // namespace
}  // namespace gatehouse
