// What clients ask first: which groups, versions and resources there are.
#include "tests/doubles/kubernetes/api_rules.h"

#include <algorithm>

namespace gatehouse::kubernetes::fake {
namespace {

Reply document(const json::object& object) { return {.body = json::serialize(object) + "\n"}; }

std::vector<const ResourceType*> served_types(State& state) {
  std::vector<const ResourceType*> types;
  for (const auto& table : state.store.tables())
    if (table.served) types.push_back(&table.type);
  return types;
}

json::object group_of(const ResourceType& type) {
  const json::object version{{"groupVersion", type.api_version()}, {"version", type.version}};
  return {{"name", type.group}, {"versions", json::array{version}}, {"preferredVersion", version}};
}

json::array groups(State& state) {
  json::array list;
  for (const auto* type : served_types(state)) {
    if (type->group.empty()) continue;
    const json::object group = group_of(*type);
    if (std::ranges::find(list, json::value(group)) == list.end()) list.push_back(group);
  }
  return list;
}

json::object resource_of(const ResourceType& type) {
  json::array names;
  for (const auto& name : type.short_names) names.push_back(json::string(name));
  json::object resource{
      {"name", type.plural},
      {"singularName", type.singular},
      {"namespaced", type.namespaced},
      {"kind", type.kind},
      {"verbs", json::array{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}}};
  if (!names.empty()) resource["shortNames"] = names;
  return resource;
}

Reply resources(State& state, std::string_view group_version) {
  json::array list;
  for (const auto* type : served_types(state)) {
    if (type->api_version() != group_version) continue;
    list.push_back(resource_of(*type));
    if (!type->status) continue;
    list.push_back(json::object{{"name", type->plural + "/status"},
                                {"singularName", ""},
                                {"namespaced", type->namespaced},
                                {"kind", type->kind},
                                {"verbs", json::array{"get", "patch", "update"}}});
  }
  if (list.empty()) return no_such_page();
  return document({{"kind", "APIResourceList"},
                   {"apiVersion", "v1"},
                   {"groupVersion", json::string_view(group_version)},
                   {"resources", list}});
}

Reply group(State& state, std::string_view name) {
  for (const auto& each : groups(state)) {
    if (each.at("name") != json::value(name)) continue;
    json::object object{{"kind", "APIGroup"}, {"apiVersion", "v1"}};
    for (const auto& [key, value] : each.get_object()) object.emplace(key, value);
    return document(object);
  }
  return no_such_page();
}

}  // namespace

Reply discover(State& state, const Call& call) {
  const std::string_view path = call.target.path;
  if (path == "/api") return document({{"kind", "APIVersions"}, {"versions", json::array{"v1"}}});
  if (path == "/apis") return document({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups(state)}});
  if (path == "/version")
    return document({{"major", "1"}, {"minor", "34"}, {"gitVersion", "v1.34.0-fake"}, {"platform", "linux/amd64"}});
  if (path == "/healthz" || path == "/readyz" || path == "/livez")
    return {.body = "ok", .content_type = "text/plain; charset=utf-8"};
  // An empty protobuf document: kubectl then validates nothing.
  if (path == "/openapi/v2" && call.accept.find("protobuf") != std::string::npos)
    return {.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"};
  if (path == "/api/v1") return resources(state, "v1");
  if (path.starts_with("/apis/")) {
    const auto rest = path.substr(6);
    return rest.find('/') == std::string_view::npos ? group(state, rest) : resources(state, rest);
  }
  return no_such_page();
}

}  // namespace gatehouse::kubernetes::fake
