// gzip undone piece by piece, against zlib's own other half.
#include "proxy/http/inflater.h"

#include "tests/doubles/connected_streams.h"
#include "tests/doubles/proxy/gzip_text.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

struct Inflated {
  Result<bool> result = true;
  bool whole = false;
  std::string text;
};

Inflated inflated(std::string_view bytes, std::size_t cut) {
  Inflated out;
  Inflater inflater;
  const auto take = [&](std::string_view piece) {
    EXPECT_LE(piece.size(), Inflater::piece_bytes);
    out.text += piece;
    return true;
  };
  for (; !bytes.empty() && out.result; bytes.remove_prefix(std::min(cut, bytes.size())))
    out.result = inflater.feed(bytes.substr(0, cut), take);
  out.whole = inflater.whole();
  return out;
}

TEST(Inflater, undoes_gzip_however_it_is_cut) {
  const std::string text = pattern(100'000) + std::string(100'000, 'a');
  const std::string packed = gzip_text(text);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, packed.size()}) {
    const auto out = inflated(packed, cut);
    EXPECT_TRUE(out.result);
    EXPECT_TRUE(out.whole);
    EXPECT_TRUE(out.text == text) << cut;
  }
}

TEST(Inflater, reads_several_members_as_one_text) {
  const auto out = inflated(gzip_text("one ") + gzip_text("") + gzip_text("two"), 5);
  EXPECT_TRUE(out.whole);
  EXPECT_EQ(out.text, "one two");
  EXPECT_TRUE(inflated("", 1).whole);
}

TEST(Inflater, notices_what_is_missing_or_damaged) {
  std::string packed = gzip_text(pattern(1000));
  const auto cut = inflated(std::string_view(packed).substr(0, packed.size() - 1), 100);
  EXPECT_TRUE(cut.result);
  EXPECT_FALSE(cut.whole);
  packed[packed.size() / 2] ^= 0x55;
  EXPECT_FALSE(inflated(packed, 100).result);
  for (const std::string foreign : {"<html>no gzip at all</html>", "\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    const auto out = inflated(foreign, 100);
    ASSERT_FALSE(out.result);
    EXPECT_EQ(out.result.error().kind, FailureKind::bad_answer);
  }
}

TEST(Inflater, a_bomb_costs_only_the_pieces_that_are_taken) {
  const std::string packed = gzip_text(std::string(64 * 1024 * 1024, 'x'));
  Inflater inflater;
  int pieces = 0;
  const auto result = inflater.feed(packed, [&](std::string_view) { return ++pieces < 3; });
  ASSERT_TRUE(result);
  EXPECT_FALSE(*result);
  EXPECT_EQ(pieces, 3);
}

}  // namespace
}  // namespace gatehouse
