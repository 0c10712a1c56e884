#include "tests/doubles/kubernetes/writing.h"

#include "tests/doubles/kubernetes/object_text.h"
#include "tests/doubles/kubernetes/patches.h"
#include "tests/doubles/kubernetes/reading.h"

#include <atomic>

namespace gatehouse::kubernetes::fake {
namespace {

constexpr std::string_view merge_type = "application/merge-patch+json", json_type = "application/json-patch+json",
                           strategic_type = "application/strategic-merge-patch+json",
                           apply_type = "application/apply-patch+yaml";

void refuse_media_type() {
  refuse({415, "UnsupportedMediaType",
          "the body of the request was in an unknown format - accepted media types include: application/json, "
          "application/yaml, application/vnd.kubernetes.protobuf"});
}

json::value body_of(const Call& call) {
  boost::system::error_code error;
  if (call.content_type.find("yaml") == std::string::npos) {
    json::value value = json::parse(call.body, error);
    if (error) refuse_bad_request("error decoding the body: " + error.message());
    return value;
  }
  try {
    auto objects = parse_objects(call.body);
    return objects.empty() ? json::value() : json::value(std::move(objects.front()));
  } catch (const std::runtime_error& e) {
    refuse_bad_request(std::string("error decoding the body: ") + e.what());
  }
}

// The object a POST or PUT brings.
json::object object_of(const Table& table, const Call& call) {
  if (!call.content_type.empty() && !call.content_type.starts_with("application/json") &&
      !call.content_type.starts_with("application/yaml"))
    refuse_media_type();
  json::value value = body_of(call);
  if (!value.is_object()) refuse_bad_request("the object provided is unrecognized");
  json::object object = std::move(value.get_object());
  const std::string kind = text_field(object, {"kind"}), version = text_field(object, {"apiVersion"});
  if (table.type.custom && (kind.empty() || version.empty()))
    refuse_bad_request("the object provided is unrecognized (must be of type " + table.type.kind + "): Object '" +
                       std::string(kind.empty() ? "Kind" : "apiVersion") + "' is missing");
  const std::string cannot = " cannot be handled as a " + table.type.kind + ": ";
  if (!version.empty() && version != table.type.api_version())
    refuse_bad_request((kind.empty() ? table.type.kind : kind) + " in version \"" + version + "\"" + cannot +
                       "no such kind is registered for this version");
  if (!kind.empty() && kind != table.type.kind)
    refuse_bad_request(kind + " in version \"" + table.type.version + "\"" + cannot + "unknown conversion");
  return object;
}

void place(json::object& object, const Table& table, const Call& call) {
  json::object& metadata = metadata_of(object);
  const std::string given = text_field(object, {"metadata", "namespace"});
  const std::string wanted = table.type.namespaced ? call.target.ns : "";
  if (!given.empty() && given != wanted)
    refuse_bad_request("the namespace of the provided object does not match the namespace sent on the request");
  metadata.erase("namespace");
  if (table.type.namespaced) metadata["namespace"] = wanted;
  if (call.target.name.empty()) return;
  const std::string name = text_field(object, {"metadata", "name"});
  if (!name.empty() && name != call.target.name)
    refuse_bad_request("the name of the object (" + name + ") does not match the name on the URL (" + call.target.name +
                       ")");
  metadata["name"] = call.target.name;
}

void check(const json::object& object, const json::object* old, const ResourceType& type) {
  if (const auto wrong = undecodable(object, type); !wrong.empty())
    refuse_bad_request(type.kind + " in version \"" + type.version + "\" cannot be handled as a " + type.kind + ": " +
                       wrong);
  auto causes = invalid(object, old, type);
  if (!causes.empty()) refuse_invalid(type, key_of(object).name, std::move(causes));
}

Reply shown(const StoredPtr& object, std::uint16_t status = 200) {
  return {.status = status, .body = object->text + "\n"};
}

std::string manager_of(const Call& call) {
  const auto given = call.target.value("fieldManager");
  return given.empty() ? call.user_agent.substr(0, call.user_agent.find('/')) : std::string(given);
}

void note_manager(const State& state, json::object& object, const Table& table, const Call& call) {
  if (state.options.managed_fields) add_managed_fields(object, table.type, manager_of(call), state.options.now());
}

bool is_dry(const Call& call) { return !call.target.value("dryRun").empty(); }

// What follows for the API itself.
void after_put(State& state, const Table& table, const StoredPtr& object) {
  if (table.type.kind != "CustomResourceDefinition") return;
  if (const auto type = type_of_crd(object->value)) state.store.serve(*type);
}

StoredPtr store_new(State& state, Table& table, json::object object) {
  if (table.type.kind == "CustomResourceDefinition")
    object["status"] =
        json::object{{"conditions", json::array{json::object{{"type", "NamesAccepted"}, {"status", "True"}},
                                                json::object{{"type", "Established"}, {"status", "True"}}}}};
  const auto stored = state.store.put(table, std::move(object));
  after_put(state, table, stored);
  return stored;
}

void require_namespace(State& state, const Table& table, const std::string& ns) {
  if (!table.type.namespaced) return;
  const Table& namespaces = *state.store.find("", "namespaces");
  if (!namespaces.objects.contains({"", ns})) refuse_not_found(namespaces.type, ns);
}

Reply create_this(State& state, Table& table, const Call& call, json::object object) {
  const Key key = key_of(object);
  check(object, nullptr, table.type);
  require_namespace(state, table, key.ns);
  if (table.objects.contains(key))
    refuse({409, "AlreadyExists", table.type.dotted() + " \"" + key.name + "\" already exists", &table.type, key.name});
  json::object& metadata = metadata_of(object);
  for (const char* given_by_server : {"uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp"})
    metadata.erase(given_by_server);
  if (table.type.status) object.erase("status");
  fill_in(object, table.type);
  give_birth(object, table.type, state.options.now());
  note_manager(state, object, table, call);
  if (is_dry(call)) return shown(stored(table.type, object, state.store.version()), 201);
  return shown(store_new(state, table, std::move(object)), 201);
}

// Of two versions whether they differ beyond what every write changes.
bool same(json::object a, json::object b) {
  for (auto* each : {&a, &b}) {
    metadata_of(*each).erase("resourceVersion");
    metadata_of(*each).erase("managedFields");
  }
  return a == b;
}

// Only the status of `object` if it is about that, else all but the status.
void take_part(json::object& object, const json::object& old, const Table& table, bool status) {
  if (status) {
    json::object whole = old;
    if (const auto* wanted = object.if_contains("status"))
      whole["status"] = *wanted;
    else
      whole.erase("status");
    metadata_of(whole)["resourceVersion"] = text_field(object, {"metadata", "resourceVersion"});
    object = std::move(whole);
  } else if (table.type.status) {
    object.erase("status");
    if (const auto* kept = old.if_contains("status")) object["status"] = *kept;
  }
}

void check_version(const json::object& object, const Stored& old, const Table& table) {
  const std::string given = text_field(object, {"metadata", "resourceVersion"});
  const std::string name = old.name();
  if (given.empty() && !table.type.unconditional_update) refuse_without_version(table.type, name);
  const std::string uid = text_field(object, {"metadata", "uid"}),
                    real_uid = text_field(old.value, {"metadata", "uid"});
  if (!uid.empty() && uid != real_uid)
    refuse({409, "Conflict",
            "Operation cannot be fulfilled on " + table.type.dotted() + " \"" + name +
                "\": Precondition failed: UID in "
                "precondition: " +
                uid + ", UID in object meta: " + real_uid,
            &table.type, name});
  if (!given.empty() && given != "0" && given != std::to_string(old.version))
    refuse({409, "Conflict",
            "Operation cannot be fulfilled on " + table.type.dotted() + " \"" + name +
                "\": the object has been modified; please apply your changes to the latest version and try again",
            &table.type, name});
}

bool is_leaving(const json::object& object) {
  const json::value* finalizers = field(object, {"metadata", "finalizers"});
  const bool held = finalizers != nullptr && finalizers->is_array() && !finalizers->get_array().empty();
  return field(object, {"metadata", "deletionTimestamp"}) != nullptr && !held;
}

Reply replace(State& state, Table& table, const Call& call, json::object object, const StoredPtr& old) {
  check_version(object, *old, table);
  const bool status = call.target.subresource == "status";
  take_part(object, old->value, table, status);
  keep_identity(object, old->value, table.type);
  fill_in(object, table.type);
  check(object, &old->value, table.type);
  count_generation(object, old->value, table.type);
  if (same(object, old->value)) return shown(old);
  note_manager(state, object, table, call);
  if (is_dry(call)) return shown(stored(table.type, object, old->version));
  const auto written = state.store.put(table, std::move(object));
  after_put(state, table, written);
  if (is_leaving(written->value)) erase(state, table, key_of(written->value));
  return shown(written);
}

Key key_in(const Table& table, const Call& call) {
  return {table.type.namespaced ? call.target.ns : "", call.target.name};
}

void apply_patch(json::value& object, const Table& table, const Call& call, const json::value& change) {
  if (call.content_type.starts_with(merge_type) || call.content_type.starts_with(apply_type)) {
    merge_patch(object, change);
  } else if (call.content_type.starts_with(strategic_type) && !table.type.custom) {
    strategic_merge_patch(object, change);
  } else if (call.content_type.starts_with(json_type)) {
    const auto complaint = json_patch(object, change);
    if (!complaint.empty()) refuse({422, "Invalid", "the server rejected our request due to an error in our request"});
  } else {
    refuse({415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: " +
                std::string(json_type) + ", " + std::string(merge_type) +
                (table.type.custom ? "" : ", " + std::string(strategic_type)) + ", " + std::string(apply_type)});
  }
}

Reply success(const Table& table, const Stored& gone) {
  json::object details{{"name", gone.name()}};
  if (!table.type.group.empty()) details["group"] = table.type.group;
  details["kind"] = table.type.plural;
  details["uid"] = text_field(gone.value, {"metadata", "uid"});
  return {.body = json::serialize(json::object{{"kind", "Status"},
                                               {"apiVersion", "v1"},
                                               {"metadata", json::object()},
                                               {"status", "Success"},
                                               {"details", details}}) +
                  "\n"};
}

void check_preconditions(const json::object& wanted, const Stored& old, const Table& table) {
  const auto refuse_because = [&](const std::string& complaint) {
    ResourceType by_kind = table.type;
    by_kind.plural = table.type.kind;
    refuse({409, "Conflict",
            "Operation cannot be fulfilled on " + by_kind.dotted() + " \"" + old.name() + "\": " + complaint +
                ". The object might have been deleted and then recreated",
            &by_kind, old.name()});
  };
  const std::string uid = text_field(wanted, {"preconditions", "uid"});
  const std::string version = text_field(wanted, {"preconditions", "resourceVersion"});
  const std::string real_uid = text_field(old.value, {"metadata", "uid"}), real_version = std::to_string(old.version);
  if (!uid.empty() && uid != real_uid)
    refuse_because("the UID in the precondition (" + uid + ") does not match the UID in record (" + real_uid + ")");
  if (!version.empty() && version != real_version)
    refuse_because("the ResourceVersion in the precondition (" + version +
                   ") does not match the ResourceVersion in record (" + real_version + ")");
}

// What a finalizer holds is only marked.
bool mark_if_held(State& state, Table& table, const StoredPtr& object) {
  const json::value* finalizers = field(object->value, {"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->is_array() || finalizers->get_array().empty()) return false;
  if (field(object->value, {"metadata", "deletionTimestamp"}) != nullptr) return true;
  json::object marked = object->value;
  metadata_of(marked)["deletionTimestamp"] = timestamp(state.options.now());
  state.store.put(table, std::move(marked));
  return true;
}

}  // namespace

Reply create(State& state, Table& table, const Call& call) {
  if (table.type.namespaced && call.target.ns.empty()) refuse_method();
  json::object object = object_of(table, call);
  place(object, table, call);
  if (!text_field(object, {"metadata", "resourceVersion"}).empty())
    refuse({500, "", "resourceVersion should not be set on objects to be created"});
  const std::string stem = text_field(object, {"metadata", "generateName"});
  if (key_of(object).name.empty() && !stem.empty()) {
    static std::atomic<unsigned> last = 0;
    char tail[8];
    std::snprintf(tail, sizeof tail, "%05x", ++last);
    metadata_of(object)["name"] = stem + tail;
  }
  return create_this(state, table, call, std::move(object));
}

Reply update(State& state, Table& table, const Call& call) {
  json::object object = object_of(table, call);
  place(object, table, call);
  const auto found = table.objects.find(key_in(table, call));
  if (found != table.objects.end()) return replace(state, table, call, std::move(object), found->second);
  if (!table.type.create_on_update || !call.target.subresource.empty()) refuse_not_found(table.type, call.target.name);
  return create_this(state, table, call, std::move(object));
}

Reply patch(State& state, Table& table, const Call& call) {
  if (call.content_type.starts_with(apply_type) && call.target.value("fieldManager").empty())
    refuse_invalid({.group = "meta.k8s.io", .version = "v1", .plural = "", .singular = "", .kind = "PatchOptions"}, "",
                   {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}});
  const json::value change = body_of(call);
  const auto found = table.objects.find(key_in(table, call));
  if (found == table.objects.end()) {
    if (!call.content_type.starts_with(apply_type) || !change.is_object())
      refuse_not_found(table.type, call.target.name);
    json::object object = change.get_object();
    place(object, table, call);
    return create_this(state, table, call, std::move(object));
  }
  const StoredPtr old = found->second;
  json::value object = old->value;
  apply_patch(object, table, call, change);
  if (!object.is_object()) refuse_bad_request("the patch leaves no object");
  place(object.get_object(), table, call);
  return replace(state, table, call, std::move(object.get_object()), old);
}

bool erase(State& state, Table& table, const Key& key) {
  const auto found = table.objects.find(key);
  if (found == table.objects.end()) return false;
  const StoredPtr gone = found->second;
  state.store.erase(table, key);
  if (table.type.kind == "Namespace")
    for (auto& other : state.store.tables())
      if (other.type.namespaced)
        for (const auto& [each, object] : std::map(other.objects))
          if (each.ns == key.name) state.store.erase(other, each);
  if (table.type.kind != "CustomResourceDefinition") return true;
  if (const auto type = type_of_crd(gone->value))
    if (Table* served = state.store.find(type->group, type->plural)) {
      for (const auto& [each, object] : std::map(served->objects)) state.store.erase(*served, each);
      served->served = false;
    }
  return true;
}

Reply remove(State& state, Table& table, const Call& call) {
  const auto found = table.objects.find(key_in(table, call));
  if (found == table.objects.end()) refuse_not_found(table.type, call.target.name);
  const StoredPtr old = found->second;
  if (!call.body.empty() && call.content_type.find("protobuf") == std::string::npos) {
    const json::value wanted = body_of(call);
    if (wanted.is_object()) check_preconditions(wanted.get_object(), *old, table);
  }
  if (mark_if_held(state, table, old)) return shown(table.objects.at(key_in(table, call)));
  erase(state, table, key_in(table, call));
  return success(table, *old);
}

Reply remove_collection(State& state, Table& table, const Call& call) {
  const Selector selector = selector_of(table, call);
  Reply listed = list(state, table, call);
  for (const auto& [key, object] : std::map(table.objects)) {
    if (table.type.namespaced && !call.target.ns.empty() && key.ns != call.target.ns) continue;
    if (selector.matches(object->value) && !mark_if_held(state, table, object)) erase(state, table, key);
  }
  return listed;
}

void put_as_is(State& state, Table& table, json::object object) {
  const Key key = key_of(object);
  if (table.type.namespaced) {
    if (key.ns.empty()) metadata_of(object)["namespace"] = "default";
    Table& namespaces = *state.store.find("", "namespaces");
    const std::string ns = key_of(object).ns;
    if (!namespaces.objects.contains({"", ns}))
      put_as_is(state, namespaces, json::object{{"metadata", json::object{{"name", ns}}}});
  }
  fill_in(object, table.type);
  const auto old = table.objects.find(key_of(object));
  if (old != table.objects.end()) {
    for (const char* field_name : {"uid", "creationTimestamp"})
      if (const auto* kept = field(old->second->value, {"metadata", field_name}); kept != nullptr)
        if (!metadata_of(object).contains(field_name)) metadata_of(object)[field_name] = *kept;
    count_generation(object, old->second->value, table.type);
  }
  give_birth(object, table.type, state.options.now());
  if (state.options.managed_fields) add_managed_fields(object, table.type, "kubectl", state.options.now());
  store_new(state, table, std::move(object));
}

}  // namespace gatehouse::kubernetes::fake
