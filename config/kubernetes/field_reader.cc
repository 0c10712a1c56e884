#include "config/kubernetes/field_reader.h"

#include "config/kubernetes/manifest.h"
#include "config/problem_reasons.h"

#include <algorithm>
#include <charconv>

namespace gatehouse::kubernetes {
namespace {

std::string found(const Value& value) {
  if (value.is_map()) return "a map";
  if (value.is_list()) return "a list";
  return quoted(value.text());
}

bool parse_integer(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_name(std::string_view text) {
  return text.size() <= FieldReader::longest_name &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
}

}  // namespace

void FieldReader::refuse(const Value& at, const std::string& words) {
  refused_ = true;
  if (problems_.size() >= most_problems) return;
  const std::string path = at.path();
  problems_.push_back({file_, at.line(), at.column(), Severity::error, object_,
                       (path.empty() ? "" : path + ": ") + words, reasons::invalid_object});
}

Value FieldReader::of_kind(const Value& parent, std::string_view field, Tree::Kind kind, std::string_view words) {
  const Value value = parent[field];
  if (!value.given() || value.kind() == kind) return value;
  refuse(value, "expected " + std::string(words) + ", found " + found(value));
  return parent[""][""];
}

Value FieldReader::map(const Value& parent, std::string_view field) {
  return of_kind(parent, field, Tree::Kind::map, "a map");
}

Value FieldReader::list(const Value& parent, std::string_view field) {
  return of_kind(parent, field, Tree::Kind::list, "a list");
}

std::string FieldReader::text_of(const Value& value, std::size_t longest) {
  if (!value.given()) return {};
  if (!value.is_text()) {
    refuse(value, "expected text, found " + found(value));
    return {};
  }
  if (value.text().size() > longest) {
    refuse(value, "longer than " + std::to_string(longest) + " bytes: " + quoted(value.text()));
    return {};
  }
  return std::string(value.text());
}

std::string FieldReader::text(const Value& parent, std::string_view field, std::size_t longest) {
  return text_of(parent[field], longest);
}

std::string FieldReader::name(const Value& parent, std::string_view field) {
  std::string text = text_of(parent[field], longest_name);
  if (!is_name(text)) refuse(parent[field], quoted(text) + " is not a name");
  return text;
}

bool FieldReader::boolean(const Value& parent, std::string_view field, bool otherwise) {
  const Value value = parent[field];
  if (!value.given()) return otherwise;
  const std::string_view text = value.text();
  if (value.is_text() && !value.quoted()) {
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
  }
  refuse(value, "expected true or false, found " + found(value));
  return otherwise;
}

std::int64_t FieldReader::integer(const Value& parent, std::string_view field, std::int64_t otherwise,
                                  std::int64_t least, std::int64_t most) {
  const Value value = parent[field];
  if (!value.given()) return otherwise;
  std::int64_t number = 0;
  if (value.is_text() && !value.quoted() && parse_integer(value.text(), number) && number >= least && number <= most)
    return number;
  refuse(value,
         "expected a number from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + found(value));
  return otherwise;
}

std::uint16_t FieldReader::port_number(const Value& parent, std::string_view field) {
  return static_cast<std::uint16_t>(integer(parent, field, 0, 1, 65535));
}

PortRef FieldReader::port(const Value& parent, std::string_view field) {
  const Value value = parent[field];
  std::int64_t number = 0;
  if (value.is_text() && parse_integer(value.text(), number)) {
    if (number < 1 || number > 65535) refuse(value, quoted(value.text()) + " is not a port");
    return {static_cast<std::uint16_t>(number), ""};
  }
  return {0, name(parent, field)};
}

std::vector<std::string> FieldReader::texts(const Value& parent, std::string_view field) {
  std::vector<std::string> texts;
  for (const Value item : list(parent, field)) texts.push_back(text_of(item));
  return texts;
}

TextMap FieldReader::text_map(const Value& parent, std::string_view field, bool (*wanted)(std::string_view key)) {
  TextMap texts;
  for (const Value item : map(parent, field))
    if (wanted(item.key())) texts.emplace(item.key(), text_of(item));
  return texts;
}

}  // namespace gatehouse::kubernetes
