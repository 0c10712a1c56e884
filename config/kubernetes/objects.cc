#include "config/kubernetes/objects.h"

namespace gatehouse::kubernetes {
namespace {

const char* kind_of(const Ingress&) { return "Ingress"; }
const char* kind_of(const IngressClass&) { return "IngressClass"; }
const char* kind_of(const Service&) { return "Service"; }
const char* kind_of(const EndpointSlice&) { return "EndpointSlice"; }
const char* kind_of(const Secret&) { return "Secret"; }
const char* kind_of(const IngressRouteTcp& route) {
  return route.old_group ? "IngressRouteTCP (traefik.containo.us)" : "IngressRouteTCP";
}

auto& table_of(ClusterObjects& objects, const Ingress&) { return objects.ingresses; }
auto& table_of(ClusterObjects& objects, const IngressClass&) { return objects.classes; }
auto& table_of(ClusterObjects& objects, const Service&) { return objects.services; }
auto& table_of(ClusterObjects& objects, const EndpointSlice&) { return objects.slices; }
auto& table_of(ClusterObjects& objects, const Secret&) { return objects.secrets; }
auto& table_of(ClusterObjects& objects, const IngressRouteTcp& route) {
  return route.old_group ? objects.old_tcp_routes : objects.tcp_routes;
}

}  // namespace

const std::string& Origin::file_name() const {
  static const std::string none;
  return file ? *file : none;
}

bool Ingress::operator==(const Ingress& other) const {
  const auto same_default = [&] {
    if (!default_backend || !other.default_backend) return !default_backend && !other.default_backend;
    return *default_backend == *other.default_backend;
  };
  return meta == other.meta && class_name == other.class_name && rules == other.rules && tls == other.tls &&
         same_default();
}

std::string ObjectKey::text() const { return kind + " " + (name.ns.empty() ? name.name : name.text()); }

ObjectKey key_of(const Object& object) {
  return std::visit([](const auto& o) { return ObjectKey{kind_of(*o), o->meta.name}; }, object);
}

const Meta& meta_of(const Object& object) {
  return std::visit([](const auto& o) -> const Meta& { return o->meta; }, object);
}

bool equal(const Object& a, const Object& b) {
  return std::visit(
      [](const auto& x, const auto& y) {
        if constexpr (std::is_same_v<decltype(x), decltype(y)>)
          return x == y || *x == *y;
        else
          return false;
      },
      a, b);
}

std::size_t NameHash::operator()(const NameView& name) const {
  const std::hash<std::string_view> hash;
  return hash(name.ns) * 31 + hash(name.name);
}

bool ClusterObjects::add(Object object) {
  return std::visit(
      [&](auto& o) {
        const bool added = table_of(*this, *o).emplace(o->meta.name, o).second;
        if (added) index(o);
        return added;
      },
      object);
}

bool ClusterObjects::put(Object object) {
  return std::visit(
      [&](auto& o) {
        auto& slot = table_of(*this, *o)[o->meta.name];
        if (slot && *slot == *o) return false;
        if (slot) unindex(slot);
        slot = o;
        index(o);
        return true;
      },
      object);
}

template <class T>
bool ClusterObjects::erase_from(Table<T>& table, const ObjectName& name) {
  const auto found = table.find(name);
  if (found == table.end()) return false;
  unindex(found->second);
  table.erase(found);
  return true;
}

bool ClusterObjects::erase(const ObjectKey& key) {
  if (key.kind == "Ingress") return erase_from(ingresses, key.name);
  if (key.kind == "IngressClass") return erase_from(classes, key.name);
  if (key.kind == "Service") return erase_from(services, key.name);
  if (key.kind == "EndpointSlice") return erase_from(slices, key.name);
  if (key.kind == "Secret") return erase_from(secrets, key.name);
  if (key.kind == "IngressRouteTCP") return erase_from(tcp_routes, key.name);
  return erase_from(old_tcp_routes, key.name);
}

const ServiceObjects* ClusterObjects::service(NameView name) const {
  const auto found = by_service_.find(name);
  return found == by_service_.end() ? nullptr : &found->second;
}

void ClusterObjects::index(const std::shared_ptr<const Service>& service) {
  by_service_[service->meta.name].service = service;
}

void ClusterObjects::unindex(const std::shared_ptr<const Service>& service) {
  const auto found = by_service_.find(service->meta.name);
  found->second.service = nullptr;
  if (found->second.slices.empty()) by_service_.erase(found);
}

void ClusterObjects::index(const std::shared_ptr<const EndpointSlice>& slice) {
  by_service_[{slice->meta.name.ns, slice->service}].slices.push_back(slice);
}

void ClusterObjects::unindex(const std::shared_ptr<const EndpointSlice>& slice) {
  const auto found = by_service_.find(NameView{slice->meta.name.ns, slice->service});
  std::erase(found->second.slices, slice);
  if (found->second.slices.empty() && !found->second.service) by_service_.erase(found);
}

}  // namespace gatehouse::kubernetes
