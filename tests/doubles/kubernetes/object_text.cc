#include "tests/doubles/kubernetes/object_text.h"

#include "config/kubernetes/tree.h"

#include <charconv>
#include <stdexcept>

namespace gatehouse::kubernetes::fake {
namespace {

// YAML 1.1's plain scalars, as far as manifests use them.
json::value scalar(std::string_view text, bool quoted) {
  const json::value as_text = json::value(json::string_view(text));
  if (quoted) return as_text;
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  std::int64_t number = 0;
  const auto whole = std::from_chars(text.data(), text.data() + text.size(), number);
  if (whole.ec == std::errc() && whole.ptr == text.data() + text.size()) return number;
  double real = 0;
  const auto part = std::from_chars(text.data(), text.data() + text.size(), real);
  const bool is_real = part.ec == std::errc() && part.ptr == text.data() + text.size() &&
                       text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
  return is_real ? json::value(real) : as_text;
}

json::value to_json(const Value& value) {
  if (value.is_map()) {
    json::object object;
    for (const Value child : value) object.emplace(child.key(), to_json(child));
    return object;
  }
  if (value.is_list()) {
    json::array list;
    for (const Value child : value) list.push_back(to_json(child));
    return list;
  }
  return value.is_text() ? scalar(value.text(), value.quoted()) : json::value();
}

json::value parse_yaml(std::string_view text) {
  const Tree tree(text, 1);
  if (!tree.failure().words.empty()) throw std::runtime_error("YAML: " + tree.failure().words);
  return tree.root().given() ? to_json(tree.root()) : json::value();
}

std::vector<std::string_view> documents(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.substr(at, end - at).starts_with("---")) {
      parts.push_back(text.substr(start, at - start));
      start = at;
    }
    at = end + 1;
  }
  parts.push_back(text.substr(std::min(start, text.size())));
  return parts;
}

void add(const json::value& value, std::vector<json::object>& objects) {
  if (value.is_null()) return;
  if (!value.is_object()) throw std::runtime_error("not an object");
  const auto& object = value.get_object();
  const json::value* items = object.if_contains("items");
  if (items == nullptr || !items->is_array()) {
    objects.push_back(object);
    return;
  }
  for (const auto& item : items->get_array()) add(item, objects);
}

}  // namespace

std::vector<json::object> parse_objects(std::string_view text) {
  std::vector<json::object> objects;
  boost::system::error_code error;
  if (const json::value value = json::parse(text, error); !error) {
    add(value, objects);
    return objects;
  }
  for (const auto document : documents(text)) add(parse_yaml(document), objects);
  return objects;
}

std::string encode_base64(std::string_view text) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= std::min<std::size_t>(text.size() - i, 3) ? letters[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

}  // namespace gatehouse::kubernetes::fake
