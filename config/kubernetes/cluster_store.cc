#include "config/kubernetes/cluster_store.h"

#include "config/kubernetes/field_reader.h"
#include "config/kubernetes/load_balancer.h"

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t most_problems_of_one = 20;
constexpr std::size_t most_bad_objects = 10'000;
constexpr std::size_t longest_uid = 64;
constexpr std::size_t most_touched = 1000;

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= FieldReader::longest_name &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
}

template <class Use>
void with_table(const ClusterObjects& objects, Kind kind, Use use) {
  switch (kind) {
    case Kind::ingress: return use(objects.ingresses);
    case Kind::ingress_class: return use(objects.classes);
    case Kind::service: return use(objects.services);
    case Kind::slice: return use(objects.slices);
    case Kind::secret: return use(objects.secrets);
    case Kind::tcp_route: return use(objects.tcp_routes);
    case Kind::old_tcp_route: return use(objects.old_tcp_routes);
  }
}

// Of an EndpointSlice, the Service it belongs to; empty: none, or it is not there.
std::string service_of(const ClusterObjects& objects, const ObjectKey& key) {
  if (key.kind != Kind::slice) return {};
  const auto found = objects.slices.find(key.name);
  return found == objects.slices.end() ? "" : found->second->service;
}

}  // namespace

// The set to note `key` in; null: more than that is touched.
std::set<ObjectName>* set_of(TouchedObjects& touched, Kind kind) {
  switch (kind) {
    case Kind::ingress: return &touched.ingresses;
    case Kind::service: return &touched.services;
    case Kind::secret: return &touched.secrets;
    default: return nullptr;
  }
}

void note_touched(TouchedObjects& touched, const ObjectKey& key) {
  std::set<ObjectName>* names = touched.beyond ? nullptr : set_of(touched, key.kind);
  if (names != nullptr && touched.ingresses.size() + touched.services.size() + touched.secrets.size() < most_touched)
    names->insert(key.name);
  else
    touched = {.beyond = true};
}

// ---- ClusterStore

bool ClusterStore::put(const Value& value, Kind kind, ObjectType type) {
  ParsedManifest parsed;
  read_object(value, type, {}, parsed);
  if (parsed.problems.size() > most_problems_of_one) parsed.problems.resize(most_problems_of_one);
  if (parsed.refused.empty() && parsed.objects.empty()) return false;
  const ObjectKey key = parsed.objects.empty() ? parsed.refused.front() : key_of(parsed.objects.front());
  if (key.kind != kind || (kind == Kind::secret && !wants_secret(key.name))) return false;
  const bool other_addresses = note_details(key, value);
  const bool other_problems = note(key, std::move(parsed.problems)) || other_addresses;
  if (parsed.objects.empty()) return other_problems;
  return put_object(std::move(parsed.objects.front())) || other_problems;
}

bool ClusterStore::put(Object object) {
  const ObjectKey key = key_of(object);
  if (key.kind == Kind::secret && !wants_secret(key.name)) return false;
  return put_object(std::move(object));
}

bool ClusterStore::put_object(Object object) {
  const ObjectKey key = key_of(object);
  const std::string service_before = service_of(objects_, key);
  if (!objects_.put(std::move(object))) return false;
  touch(key, service_before);
  return true;
}

bool ClusterStore::erase_object(const ObjectKey& key) {
  const std::string service_before = service_of(objects_, key);
  if (!objects_.erase(key)) return false;
  touch(key, service_before);
  return true;
}

void ClusterStore::touch(const ObjectKey& key, const std::string& service_before) {
  if (key.kind == Kind::slice) {
    for (const std::string& service : {service_before, service_of(objects_, key)})
      if (!service.empty()) note_touched(touched_, {Kind::service, {key.name.ns, service}});
    return;
  }
  note_touched(touched_, key);
  if (key.kind != Kind::secret) note_touched(status_touched_, key);
}

bool ClusterStore::refuse(const ObjectKey& key, std::string words) {
  return note(key, {{"", 0, 0, Severity::error, key.text(), std::move(words)}});
}

bool ClusterStore::erase(const ObjectKey& key) {
  details_.erase(key);
  const bool had_problems = problems_.erase(key) > 0;
  return erase_object(key) || had_problems;
}

