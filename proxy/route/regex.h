// Regex: a compiled regular expression in Go's and Traefik's dialect (RE2), found anywhere in the text. Matching is
// linear in the text; the memory of one expression is bounded.
#pragma once

#include "base/result.h"

#include <memory>
#include <string_view>

namespace re2 {
class RE2;
}

namespace gatehouse {

class Regex {
 public:
  static constexpr std::size_t longest_pattern = 4096;  // bytes
  static constexpr std::size_t memory = 256 * 1024;     // bytes for program and automaton of one expression

  enum class Letters : bool { exact, any_case };

  // Fails with RE2's own words, or when the pattern is too long or its program too large.
  static Result<Regex> compile(std::string_view pattern, Letters letters = Letters::exact);
  bool found_in(std::string_view text) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

// Whether a route may carry this pattern as a path of kind regex.
Result<void> check_path_regex(std::string_view pattern);

}  // namespace gatehouse
