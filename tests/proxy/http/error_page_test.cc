#include "proxy/http/error_page.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

TEST(ErrorPage, says_status_reason_and_words) {
  EXPECT_EQ(error_page(FailureKind::no_route), "404 Not Found\nno route matches\n");
  EXPECT_EQ(error_page(FailureKind::no_endpoint), "503 Service Unavailable\nthe service has no ready endpoint\n");
}

TEST(ErrorPage, every_status_that_can_be_answered_has_a_reason) {
  for (int kind = 0; kind <= static_cast<int>(FailureKind::internal); ++kind) {
    const FailureRow& failure = row(static_cast<FailureKind>(kind));
    if (failure.status == 0 || failure.status == 499) continue;  // 499 is for the log: nobody is there to read it
    EXPECT_NE(reason_phrase(failure.status), "") << failure.name;
  }
  EXPECT_EQ(reason_phrase(799), "");
}

}  // namespace
}  // namespace gatehouse