// Of a Secret that nobody wants nothing is told.
bool ClusterStore::note(const ObjectKey& key, std::vector<Problem> problems) {
  const auto known = problems_.find(key);
  if (problems.empty() || (key.kind == Kind::secret && !wants_secret(key.name))) {
    if (known == problems_.end()) return false;
    problems_.erase(known);
    return true;
  }
  if (known != problems_.end()) {
    if (known->second == problems) return false;
    known->second = std::move(problems);
    return true;
  }
  if (problems_.size() >= most_bad_objects) return false;
  problems_.emplace(key, std::move(problems));
  return true;
}

bool ClusterStore::note_details(const ObjectKey& key, const Value& object) {
  if (key.kind == Kind::slice) return false;
  const Value metadata = object["metadata"];
  ObjectDetails& details = details_[key];
  details.uid = metadata["uid"].text().substr(0, longest_uid);
  details.resource_version = metadata["resourceVersion"].text().substr(0, longest_uid);
  details.deleting = metadata["deletionTimestamp"].given();
  const std::string before = std::exchange(details.status, {});
  if (key.kind != Kind::ingress && key.kind != Kind::service) return false;
  const Value balancer = object["status"]["loadBalancer"];
  if (balancer.given()) details.status = load_balancer_of_json(balancer.json());
  if (details.status == before) return false;
  note_touched(status_touched_, key);
  return key.kind == Kind::service;
}

void ClusterStore::want_secrets(std::set<ObjectName> names) {
  wanted_ = std::move(names);
  for (const ObjectKey& key : keys(Kind::secret))
    if (!wants_secret(key.name)) erase(key);
}

bool ClusterStore::has(const ObjectKey& key) const {
  bool found = false;
  with_table(objects_, key.kind, [&](const auto& table) { found = table.contains(key.name); });
  return found;
}

std::vector<ObjectKey> ClusterStore::keys(Kind kind) const {
  std::vector<ObjectKey> keys;
  with_table(objects_, kind, [&](const auto& table) {
    for (const auto& [name, object] : table) keys.push_back({kind, name});
  });
  for (auto bad = problems_.lower_bound({kind, {}}); bad != problems_.end() && bad->first.kind == kind; ++bad)
    if (!has(bad->first)) keys.push_back(bad->first);
  return keys;
}

const ObjectDetails* ClusterStore::details(const ObjectKey& key) const {
  const auto found = details_.find(key);
  return found == details_.end() ? nullptr : &found->second;
}

std::vector<Problem> ClusterStore::problems() const {
  std::vector<Problem> problems;
  for (const auto& [key, of_object] : problems_) problems.insert(problems.end(), of_object.begin(), of_object.end());
  return problems;
}

// ---- Collection

void Collection::list_began() {
  listing_ = true;
  unknown_seen_ = false;
  seen_.clear();
}

// Nothing when it has none, or is not what was asked for.
std::optional<ObjectName> Collection::name_of(const Value& object) const {
  const Value metadata = object["metadata"];
  const std::string_view kind = object["kind"].text();
  if (!kind.empty() && kind != scope_.type.kind) return std::nullopt;
  ObjectName name{std::string(metadata["namespace"].text()), std::string(metadata["name"].text())};
  if (scope_.kind == Kind::ingress_class)
    name.ns.clear();
  else if (!is_plain_name(name.ns))
    return std::nullopt;
  if (!is_plain_name(name.name) || !scope_.covers(name)) return std::nullopt;
  return name;
}

bool Collection::seen(const Value& object) {
  const auto name = name_of(object);
  if (!name) {
    unknown_seen_ = true;
    return false;
  }
  exists(*name);
  return store_.put(object, scope_.kind, scope_.type);
}

bool Collection::gone(const Value& object) {
  const auto name = name_of(object);
  if (!name) return false;
  seen_.erase(*name);
  return store_.erase({scope_.kind, *name});
}

bool Collection::unreadable(const Value& beginning, const std::string& words) {
  const auto name = name_of(beginning);
  if (!name) {
    unknown_seen_ = true;
    return false;
  }
  exists(*name);
  return store_.refuse({scope_.kind, *name}, words);
}

bool Collection::list_complete() {
  listing_ = false;
  const auto seen = std::exchange(seen_, {});
  if (std::exchange(unknown_seen_, false)) return false;
  bool changed = false;
  for (const ObjectKey& key : store_.keys(scope_.kind))
    if (scope_.covers(key.name) && !seen.contains(key.name)) changed = store_.erase(key) || changed;
  return changed;
}

bool Collection::absent() {
  list_began();
  return list_complete();
}

void Collection::exists(const ObjectName& name) {
  if (listing_) seen_.insert(name);
}

}  // namespace gatehouse::kubernetes
