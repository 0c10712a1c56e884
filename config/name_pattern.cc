#include "config/name_pattern.h"

namespace gatehouse {

std::optional<NamePattern> NamePattern::parse(std::string_view text) {
  if (text == "*") return NamePattern("", false);
  const auto name = HostName::parse_with_wildcard(text);
  if (!name) return std::nullopt;
  return name->is_wildcard() ? NamePattern(name->text().substr(1), false) : NamePattern(name->text(), true);
}

bool NamePattern::covers(std::string_view host) const {
  return exact_ ? host == text_ : host.size() > text_.size() && host.ends_with(text_);
}

}  // namespace gatehouse
