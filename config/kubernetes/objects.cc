#include "config/kubernetes/objects.h"

namespace gatehouse::kubernetes {
namespace {

Kind kind_of(const Ingress&) { return Kind::ingress; }
Kind kind_of(const IngressClass&) { return Kind::ingress_class; }
Kind kind_of(const Service&) { return Kind::service; }
Kind kind_of(const EndpointSlice&) { return Kind::slice; }
Kind kind_of(const Secret&) { return Kind::secret; }
Kind kind_of(const IngressRouteTcp& route) { return route.old_group ? Kind::old_tcp_route : Kind::tcp_route; }

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

bool SliceEndpoint::operator==(const SliceEndpoint& other) const {
  const auto same_hints = [&] { return hints == other.hints || (hints && other.hints && *hints == *other.hints); };
  return address == other.address && ready == other.ready && serving == other.serving &&
         terminating == other.terminating && target == other.target && same_hints();
}

WallTime Meta::created() const {
  const std::string& text = notes().created;
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";  // 2026-01-31T10:20:30Z
  if (text.size() != form.size()) return {};
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return {};
  const auto two = [&](std::size_t at) { return static_cast<unsigned>((text[at] - '0') * 10 + text[at + 1] - '0'); };
  const std::chrono::year year(static_cast<int>(two(0) * 100 + two(2)));
  const std::chrono::year_month_day day{year, std::chrono::month(two(5)), std::chrono::day(two(8))};
  if (!day.ok() || year < std::chrono::year(1970) || year > std::chrono::year(2261)) return {};
  return std::chrono::sys_days(day) + std::chrono::hours(two(11)) + std::chrono::minutes(two(14)) +
         std::chrono::seconds(two(17));
}

const Notes& Meta::notes() const {
  static const Notes none;
  return given ? *given : none;
}

std::string_view kind_name(Kind kind) {
  static constexpr std::string_view names[] = {"Ingress",
                                               "IngressClass",
                                               "Service",
                                               "EndpointSlice",
                                               "Secret",
                                               "IngressRouteTCP",
                                               "IngressRouteTCP (traefik.containo.us)"};
  return names[static_cast<std::size_t>(kind)];
}

std::string ObjectKey::text() const {
  return std::string(kind_name(kind)) + " " + (name.ns.empty() ? name.name : name.text());
}

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
  switch (key.kind) {
    case Kind::ingress: return erase_from(ingresses, key.name);
    case Kind::ingress_class: return erase_from(classes, key.name);
    case Kind::service: return erase_from(services, key.name);
    case Kind::slice: return erase_from(slices, key.name);
    case Kind::secret: return erase_from(secrets, key.name);
    case Kind::tcp_route: return erase_from(tcp_routes, key.name);
    case Kind::old_tcp_route: return erase_from(old_tcp_routes, key.name);
  }
  return false;
}

ServiceObjectsPtr ClusterObjects::service(NameView name) const {
  const auto found = by_service_.find(name);
  return found == by_service_.end() ? nullptr : found->second;
}

template <class Change>
void ClusterObjects::change_service(const ObjectName& name, Change change) {
  const auto entry = by_service_.try_emplace(name).first;
  ServiceObjectsPtr& known = entry->second;
  const bool ours_alone = known && known.use_count() == 1;
  auto next = ours_alone ? std::const_pointer_cast<ServiceObjects>(known) : std::make_shared<ServiceObjects>();
  if (known && !ours_alone) {
    *next = *known;
    next->superseded = false;
    known->superseded = true;
  }
  change(*next);
  if (!next->service && next->slices.empty())
    by_service_.erase(entry);
  else
    known = std::move(next);
}

void ClusterObjects::index(const std::shared_ptr<const Service>& service) {
  change_service(service->meta.name, [&](ServiceObjects& objects) { objects.service = service; });
}

void ClusterObjects::unindex(const std::shared_ptr<const Service>& service) {
  change_service(service->meta.name, [](ServiceObjects& objects) { objects.service = nullptr; });
}

void ClusterObjects::index(const std::shared_ptr<const EndpointSlice>& slice) {
  if (slice->service.empty()) return;  // belongs to nothing; there may be very many of them
  change_service({slice->meta.name.ns, slice->service},
                 [&](ServiceObjects& objects) { objects.slices.push_back(slice); });
}

void ClusterObjects::unindex(const std::shared_ptr<const EndpointSlice>& slice) {
  if (slice->service.empty()) return;
  change_service({slice->meta.name.ns, slice->service},
                 [&](ServiceObjects& objects) { std::erase(objects.slices, slice); });
}

}  // namespace gatehouse::kubernetes
