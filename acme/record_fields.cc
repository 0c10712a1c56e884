#include "acme/record_fields.h"

#include "acme/time_text.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

void FieldWriter::words(const char* field, const std::vector<std::string>& words) {
  std::string joined;
  for (const auto& word : words) joined.append(joined.empty() ? "" : " ").append(word);
  text(field, std::move(joined));
}

void FieldWriter::names(const char* field, const std::vector<HostName>& names) {
  std::vector<std::string> texts;
  for (const HostName& name : names) texts.push_back(name.text());
  words(field, texts);
}

void FieldWriter::time(const char* field, WallTime time) { text(field, time_text(time)); }

FieldReader::FieldReader(const Record& record, RecordKind expected) : record_(record) {
  if (record.kind != expected) trouble_ = record.name + ": a record of another kind";
}

void FieldReader::complain(const std::string& field, std::string_view words) {
  if (trouble_.empty()) trouble_ = record_.name + ": field " + field + " " + std::string(words);
}

std::string FieldReader::text(const std::string& field, std::size_t max) {
  const auto found = record_.fields.find(field);
  if (found == record_.fields.end()) {
    complain(field, "is missing");
    return {};
  }
  if (found->second.size() > max) {
    complain(field, "has more than " + std::to_string(max) + " bytes");
    return {};
  }
  return found->second;
}

std::string FieldReader::optional_word(const std::string& field, std::size_t max) {
  std::string value = text(field, max);
  if (is_word(value)) return value;
  complain(field, "has spaces or bytes that are not ASCII");
  return {};
}

std::string FieldReader::word(const std::string& field, std::size_t max) {
  std::string value = optional_word(field, max);
  if (value.empty()) complain(field, "is empty");
  return value;
}

std::vector<std::string> FieldReader::words(const std::string& field, std::size_t max_count, std::size_t max) {
  const std::string value = text(field, max_count * (max + 1));
  const auto parts = split(value, ' ');
  if (parts.size() > max_count) complain(field, "has more than " + std::to_string(max_count) + " words");
  std::vector<std::string> words;
  for (const auto part : parts) {
    if (part.empty() || part.size() > max || !is_word(part)) complain(field, "is malformed");
    words.emplace_back(part);
  }
  return words;
}

std::vector<HostName> FieldReader::names(const std::string& field, std::size_t max_count) {
  std::vector<HostName> names;
  for (const auto& part : words(field, max_count, 256)) {
    auto name = HostName::parse_with_wildcard(part);
    if (!name) {
      complain(field, "holds a word that is no DNS name");
      return {};
    }
    names.push_back(std::move(*name));
  }
  if (names.empty()) complain(field, "holds no names");
  return names;
}

std::string FieldReader::pem(const std::string& field, std::size_t max) {
  std::string value = text(field, max);
  if (value.find("-----BEGIN ") == std::string::npos) complain(field, "is not PEM");
  return value;
}

WallTime FieldReader::time(const std::string& field) {
  const auto time = parse_time(text(field, 32));
  if (!time) complain(field, "is not a time like 2026-01-31T10:20:30Z");
  return time.value_or(WallTime());
}

bool FieldReader::flag(const std::string& field) {
  if (!has(field)) return false;
  const bool yes = text(field, 8) == "yes";
  if (!yes) complain(field, "is not 'yes'");
  return yes;
}

}  // namespace gatehouse::acme
