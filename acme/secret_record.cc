#include "acme/secret_record.h"

#include "acme/record_file.h"
#include "base/base64.h"
#include "tls/digest.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace gatehouse::acme {
namespace {

namespace json = boost::json;

constexpr std::string_view managed_by_label = "app.kubernetes.io/managed-by";
constexpr std::string_view instance_label = "app.kubernetes.io/instance";
constexpr std::string_view name_annotation = "gatehouse.dev/record-name";
constexpr std::string_view writer_annotation = "gatehouse.dev/written-by";
constexpr std::string_view names_annotation = "gatehouse.dev/names";
constexpr std::size_t max_name = 253;
constexpr std::size_t hash_digits = 20;

Failure bad(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// What of it may stand in the middle of a subdomain: `-` and `.` only between letters and digits.
std::string shown(std::string_view record) {
  std::string text;
  for (const char c : record) {
    if (is_plain(c) || (c == '.' && !text.empty() && is_plain(text.back())))
      text += c;
    else if (!text.ends_with('.'))
      text += '-';
  }
  while (!text.empty() && !is_plain(text.back())) text.pop_back();
  return text;
}

std::string base64(std::string_view bytes) {
  std::string text = base64url(bytes);
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

const json::object* object_in(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found == nullptr ? nullptr : found->if_object();
}

std::string text_in(const json::object* object, std::string_view key) {
  const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
  const json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

std::optional<RecordKind> kind_named(std::string_view name) {
  for (const RecordKind kind : record_kinds)
    if (kind_name(kind) == name) return kind;
  return std::nullopt;
}

std::map<std::string, std::string> texts_in(const json::object* object) {
  std::map<std::string, std::string> texts;
  if (object == nullptr) return texts;
  for (const auto& member : *object)
    if (const json::string* text = member.value().if_string())
      texts.emplace(member.key(), std::string(text->data(), text->size()));
  return texts;
}

std::map<std::string, std::string> texts_in(const kubernetes::Value& map) {
  std::map<std::string, std::string> texts;
  if (!map.is_map()) return texts;
  for (const auto member : map)
    if (member.is_text()) texts.emplace(member.key(), member.text());
  return texts;
}

const std::string& text_of(const std::map<std::string, std::string>& texts, std::string_view key) {
  static const std::string none;
  const auto found = texts.find(std::string(key));
  return found == texts.end() ? none : found->second;
}

}  // namespace

std::string secret_name(const SecretOwner& owner, RecordKind kind, std::string_view record) {
  const std::string kind_text(kind_name(kind));
  const std::string hash =
      tls::hex(tls::digest(tls::Hash::sha256, kind_text + "\n" + std::string(record))).substr(0, hash_digits);
  std::string start = owner.instance + "-" + kind_text + "-" + shown(record);
  start.resize(std::min(start.size(), max_name - hash_digits - 1));
  while (!start.empty() && !is_plain(start.back())) start.pop_back();
  return start + "-" + hash;
}

Result<WrittenSecret> to_secret(const SecretOwner& owner, const Record& record, std::string_view writer) {
  if (!is_record_name(record.name)) return Failure(FailureKind::internal, "'" + record.name + "' names no record");
  json::object data;
  std::size_t size = 0;
  for (const auto& [field, value] : record.fields) {
    data[field] = base64(value);
    size += value.size();
  }
  const std::string name = secret_name(owner, record.kind, record.name);
  if (size > max_secret_bytes) return bad("Secret " + name + ": larger than 1 MiB, the most that Kubernetes keeps");
  json::object annotations{{name_annotation, record.name}, {writer_annotation, writer}};
  if (const auto names = record.fields.find("names"); names != record.fields.end())
    annotations[names_annotation] = names->second;
  json::object metadata{{"name", name},
                        {"namespace", owner.name_space},
                        {"labels", json::object{{managed_by_label, "gatehouse"},
                                                {instance_label, owner.instance},
                                                {record_label, kind_name(record.kind)}}},
                        {"annotations", std::move(annotations)}};
  const char* type = record.kind == RecordKind::certificate ? "kubernetes.io/tls" : "Opaque";
  return WrittenSecret{name, json::object{{"apiVersion", "v1"},
                                          {"kind", "Secret"},
                                          {"metadata", std::move(metadata)},
                                          {"type", type},
                                          {"data", std::move(data)}}};
}

std::string SeenSecret::digest() const {
  std::string all = writer;
  for (const auto& [field, value] : record.fields)
    all.append("\n").append(field).append(" ").append(std::to_string(value.size())).append("\n").append(value);
  return tls::digest(tls::Hash::sha256, all);
}

RawSecret raw_secret(const json::object& object) {
  RawSecret raw;
  raw.data = texts_in(object_in(object, "data"));
  const json::object* metadata = object_in(object, "metadata");
  if (metadata == nullptr) return raw;
  raw.name = text_in(metadata, "name");
  raw.resource_version = text_in(metadata, "resourceVersion");
  raw.labels = texts_in(object_in(*metadata, "labels"));
  raw.annotations = texts_in(object_in(*metadata, "annotations"));
  return raw;
}

RawSecret raw_secret(const kubernetes::Value& object) {
  const auto metadata = object["metadata"];
  const auto text = [&](std::string_view key) {
    return metadata[key].is_text() ? std::string(metadata[key].text()) : std::string();
  };
  return {text("name"), text("resourceVersion"), texts_in(metadata["labels"]), texts_in(metadata["annotations"]),
          texts_in(object["data"])};
}

Result<SeenSecret> parse_secret(const SecretOwner& owner, const RawSecret& raw) {
  const auto damaged = [&](const std::string& words) { return bad("Secret " + raw.name + " " + words); };
  const auto kind = kind_named(text_of(raw.labels, record_label));
  if (!kind || text_of(raw.labels, instance_label) != owner.instance ||
      text_of(raw.labels, managed_by_label) != "gatehouse")
    return damaged("is not ours: its labels say something else");
  SeenSecret seen{raw.name,
                  raw.resource_version,
                  text_of(raw.annotations, writer_annotation),
                  Record{*kind, text_of(raw.annotations, name_annotation), {}},
                  text_of(raw.annotations, renew_annotation),
                  text_of(raw.annotations, revoke_annotation)};
  if (!is_record_name(seen.record.name) || secret_name(owner, *kind, seen.record.name) != seen.name)
    return damaged("has another name than its annotation " + std::string(name_annotation) + " says");
  if (seen.resource_version.empty()) return damaged("has no resourceVersion");
  for (const auto& [field, text] : raw.data) {
    auto value = from_base64(text);
    if (!value) return damaged("is damaged: data." + field + " is not base64");
    seen.record.fields[field] = std::move(*value);
  }
  return seen;
}

bool is_older_version(std::string_view a, std::string_view b) {
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text[0] != '0' && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!is_number(a) || !is_number(b)) return false;
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace gatehouse::acme
