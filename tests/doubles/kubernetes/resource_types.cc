#include "tests/doubles/kubernetes/resource_types.h"

namespace gatehouse::kubernetes::fake {
namespace {

ResourceType type(std::string group, std::string version, std::string plural, std::string singular, std::string kind) {
  return {.group = std::move(group),
          .version = std::move(version),
          .plural = std::move(plural),
          .singular = std::move(singular),
          .kind = std::move(kind)};
}

ResourceType with(ResourceType made, void (*change)(ResourceType&)) {
  change(made);
  return made;
}

std::string text(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object* object(const json::value* value) { return value != nullptr ? value->if_object() : nullptr; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string decode(std::string_view text, bool form) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    parts.push_back(decode(path.substr(at, end - at), false));
    at = end + 1;
  }
  return parts;
}

}  // namespace

const std::vector<ResourceType>& built_in_types() {
  using T = ResourceType;
  static const std::vector<T> types = {
      with(type("", "v1", "namespaces", "namespace", "Namespace"),
           [](T& t) { t.namespaced = false, t.status = true, t.short_names = {"ns"}; }),
      with(type("", "v1", "nodes", "node", "Node"),
           [](T& t) { t.namespaced = false, t.status = true, t.short_names = {"no"}; }),
      with(type("", "v1", "services", "service", "Service"),
           [](T& t) { t.status = true, t.create_on_update = true, t.short_names = {"svc"}; }),
      type("", "v1", "secrets", "secret", "Secret"),
      with(type("", "v1", "configmaps", "configmap", "ConfigMap"), [](T& t) { t.short_names = {"cm"}; }),
      with(type("", "v1", "pods", "pod", "Pod"),
           [](T& t) { t.status = true, t.generation = true, t.short_names = {"po"}; }),
      with(type("", "v1", "events", "event", "Event"), [](T& t) { t.create_on_update = true, t.short_names = {"ev"}; }),
      with(type("events.k8s.io", "v1", "events", "event", "Event"),
           [](T& t) { t.create_on_update = true, t.short_names = {"ev"}; }),
      with(type("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress"),
           [](T& t) { t.status = true, t.generation = true, t.short_names = {"ing"}; }),
      with(type("networking.k8s.io", "v1", "ingressclasses", "ingressclass", "IngressClass"),
           [](T& t) { t.namespaced = false, t.generation = true; }),
      with(type("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice"),
           [](T& t) { t.generation = true; }),
      with(type("coordination.k8s.io", "v1", "leases", "lease", "Lease"),
           [](T& t) { t.unconditional_update = false, t.create_on_update = true; }),
      with(type("apiextensions.k8s.io", "v1", "customresourcedefinitions", "customresourcedefinition",
                "CustomResourceDefinition"),
           [](T& t) {
             t.namespaced = false, t.status = true, t.generation = true, t.unconditional_update = false;
             t.short_names = {"crd", "crds"};
           }),
  };
  return types;
}

std::optional<ResourceType> type_of_crd(const json::object& crd) {
  const json::object* spec = object(crd.if_contains("spec"));
  const json::object* names = spec != nullptr ? object(spec->if_contains("names")) : nullptr;
  const json::value* versions = spec != nullptr ? spec->if_contains("versions") : nullptr;
  if (names == nullptr || versions == nullptr || !versions->is_array()) return std::nullopt;
  for (const auto& each : versions->get_array()) {
    const json::object* version = each.if_object();
    const json::value* served = version != nullptr ? version->if_contains("served") : nullptr;
    if (served == nullptr || *served != true) continue;
    ResourceType made =
        type(text(spec->if_contains("group")), text(version->if_contains("name")), text(names->if_contains("plural")),
             text(names->if_contains("singular")), text(names->if_contains("kind")));
    const json::object* sub = object(version->if_contains("subresources"));
    made.namespaced = text(spec->if_contains("scope")) == "Namespaced";
    made.status = sub != nullptr && sub->contains("status");
    made.generation = made.custom = true;
    made.unconditional_update = false;
    if (made.group.empty() || made.version.empty() || made.plural.empty() || made.kind.empty()) return std::nullopt;
    return made;
  }
  return std::nullopt;
}

std::string tcp_route_crd(std::string_view group) {
  return R"({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "ingressroutetcps.)" +
         std::string(group) + R"("}, "spec": {"group": ")" + std::string(group) + R"(", "scope": "Namespaced",
    "names": {"plural": "ingressroutetcps", "singular": "ingressroutetcp", "kind": "IngressRouteTCP",
      "listKind": "IngressRouteTCPList"},
    "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
      "x-kubernetes-preserve-unknown-fields": true}}}]}})";
}

std::string_view Target::value(std::string_view key) const {
  const auto found = query.find(key);
  return found == query.end() ? std::string_view() : std::string_view(found->second);
}

Target parse_target(std::string_view text) {
  Target target;
  const std::size_t mark = std::min(text.find('?'), text.size());
  for (std::size_t at = mark + 1; at < text.size();) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    const std::string_view pair = text.substr(at, end - at);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    target.query.emplace(decode(pair.substr(0, equals), true),
                         equals < pair.size() ? decode(pair.substr(equals + 1), true) : std::string());
    at = end + 1;
  }
  target.path = decode(text.substr(0, mark), false);
  const auto parts = segments(text.substr(0, mark));
  std::size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    target.version = parts[1];
    at = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    target.group = parts[1];
    target.version = parts[2];
    at = 3;
  } else {
    return target;
  }
  // /namespaces/NAME and its subresources are about the namespace itself.
  const bool in_namespace =
      parts[at] == "namespaces" && parts.size() > at + 2 && parts[at + 2] != "status" && parts[at + 2] != "finalize";
  if (in_namespace) {
    target.ns = parts[at + 1];
    at += 2;
  }
  target.plural = parts[at];
  if (parts.size() > at + 1) target.name = parts[at + 1];
  if (parts.size() > at + 2) target.subresource = parts[at + 2];
  if (target.group.empty() && target.plural == "namespaces") target.ns = target.name;
  return target;
}

}  // namespace gatehouse::kubernetes::fake
