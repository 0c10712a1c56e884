#include "tests/doubles/kubernetes/selectors.h"

#include <algorithm>
#include <set>

namespace gatehouse::kubernetes::fake {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// At commas, except inside parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    if (const auto part = trim(text.substr(start, i - start)); !part.empty()) parts.push_back(part);
    start = i + 1;
  }
  return parts;
}

const std::set<std::string_view> event_fields = {
    "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "reason", "type", "regarding.kind",
    "regarding.namespace", "regarding.name",           "reportingController"};

bool is_field_of(std::string_view name, const ResourceType& type) {
  if (name == "metadata.name" || (name == "metadata.namespace" && type.namespaced)) return true;
  if (type.kind == "Secret") return name == "type";
  if (type.kind == "Pod") return name == "spec.nodeName" || name == "status.phase" || name == "status.podIP";
  if (type.kind == "Service") return name == "spec.clusterIP" || name == "spec.type";
  if (type.kind == "Namespace") return name == "status.phase";
  return type.kind == "Event" && event_fields.contains(name);
}

std::optional<std::string> value_at(const json::object& object, std::string_view path) {
  const json::object* at = &object;
  while (at != nullptr) {
    const std::size_t dot = path.find('.');
    const json::value* found = at->if_contains(path.substr(0, dot));
    if (found == nullptr) return std::nullopt;
    if (dot == std::string_view::npos)
      return found->is_string() ? std::optional<std::string>(found->get_string()) : std::nullopt;
    at = found->if_object();
    path.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

}  // namespace

bool Selector::read_label(std::string_view text) {
  using Test = Term::Test;
  const auto list = [&](std::size_t at) {
    std::vector<std::string> values;
    const auto inside = text.substr(at, text.rfind(')') - at);
    for (const auto part : split(inside)) values.emplace_back(part);
    return values;
  };
  const auto key_before = [&](std::size_t at) { return std::string(trim(text.substr(0, at))); };
  if (const auto at = text.find(" notin ("); at != std::string_view::npos)
    terms_.push_back({Test::none_of, true, key_before(at), list(at + 8)});
  else if (const auto in = text.find(" in ("); in != std::string_view::npos)
    terms_.push_back({Test::one_of, true, key_before(in), list(in + 5)});
  else if (const auto differs = text.find("!="); differs != std::string_view::npos)
    terms_.push_back({Test::none_of, true, key_before(differs), {std::string(trim(text.substr(differs + 2)))}});
  else if (const auto equals = text.find('='); equals != std::string_view::npos)
    terms_.push_back({Test::one_of,
                      true,
                      key_before(equals),
                      {std::string(trim(text.substr(equals + (text.substr(equals).starts_with("==") ? 2 : 1))))}});
  else if (text.starts_with('!'))
    terms_.push_back({Test::is_absent, true, std::string(trim(text.substr(1)))});
  else
    terms_.push_back({Test::exists, true, std::string(text)});
  return !terms_.back().key.empty() && terms_.back().key.find_first_of(" ()!=") == std::string::npos;
}

std::string Selector::read_field(std::string_view text, const ResourceType& type) {
  const std::size_t at = text.find('=');
  if (at == std::string_view::npos || at == 0) return "invalid field selector: " + std::string(text);
  const bool differs = text[at - 1] == '!';
  const std::string key(text.substr(0, differs ? at - 1 : at));
  const std::string value(text.substr(at + (text.substr(at).starts_with("==") ? 2 : 1)));
  if (!is_field_of(key, type))
    return "\"" + key + "\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
  terms_.push_back({differs ? Term::Test::none_of : Term::Test::one_of, false, key, {value}});
  return "";
}

std::string Selector::read(std::string_view labels, std::string_view fields, const ResourceType& type) {
  for (const auto part : split(labels))
    if (!read_label(part)) return "unable to parse requirement: " + std::string(part);
  for (const auto part : split(fields))
    if (auto complaint = read_field(part, type); !complaint.empty()) return complaint;
  return "";
}

bool Selector::matches(const Term& term, const json::object& object) {
  std::optional<std::string> value;
  if (term.label) {
    const json::value* found = field(object, {"metadata", "labels", term.key});
    if (found != nullptr && found->is_string()) value = std::string(found->get_string());
  } else {
    value = value_at(object, term.key).value_or("");
  }
  switch (term.test) {
    case Term::Test::exists: return value.has_value();
    case Term::Test::is_absent: return !value.has_value();
    case Term::Test::one_of: return value && std::ranges::find(term.values, *value) != term.values.end();
    case Term::Test::none_of: return !value || std::ranges::find(term.values, *value) == term.values.end();
  }
  return false;
}

bool Selector::matches(const json::object& object) const {
  return std::ranges::all_of(terms_, [&](const Term& term) { return matches(term, object); });
}

}  // namespace gatehouse::kubernetes::fake
