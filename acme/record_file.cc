#include "acme/record_file.h"

#include "acme/record_fields.h"
#include "tls/digest.h"

#include <algorithm>
#include <charconv>

namespace gatehouse::acme {
namespace {

constexpr std::string_view checksum_start = "Checksum: sha256 ";
constexpr std::string_view contents_start = "Contents: ";

Failure damaged(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

bool holds_key(std::string_view value) { return value.find("PRIVATE KEY-----") != std::string_view::npos; }

bool has_control_bytes(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; });
}

// Stands below the header lines, as it is.
bool is_body(std::string_view value) { return value.starts_with("-----BEGIN ") || has_control_bytes(value); }

std::string header_line(std::string_view name, std::string_view value) {
  std::string line = std::string(name) + ": ";
  for (const char c : value) line.append(1, c).append(c == '\n' ? " " : "");
  return line + "\n";
}

std::string record_line(RecordKind kind, std::string_view name) {
  return "Record: " + std::string(kind_name(kind)) + " " + std::string(name) + "\n";
}

// In the order of the file: keys, the rest, last what would run into a line of the next.
std::vector<std::pair<std::string_view, std::string_view>> bodies(const Record& record) {
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  for (const auto& [name, value] : record.fields)
    if (is_body(value)) fields.emplace_back(name, value);
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) {
    const auto rank = [](std::string_view value) { return std::pair(!value.ends_with('\n'), !holds_key(value)); };
    return rank(a.second) < rank(b.second);
  });
  return fields;
}

// Takes the text through the next line break that no space follows, without that break.
std::optional<std::string_view> take_line(std::string_view& text) {
  std::size_t end = text.find('\n');
  while (end != std::string_view::npos && end + 1 < text.size() && text[end + 1] == ' ') end = text.find('\n', end + 1);
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::string unfolded(std::string_view value) {
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    plain += value[i];
    if (value[i] == '\n') ++i;  // the space that follows every line break
  }
  return plain;
}

bool take_contents(std::string_view list, std::string_view body, Record& record) {
  const auto words = split(list, ' ');
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(words[i + 1].data(), words[i + 1].data() + words[i + 1].size(), size);
    if (error != std::errc() || end != words[i + 1].data() + words[i + 1].size() || size > body.size()) return false;
    if (!is_field_name(words[i])) return false;
    record.fields[std::string(words[i])] = body.substr(0, size);
    body.remove_prefix(size);
  }
  return words.size() % 2 == 0 && body.empty();
}

bool take_fields(std::string_view text, Record& record) {
  for (;;) {
    const auto line = take_line(text);
    if (!line) return false;
    if (line->starts_with(contents_start)) {
      const bool gap = text.starts_with('\n');
      return gap && take_contents(line->substr(contents_start.size()), text.substr(1), record);
    }
    const auto colon = line->find(": ");
    if (colon == std::string_view::npos || !is_field_name(line->substr(0, colon))) return false;
    record.fields[std::string(line->substr(0, colon))] = unfolded(line->substr(colon + 2));
  }
}

}  // namespace

std::string_view kind_name(RecordKind kind) {
  switch (kind) {
    case RecordKind::account: return "account";
    case RecordKind::certificate: return "certificate";
    case RecordKind::order: return "order";
    case RecordKind::challenge: return "challenge";
    case RecordKind::ledger: break;
  }
  return "ledger";
}

bool is_record_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' && name[0] != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

Result<std::string> file_text(const Record& record) {
  if (!is_record_name(record.name)) return Failure(FailureKind::internal, "'" + record.name + "' names no record");
  std::string rest = record_line(record.kind, record.name);
  for (const auto& [name, value] : record.fields) {
    if (!is_field_name(name)) return Failure(FailureKind::internal, record.name + ": '" + name + "' names no field");
    if (!is_body(value)) rest += header_line(name, value);
  }
  std::string body, contents(contents_start);
  for (const auto& [name, value] : bodies(record)) {
    contents.append(body.empty() ? "" : " ").append(name).append(" ").append(std::to_string(value.size()));
    body += value;
  }
  rest += contents + "\n\n" + body;
  if (rest.size() + 128 > max_record_bytes) return Failure(FailureKind::internal, record.name + ": larger than 2 MiB");
  return std::string(checksum_start) + tls::hex(tls::digest(tls::Hash::sha256, rest)) + "\n" + rest;
}

Result<Record> parse_file_text(std::string_view text, RecordKind kind, std::string_view name) {
  if (!text.starts_with(checksum_start)) return damaged("does not begin with a checksum");
  const auto line_end = text.find('\n');
  if (line_end == std::string_view::npos) return damaged("is cut short or was changed: its checksum is wrong");
  const auto checksum = text.substr(checksum_start.size(), line_end - checksum_start.size());
  std::string_view rest = text.substr(line_end + 1);
  if (checksum != tls::hex(tls::digest(tls::Hash::sha256, rest)))
    return damaged("is cut short or was changed: its checksum is wrong");
  const std::string first = record_line(kind, name);
  if (!rest.starts_with(first)) return damaged("holds another record than its name says");
  Record record{kind, std::string(name), {}};
  if (!take_fields(rest.substr(first.size()), record)) return damaged("is malformed");
  return record;
}

}  // namespace gatehouse::acme
