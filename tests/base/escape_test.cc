#include "base/escape.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(Printable, leaves_ordinary_text) { EXPECT_EQ(printable("GET /a?b=\"c\" x"), "GET /a?b=\"c\" x"); }

TEST(Printable, escapes_control_bytes_backslash_and_foreign_bytes) {
  EXPECT_EQ(printable("a\r\nb\tc\\d"), "a\\r\\nb\\tc\\\\d");
  EXPECT_EQ(printable("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\xc2\x9b\xff"), "\\xc2\\x9b\\xff");
}

TEST(Printable, escapes_the_quote_it_stands_between) {
  std::string out = "'";
  append_printable(out, "it's \"x\"", '\'');
  EXPECT_EQ(out, "'it\\'s \"x\"");
}

TEST(JsonString, quotes_and_escapes) {
  EXPECT_EQ(json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json("\r\n\t"), R"("\r\n\t")");
  EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
}

TEST(JsonString, keeps_well_formed_utf8) {
  for (const char* text : {"é", "€", "😀", "\xf4\x8f\xbf\xbf"}) EXPECT_EQ(json(text), std::string("\"") + text + "\"");
}

TEST(JsonString, escapes_each_byte_that_is_not_utf8) {
  EXPECT_EQ(json("\xff"), R"("\u00ff")");
  EXPECT_EQ(json("\xc3"), R"("\u00c3")");                          // cut short
  EXPECT_EQ(json("\xc0\xaf"), R"("\u00c0\u00af")");                // overlong
  EXPECT_EQ(json("\xe0\x80\xaf"), R"("\u00e0\u0080\u00af")");      // overlong
  EXPECT_EQ(json("\xed\xa0\x80"), R"("\u00ed\u00a0\u0080")");      // surrogate
  EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\u00f4\u0090\u0080\u0080")");  // past U+10FFFF
  EXPECT_EQ(json("\x80x"), R"("\u0080x")");
}

TEST(JsonString, escapes_c1_controls_that_terminals_obey) {
  EXPECT_EQ(json("\xc2\x9b"
                 "2J"),
            R"("\u009b2J")");
}

}  // namespace
}  // namespace gatehouse
