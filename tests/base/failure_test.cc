#include "base/failure.h"

#include "base/result.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace gatehouse {
namespace {

TEST(Failure, every_row_has_a_name_of_its_own_and_words) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(FailureKind::internal); ++i) {
    const FailureRow& failure = row(static_cast<FailureKind>(i));
    EXPECT_TRUE(names.insert(failure.name).second) << failure.name;
    EXPECT_FALSE(failure.words.empty()) << failure.name;
    EXPECT_TRUE(failure.status == 0 || (failure.status >= 400 && failure.status < 600)) << failure.name;
    EXPECT_EQ(failure.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << failure.name;
    // Trying again makes sense only where an upstream failed.
    EXPECT_TRUE(!failure.another_may_succeed || failure.fault == Fault::upstream) << failure.name;
  }
}

// The rows are found by position: one of each block, and the last.
TEST(Failure, rows_are_in_the_order_of_their_kinds) {
  EXPECT_EQ(row(FailureKind::bad_request).name, "bad_request");
  EXPECT_EQ(row(FailureKind::head_too_large).status, 431);
  EXPECT_EQ(row(FailureKind::uri_too_long).status, 414);
  EXPECT_EQ(row(FailureKind::no_route).name, "no_route");
  EXPECT_EQ(row(FailureKind::no_service).status, 503);
  EXPECT_EQ(row(FailureKind::connect_failed).name, "connect_failed");
  EXPECT_EQ(row(FailureKind::answer_truncated).name, "answer_truncated");
  EXPECT_EQ(row(FailureKind::idle).name, "idle");
  EXPECT_EQ(row(FailureKind::bad_configuration).name, "bad_configuration");
  EXPECT_EQ(row(FailureKind::internal).name, "internal");
}

TEST(Failure, describes_itself) {
  EXPECT_EQ(describe(Failure(FailureKind::no_route)), "no route matches");
  EXPECT_EQ(describe(Failure(FailureKind::no_route, "a/b")), "no route matches: a/b");
}

TEST(Failure, asking_a_failed_result_for_its_value_is_a_bug) {
  const Result<int> failed = Failure(FailureKind::no_route, "a/b");
  EXPECT_THROW((void)failed.value(), std::logic_error);
}

}  // namespace
}  // namespace gatehouse
