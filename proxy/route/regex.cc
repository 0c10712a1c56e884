#include "proxy/route/regex.h"

#include <re2/re2.h>

namespace gatehouse {
namespace {

re2::RE2::Options options(Regex::Letters letters) {
  re2::RE2::Options chosen;
  chosen.set_max_mem(Regex::memory);
  chosen.set_log_errors(false);
  chosen.set_never_capture(true);
  chosen.set_case_sensitive(letters == Regex::Letters::exact);
  return chosen;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern, Letters letters) {
  if (pattern.size() > longest_pattern)
    return Failure(FailureKind::bad_configuration,
                   "the regular expression is longer than " + std::to_string(longest_pattern) + " bytes");
  auto compiled = std::make_shared<const re2::RE2>(piece(pattern), options(letters));
  if (!compiled->ok())
    return Failure(FailureKind::bad_configuration, "the regular expression is refused: " + compiled->error());
  return Regex(std::move(compiled));
}

bool Regex::found_in(std::string_view text) const { return re2::RE2::PartialMatch(piece(text), *compiled_); }

Result<void> check_path_regex(std::string_view pattern) {
  auto compiled = Regex::compile(pattern);
  if (!compiled) return compiled.error();
  return {};
}

}  // namespace gatehouse
