// NamePattern: some DNS names, as settings write them: `a.example` itself, `*.example` for everything below it however
// deep, `*` for all. ◦ pure
#pragma once

#include "base/names.h"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

class NamePattern {
 public:
  static std::optional<NamePattern> parse(std::string_view text);

  // `*.x` covers a.x and a.b.x and the wildcard *.x, not x.
  bool covers(std::string_view host) const;
  bool is_exact() const { return exact_; }
  bool operator==(const NamePattern&) const = default;
  // Normalised; of `*.example` that is `.example`, of `*` nothing.
  const std::string& text() const { return text_; }

 private:
  NamePattern(std::string text, bool exact) : text_(std::move(text)), exact_(exact) {}

  std::string text_;
  bool exact_;
};

}  // namespace gatehouse
