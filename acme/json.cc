#include "acme/json.h"

#include <boost/json.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

constexpr std::size_t max_document = 1024 * 1024;
constexpr std::size_t max_text = 4096;
constexpr std::size_t max_elements = 200;

template <class Each>
void for_each_at(const json::object& object, std::string_view key, Each each) {
  const json::value* found = object.if_contains(key);
  const json::array* list = found != nullptr ? found->if_array() : nullptr;
  if (list == nullptr) return;
  for (std::size_t i = 0; i < std::min(list->size(), max_elements); ++i) each((*list)[i]);
}

}  // namespace

Result<json::object> parse_object(std::string_view text) {
  if (text.size() > max_document) return Failure(FailureKind::bad_answer, "the JSON is larger than 1 MiB");
  json::error_code error;
  json::parse_options options;
  options.max_depth = 16;
  json::value value = json::parse(text, error, {}, options);
  if (error) return Failure(FailureKind::bad_answer, "not JSON: " + error.message());
  if (!value.is_object()) return Failure(FailureKind::bad_answer, "JSON, but not an object");
  return std::move(value.get_object());
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr || !found->is_string()) return {};
  const json::string& text = found->get_string();
  return std::string(text.data(), std::min(text.size(), max_text));
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  for_each_at(object, key, [&](const json::value& value) {
    if (const json::string* text = value.if_string())
      texts.emplace_back(text->data(), std::min(text->size(), max_text));
  });
  return texts;
}

std::vector<json::object> objects_at(const json::object& object, std::string_view key) {
  std::vector<json::object> objects;
  for_each_at(object, key, [&](const json::value& value) {
    if (const json::object* element = value.if_object()) objects.push_back(*element);
  });
  return objects;
}

json::object object_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  const json::object* member = found != nullptr ? found->if_object() : nullptr;
  return member != nullptr ? *member : json::object();
}

bool flag_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

}  // namespace gatehouse::acme
