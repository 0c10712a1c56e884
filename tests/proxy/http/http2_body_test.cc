#include "proxy/http/http2_body.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

std::string taken(Http2Outflow& out, std::size_t room, bool* last = nullptr) {
  std::string text(room, '\0');
  const Http2Outgoing piece = out.outgoing(text);
  if (last != nullptr) *last = piece.last;
  text.resize(piece.bytes);
  return text;
}

TEST(Http2Inflow, is_pulled_in_pieces_and_given_back_when_done_with) {
  Http2Inflow in;
  EXPECT_FALSE(in.at_hand());
  in.arrive("abc");
  in.arrive("def");
  const BodyPiece piece = in.take();
  EXPECT_EQ(piece.bytes, "abcdef");
  EXPECT_FALSE(piece.last);
  in.arrive("gh");
  EXPECT_EQ(piece.bytes, "abcdef");  // until it is done with
  EXPECT_EQ(in.release(), 6u);
  in.arrive_end();
  EXPECT_FALSE(in.ended());
  EXPECT_TRUE(in.take().last);
  EXPECT_TRUE(in.ended());
}

TEST(Http2Inflow, is_copied_and_given_back_when_all_is_taken) {
  Http2Inflow in;
  in.arrive("abcdef");
  char room[4];
  std::size_t freed = 1;
  EXPECT_EQ(in.copy_out(room, freed), 4u);
  EXPECT_EQ(freed, 0u);
  EXPECT_EQ(in.waiting(), "ef");
  EXPECT_EQ(in.copy_out(room, freed), 2u);
  EXPECT_EQ(freed, 6u);
  EXPECT_FALSE(in.at_hand());
}

TEST(Http2Inflow, dropping_leaves_the_piece_that_was_pulled) {
  Http2Inflow in;
  in.arrive("abc");
  const BodyPiece piece = in.take();
  in.arrive("de");
  EXPECT_EQ(in.drop(), 2u);
  EXPECT_EQ(piece.bytes, "abc");
  EXPECT_EQ(in.release(), 3u);
}

TEST(Http2Inflow, reads_trailers) {
  Http2Inflow in;
  EXPECT_EQ(in.take_trailer("x-sum", "6"), 38u);
  EXPECT_EQ(in.take_trailer("x-end", ""), 75u);
  EXPECT_TRUE(in.finish_trailers());
  ASSERT_EQ(in.trailers().size(), 2u);
  EXPECT_EQ(in.trailers()[0].value, "6");
  EXPECT_EQ(in.trailers()[1].name, "x-end");
}

TEST(Http2Inflow, refuses_trailers_that_hold_a_line_end_or_too_much) {
  Http2Inflow split;
  split.take_trailer("x-sum", "6\r\nx-more: 7");
  EXPECT_FALSE(split.finish_trailers());
  Http2Inflow large;
  large.take_trailer("x-sum", std::string(16 * 1024, '6'));
  EXPECT_FALSE(large.finish_trailers());
  Http2Inflow many;
  for (int i = 0; i < 65; ++i) many.take_trailer("x", "");
  EXPECT_FALSE(many.finish_trailers());
}

TEST(Http2Outflow, a_small_piece_is_taken_over_and_a_large_one_lent) {
  Http2Outflow out;
  {
    const std::string small = "small";
    EXPECT_TRUE(out.put({small, false}));
  }
  const std::string large(Http2Outflow::kept_piece + 1, 'x');
  EXPECT_FALSE(out.put({large, true}));
  bool last = true;
  EXPECT_EQ(taken(out, 3, &last), "sma");
  EXPECT_FALSE(last);
  EXPECT_EQ(taken(out, 10, &last), "llxxxxxxxx");
  EXPECT_FALSE(out.taken());
  EXPECT_EQ(taken(out, large.size(), &last).size(), large.size() - 8);
  EXPECT_TRUE(last);
  EXPECT_TRUE(out.taken() && out.end_sent());
}

TEST(Http2Outflow, waits_when_there_is_nothing) {
  Http2Outflow out;
  char room[8];
  EXPECT_TRUE(out.outgoing(room).wait);
  out.put({"", true});
  const Http2Outgoing end = out.outgoing(room);
  EXPECT_TRUE(end.last);
  EXPECT_FALSE(end.wait);
}

TEST(Http2Outflow, what_is_cut_does_not_look_whole) {
  Http2Outflow out;
  const std::string large(Http2Outflow::kept_piece + 1, 'x');
  out.put({large, true});
  taken(out, 5);
  out.cut();
  char room[8];
  const Http2Outgoing rest = out.outgoing(room);
  EXPECT_TRUE(rest.wait);
  EXPECT_FALSE(rest.last);
}

TEST(Http2Outflow, trailers_outlive_what_they_came_from) {
  Http2Outflow out;
  {
    const std::string name = "x-sum", value = "6";
    out.keep_trailers({{name, value, HeaderId::other}});
  }
  out.put({"", true});
  char room[8];
  const Http2Outgoing end = out.outgoing(room);
  ASSERT_EQ(end.trailers->size(), 1u);
  EXPECT_EQ(end.trailers->front().value, "6");
}

}  // namespace
}  // namespace gatehouse
