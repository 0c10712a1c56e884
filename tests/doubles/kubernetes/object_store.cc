#include "tests/doubles/kubernetes/object_store.h"

#include <algorithm>

namespace gatehouse::kubernetes::fake {
namespace {

json::value sorted(const json::value& value) {
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const auto& each : *list) out.push_back(sorted(each));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  std::map<std::string_view, const json::value*> fields;
  for (const auto& [key, each] : *object) fields.emplace(key, &each);
  json::object out;
  for (const auto& [key, each] : fields) out.emplace(key, sorted(*each));
  return out;
}

json::object in_order(const json::object& object, std::initializer_list<std::string_view> first) {
  json::object out;
  for (const auto key : first)
    if (const auto* value = object.if_contains(key)) out.emplace(key, *value);
  for (const auto& [key, value] : object)
    if (!out.contains(key)) out.emplace(key, value);
  return out;
}

json::object canonical(const json::object& object, const ResourceType& type) {
  if (type.custom) return sorted(object).get_object();
  json::object out = in_order(object, {"kind", "apiVersion", "metadata", "spec", "status"});
  metadata_of(out) = in_order(metadata_of(out), {"name", "generateName", "namespace", "uid", "resourceVersion",
                                                 "generation", "creationTimestamp", "deletionTimestamp", "labels",
                                                 "annotations", "ownerReferences", "finalizers", "managedFields"});
  return out;
}

}  // namespace

StoredPtr stored(const ResourceType& type, const json::object& given, Version version) {
  json::object object = given;
  metadata_of(object)["resourceVersion"] = std::to_string(version);
  json::object value = canonical(object, type);
  std::string text = json::serialize(value);
  const std::string head = R"({"kind":")" + type.kind + R"(","apiVersion":")" + type.api_version() + R"(",)";
  const std::size_t item_from = text.starts_with(head) ? head.size() : 1;
  return std::make_shared<const Stored>(Stored{std::move(value), std::move(text), item_from, version});
}

const json::value* field(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::object* at = &object;
  const json::value* found = nullptr;
  for (const auto key : path) {
    if (at == nullptr) return nullptr;
    found = at->if_contains(key);
    if (found == nullptr) return nullptr;
    at = found->if_object();
  }
  return found;
}

std::string text_field(const json::object& object, std::initializer_list<std::string_view> path) {
  const json::value* found = field(object, path);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

json::object& metadata_of(json::object& object) {
  json::value& metadata = object["metadata"];
  if (!metadata.is_object()) metadata = json::object();
  return metadata.get_object();
}

Key key_of(const json::object& object) {
  return {text_field(object, {"metadata", "namespace"}), text_field(object, {"metadata", "name"})};
}

std::string Stored::ns() const { return text_field(value, {"metadata", "namespace"}); }
std::string Stored::name() const { return text_field(value, {"metadata", "name"}); }

ObjectStore::ObjectStore(std::size_t history) : history_(history) {
  for (const auto& type : built_in_types()) serve(type);
}

Table* ObjectStore::find(std::string_view group, std::string_view plural) {
  for (auto& table : tables_)
    if (table.type.plural == plural && table.type.group == group) return &table;
  return nullptr;
}

Table* ObjectStore::find_dotted(std::string_view dotted) {
  const std::size_t dot = dotted.find('.');
  if (dot != std::string_view::npos) return find(dotted.substr(dot + 1), dotted.substr(0, dot));
  for (auto& table : tables_)
    if (table.type.plural == dotted) return &table;
  return nullptr;
}

Table* ObjectStore::find_kind(std::string_view api_version, std::string_view kind) {
  for (auto& table : tables_)
    if (table.served && table.type.kind == kind && table.type.api_version() == api_version) return &table;
  return nullptr;
}

Table& ObjectStore::serve(const ResourceType& type) {
  Table* known = find(type.group, type.plural);
  if (known == nullptr) known = &tables_.emplace_back(Table{type});
  known->type = type;
  known->served = true;
  return *known;
}

void ObjectStore::remember(Table& table, Change change) {
  table.history.push_back(std::move(change));
  if (table.history.size() <= history_) return;
  table.forgotten = table.history.front().version;
  table.history.pop_front();
}

StoredPtr ObjectStore::put(Table& table, json::object object) {
  StoredPtr& place = table.objects[key_of(object)];
  const StoredPtr before = place;
  place = stored(table.type, object, next());
  remember(table, {version_, before, place, false});
  return place;
}

void ObjectStore::erase(Table& table, const Key& key) {
  const auto found = table.objects.find(key);
  if (found == table.objects.end()) return;
  const StoredPtr before = found->second;
  table.objects.erase(found);
  const Version version = next();
  remember(table, {version, before, stored(table.type, before->value, version), true});
}

std::map<Key, StoredPtr> ObjectStore::at(const Table& table, Version version) {
  auto objects = table.objects;
  for (auto change = table.history.rbegin(); change != table.history.rend() && change->version > version; ++change) {
    const Key key = key_of(change->after->value);
    if (change->before)
      objects[key] = change->before;
    else
      objects.erase(key);
  }
  return objects;
}

void ObjectStore::forget_history() {
  for (auto& table : tables_) {
    table.history.clear();
    table.forgotten = version_;
  }
}

}  // namespace gatehouse::kubernetes::fake
