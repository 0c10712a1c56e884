// The rule language of Traefik v3 (`HostSNI(`a.example`) && !ClientIP(`10.0.0.0/8`)`): text to expression tree. What
// a matcher means is its user's business (tcp_route.cc).
//
//   any   = all { "||" all }          all  = unary { "&&" unary }
//   unary = "!" unary | "(" any ")" | name "(" string { "," string } ")"
//   string = `raw` | "with Go's escapes \\ \" \a \b \f \n \r \t \v \xHH"
//
// White space, line breaks included, may stand between all of these. A name is accepted as written in the matcher
// table, all lower, ALL UPPER or Title case.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

struct Rule {
  enum class Kind : std::uint8_t { call, negation, all, any };

  Kind kind = Kind::call;
  std::string name;                    // call: as in the matcher table
  std::vector<std::string> arguments;  // call: never empty strings
  std::size_t column = 1;              // call: byte of the rule at which it stands, from 1
  std::vector<Rule> operands;          // negation: one; all, any: two or more
};

// A matcher that a rule may call.
struct RuleMatcher {
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  std::string_view name;
  std::size_t min_arguments = 1;
  std::size_t max_arguments = 1;
};

constexpr std::size_t longest_rule = 4096;  // bytes
constexpr int deepest_rule = 32;            // parentheses and negations inside each other

// Errors say the column, what was expected, and the nearest name for an unknown one.
Result<Rule> parse_rule(std::string_view text, std::span<const RuleMatcher> matchers);

// "column 7: words", as parse_rule says it.
Failure rule_failure(std::size_t column, std::string_view words);

}  // namespace gatehouse
