#include "proxy/http/http2_answer_head.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace gatehouse {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

constexpr std::size_t limit = 4096;

struct Read {
  Http2AnswerHead text{limit};
  ResponseHead head;
  Result<void> result;

  Read(const Fields& fields, bool last = false, std::string_view method = "GET") {
    for (const auto& [name, value] : fields) text.add(name, value);
    result = text.finish(last, {.target_bytes = 0, .fields = 16}, method, head);
  }
};

TEST(Http2AnswerHead, a_body_without_a_length_has_a_certain_end) {
  const Read read({{":status", "200"}, {"x-one", "1"}});
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.head.status, 200);
  EXPECT_EQ(read.head.reason, "OK");
  EXPECT_EQ(read.head.find("x-one"), "1");
  EXPECT_EQ(read.head.body, (BodyFraming{BodyKind::chunked, 0}));
}

TEST(Http2AnswerHead, a_stated_length_counts) {
  const Read read({{":status", "200"}, {"content-length", "12"}});
  ASSERT_TRUE(read.result);
  EXPECT_EQ(read.head.body, (BodyFraming{BodyKind::length, 12}));
}

TEST(Http2AnswerHead, some_answers_have_no_body) {
  for (const std::string_view status : {"204", "304", "103"}) {
    const Read read({{":status", status}});
    ASSERT_TRUE(read.result) << status;
    EXPECT_EQ(read.head.body.kind, BodyKind::none) << status;
  }
  const Read head({{":status", "200"}, {"content-length", "12"}}, true, "HEAD");
  ASSERT_TRUE(head.result);
  EXPECT_EQ(head.head.body.kind, BodyKind::none);
}

TEST(Http2AnswerHead, refuses_what_http1_could_read_otherwise) {
  const std::vector<Fields> refused = {
      {},
      {{"x", "1"}},
      {{"x", "1"}, {":status", "200"}},
      {{":status", "200"}, {":status", "200"}},
      {{":status", "20"}},
      {{":status", "2000"}},
      {{":status", "099"}},
      {{":status", "2 0"}},
      {{":status", "101"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {"a:b", "1"}},
      {{":status", "200"}, {"", "1"}},
      {{":status", "200"}, {"x", "a\r\nset-cookie: b"}},
      {{":status", "200"}, {"x\r\ny", "1"}},
      {{":status", "200"}, {"x", std::string_view("a\0b", 3)}},
      {{":status", "200"}, {"x y", "1"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}},
      {{":status", "200"}, {"content-length", "-1"}},
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    const Read read(refused[i]);
    EXPECT_FALSE(read.result) << i;
    EXPECT_TRUE(read.result || read.result.error().kind == FailureKind::bad_answer) << i;
  }
  const std::string large(limit, 'x');
  EXPECT_FALSE(Read({{":status", "200"}, {"x", large}}).result);
}

TEST(Http2AnswerHead, refuses_an_end_before_the_body) {
  EXPECT_FALSE(Read({{":status", "200"}, {"content-length", "1"}}, true).result);
  EXPECT_FALSE(Read({{":status", "103"}}, true).result);
  EXPECT_TRUE(Read({{":status", "200"}, {"content-length", "0"}}, true).result);
  EXPECT_TRUE(Read({{":status", "200"}}, true).result);
}

TEST(Http2AnswerHead, counts_what_it_does_not_keep) {
  Http2AnswerHead text(limit);
  const std::string value(1000, 'v');
  for (int i = 0; i < 100; ++i) text.add("x", value);
  EXPECT_EQ(text.size(), 100u * (1 + 1000 + 32));
}

}  // namespace
}  // namespace gatehouse
