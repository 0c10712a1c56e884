#include "config/kubernetes/answer_fields.h"

#include <boost/json/parse.hpp>

#include <exception>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t most_bytes = 2 << 20;

const boost::json::value* member(const boost::json::object& parent, std::string_view key) {
  return parent.if_contains(key);
}

}  // namespace

Result<boost::json::object> read_object(std::string_view text) {
  if (text.size() > most_bytes) return Failure(FailureKind::bad_answer, "an object of more than 2 MiB");
  error_code error;
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::json::value value = boost::json::parse(text, error, {}, options);
  if (error) return Failure(FailureKind::bad_answer, "no JSON: " + error.message());
  if (!value.is_object()) return Failure(FailureKind::bad_answer, "no JSON object");
  return std::move(value.get_object());
}

const boost::json::object& object_in(const boost::json::object& parent, std::string_view key) {
  static const boost::json::object none;
  const auto* value = member(parent, key);
  return value != nullptr && value->is_object() ? value->get_object() : none;
}

std::string text_in(const boost::json::object& parent, std::string_view key) {
  const auto* value = member(parent, key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t number_in(const boost::json::object& parent, std::string_view key) {
  const auto* value = member(parent, key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace gatehouse::kubernetes
