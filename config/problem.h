// Problem: one complaint about configuration, as a value. Everything in config/ reports what it does not like as a
// list of these and goes on; whoever asked decides whether an error ends the program (settings at start), costs one
// object (manifests) or nothing (warnings).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

enum class Severity { error, warning };

// The words are one sentence without a final stop, lower case at the start, and name what to do where that is
// not plain. They may quote the input, shortened by `quoted`.
struct Problem {
  std::string file = {};  // a path; `environment variable X` or `--set x=…` for overrides; empty: nowhere in particular
  int line = 0;  // from 1; 0 = unknown
  int column = 0;  // from 1; 0 = unknown
  Severity severity = Severity::error;
  std::string object = {};  // `Ingress gitlab/web`; in the settings the key, `entryPoints.web.address`
  std::string words = {};
  std::string_view reason = {};  // one of problem_reasons.h; empty: none

  bool operator==(const Problem&) const = default;

  // `file:line:column: error|warning: object: words`, leaving out what is not known.
  std::string text() const {
    std::string text = file;
    if (line > 0) text += ":" + std::to_string(line);
    if (line > 0 && column > 0) text += ":" + std::to_string(column);
    if (!text.empty()) text += ": ";
    text += severity == Severity::error ? "error: " : "warning: ";
    if (!object.empty()) text += object + ": ";
    return text + words;
  }
};

inline bool has_error(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(), [](const auto& p) { return p.severity == Severity::error; });
}

// Foreign text for use in a message: in single quotes, at most 80 bytes, control characters as '?'.
// An object and not a function, for else std::quoted would be found first for a std::string.
inline constexpr auto quoted = [](std::string_view text) {
  std::string safe(text.substr(0, 80));
  const auto in_character = [&] { return (text[safe.size()] & 0xc0) == 0x80; };  // of UTF-8: not its first byte
  while (safe.size() < text.size() && !safe.empty() && in_character()) safe.pop_back();
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return "'" + safe + (text.size() > 80 ? "…'" : "'");
};

}  // namespace gatehouse
