// The tables of hostile heads, read by the parser alone.
#include "tests/proxy/http/hostile_requests.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using hostile::field_cases;
using hostile::head_cases;

TEST(HostileRequest, fields_are_taken_or_refused) {
  for (const auto& test : field_cases) {
    const std::string head = post(test.bytes);
    EXPECT_EQ(outcome(head), test.outcome) << test.row << "\n" << head;
  }
}

TEST(HostileRequest, heads_are_taken_or_refused) {
  for (const auto& test : head_cases) EXPECT_EQ(outcome(test.bytes), test.outcome) << test.row << "\n" << test.bytes;
}

// What arrives in two pieces, cut anywhere, or byte by byte, gets the same verdict as in one.
TEST(HostileRequest, pieces_change_nothing) {
  const auto end_of = [](std::string_view bytes, std::size_t first, std::size_t step) -> std::string {
    HeadEnd end;
    for (std::size_t have = first;; have = std::min(have + step, bytes.size())) {
      const auto size = end.find(bytes.substr(0, have));
      if (!size) return std::string(row(size.error().kind).name);
      if (*size > 0 || have == bytes.size()) return std::to_string(*size);
    }
  };
  std::vector<std::string> heads;
  for (const auto& test : field_cases) heads.push_back(post(test.bytes));
  for (const auto& test : head_cases) heads.emplace_back(test.bytes);
  for (const std::string& head : heads) {
    const std::string whole = end_of(head, head.size(), 1);
    EXPECT_EQ(end_of(head, 0, 1), whole) << head;
    for (std::size_t cut = 0; cut <= head.size(); ++cut) ASSERT_EQ(end_of(head, cut, head.size()), whole) << head;
  }
}

}  // namespace
}  // namespace gatehouse
