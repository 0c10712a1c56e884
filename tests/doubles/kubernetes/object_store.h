// The objects of a cluster with their past: one counter of versions for all, and of each resource what changed. No
// rules of the API here; who may write what is decided before.
#pragma once

#include "tests/doubles/kubernetes/resource_types.h"

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>

namespace gatehouse::kubernetes::fake {

using Version = std::uint64_t;

// One version of an object, immutable. The text is kept: it goes out more often than it changes.
struct Stored {
  json::object value;
  std::string text;       // serialised
  std::size_t item_from;  // the item of a list is '{' + text from here: built-in kinds leave kind and apiVersion out
  Version version;

  std::string item() const { return "{" + text.substr(item_from); }
  std::string ns() const;
  std::string name() const;
};
using StoredPtr = std::shared_ptr<const Stored>;

// Namespace and name; sorted as etcd's keys are.
struct Key {
  std::string ns, name;
  auto operator<=>(const Key&) const = default;
  std::string text() const { return ns.empty() ? name : ns + "/" + name; }
};

struct Change {
  Version version;
  StoredPtr before, after;  // `after` of a deletion: the last state with the deletion's version
  bool deleted = false;
};

struct Table {
  ResourceType type;
  bool served = true;  // false: its CRD is gone
  std::map<Key, StoredPtr> objects = {};
  std::deque<Change> history = {};
  Version forgotten = 0;  // up to here, what was before is not known any more
};

class ObjectStore {
 public:
  explicit ObjectStore(std::size_t history);

  // Null when there is none. Without group: the first table of that plural.
  Table* find(std::string_view group, std::string_view plural);
  Table* find_dotted(std::string_view dotted);  // services, events.events.k8s.io
  Table* find_kind(std::string_view api_version, std::string_view kind);
  std::list<Table>& tables() { return tables_; }
  Table& serve(const ResourceType& type);

  Version version() const { return version_; }
  StoredPtr put(Table& table, json::object object);
  void erase(Table& table, const Key& key);
  // The objects as they were at that version, which is not forgotten.
  static std::map<Key, StoredPtr> at(const Table& table, Version version);
  void forget_history();

 private:
  Version next() { return ++version_; }
  void remember(Table& table, Change change);

  std::size_t history_;
  Version version_ = 100;
  std::list<Table> tables_;  // addresses stay
};

// As the real server writes it: built-in kinds in the order of their Go structs, others in alphabetical order.
StoredPtr stored(const ResourceType& type, const json::object& object, Version version);

Key key_of(const json::object& object);
// A field by its path of keys; null when it is not there.
const json::value* field(const json::object& object, std::initializer_list<std::string_view> path);
std::string text_field(const json::object& object, std::initializer_list<std::string_view> path);  // empty: none
json::object& metadata_of(json::object& object);

}  // namespace gatehouse::kubernetes::fake
