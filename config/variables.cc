#include "config/variables.h"

#include "config/problem.h"

namespace gatehouse {
namespace {

constexpr std::string_view name_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

// What stands between `${` and `}`.
struct Reference {
  std::string_view name;
  std::string_view fallback;
  bool has_fallback = false;
};

Reference parse_reference(std::string_view inside) {
  const auto end = std::min(inside.find_first_not_of(name_characters), inside.size());
  const auto rest = inside.substr(end);
  if (rest.starts_with(":-")) return {inside.substr(0, end), rest.substr(2), true};
  return {rest.empty() ? inside : std::string_view(), {}, false};
}

// Calls plain(text) and reference(inside) for the pieces in turn; false when a `${` has no end.
template <class Plain, class Inside>
bool for_each_piece(std::string_view text, Plain plain, Inside reference) {
  while (!text.empty()) {
    const auto start = text.find("${");
    if (start == std::string_view::npos) return plain(text), true;
    if (start > 0 && text[start - 1] == '$') {
      plain(text.substr(0, start - 1));
      plain(std::string_view("${"));
      text.remove_prefix(start + 2);
      continue;
    }
    plain(text.substr(0, start));
    const auto end = text.find('}', start);
    if (end == std::string_view::npos) return false;
    reference(text.substr(start + 2, end - start - 2));
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

std::string with_variables(std::string_view text, const std::map<std::string, std::string>& variables,
                           std::size_t most_bytes, std::vector<std::string>& complaints) {
  std::string result;
  const auto append = [&](std::string_view piece) {
    result += piece.substr(0, most_bytes - std::min(most_bytes, result.size()));
  };
  const auto replace = [&](std::string_view inside) {
    const auto reference = parse_reference(inside);
    const auto variable = variables.find(std::string(reference.name));
    const bool set = variable != variables.end() && (!variable->second.empty() || !reference.has_fallback);
    if (reference.name.empty()) {
      complaints.push_back(quoted(inside) + " in ${} is not a variable name; write $${ for a literal ${");
    } else if (set) {
      append(variable->second);
    } else if (reference.has_fallback) {
      append(reference.fallback);
    } else {
      complaints.push_back("the environment variable " + std::string(reference.name.substr(0, 80)) +
                           " is not set; ${NAME:-default} gives a default");
    }
  };
  if (!for_each_piece(text, append, replace)) complaints.push_back("a ${ has no }; write $${ for a literal ${");
  return result;
}

std::vector<std::string> variables_in(std::string_view text) {
  std::vector<std::string> names;
  for_each_piece(
      text, [](std::string_view) {},
      [&](std::string_view inside) { names.emplace_back(parse_reference(inside).name); });
  return names;
}

}  // namespace gatehouse
