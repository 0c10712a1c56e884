#include "cli/published_status.h"

#include "cli/membership.h"
#include "config/class_filter.h"
#include "config/kubernetes/load_balancer.h"

namespace gatehouse {

using namespace kubernetes;

PublishedStatus::PublishedStatus(const Cluster& cluster, KubernetesReportSettings settings, ObjectName our_pod)
    : cluster_(cluster), settings_(std::move(settings)), our_pod_(std::move(our_pod)) {
  std::vector<std::string> fixed;
  for (const auto& address : {settings_.ingress_ip, settings_.ingress_hostname})
    if (!address.empty()) fixed.push_back(address);
  if (auto text = fixed_load_balancer(fixed); text && !fixed.empty()) fixed_address_ = *text;
}

std::optional<ObjectName> PublishedStatus::service() const {
  if (settings_.published_service == "auto") return find_published_service(cluster_.objects(), our_pod_);
  return object_name(settings_.published_service);
}

std::string PublishedStatus::address() {
  if (settings_.fixed_address()) return fixed_address_;
  const ClusterObjects& objects = cluster_.objects();
  const auto name = service();
  const auto found = name ? objects.services.find(*name) : objects.services.end();
  if (found == objects.services.end()) return {};
  const kubernetes::Service& service = *found->second;
  const ObjectDetails* details = cluster_.details({Kind::service, *name});
  if (details != nullptr && details->deleting) return {};
  auto address = load_balancer_of({service.type, service.cluster_ip, service.external_name, service.external_ips,
                                   details == nullptr ? std::string() : details->status});
  if (!address.empty()) published_ = {*name, address};
  return address;
}

std::vector<ShownStatus> PublishedStatus::ours(const ClassRule& rule, const std::set<ObjectName>* among) const {
  std::vector<ShownStatus> ours;
  if (!cluster_.has_synced()) return ours;
  const auto& ingresses = cluster_.objects().ingresses;
  const ClassFilter classes(cluster_.objects(), rule);
  const auto take = [&](const auto& entry) {
    const auto& [name, ingress] = entry;
    const ObjectDetails* details = classes.accepts(*ingress) ? cluster_.details({Kind::ingress, name}) : nullptr;
    if (details != nullptr) ours.push_back({name, details->status, details->resource_version});
  };
  if (among == nullptr) {
    for (const auto& entry : ingresses) take(entry);
  } else {
    for (const ObjectName& name : *among)
      if (const auto found = ingresses.find(name); found != ingresses.end()) take(*found);
  }
  return ours;
}

std::optional<PublishedStatus::Gone> PublishedStatus::taken_away() const {
  if (!published_ || !cluster_.listed()) return std::nullopt;
  const ObjectDetails* service = cluster_.details({Kind::service, published_->service});
  return service == nullptr || service->deleting ? published_ : std::nullopt;
}

std::vector<ShownStatus> PublishedStatus::left_behind(const ClassRule& rule) const {
  const ClusterObjects& objects = cluster_.objects();
  const ClassFilter classes(objects, rule);
  std::vector<ShownStatus> left;
  for (const auto& [name, ingress] : objects.ingresses) {
    const bool of_another =
        !classes.accepts(*ingress) && objects.classes.contains({"", ClassFilter::class_of(*ingress)});
    const ObjectDetails* details = of_another ? nullptr : cluster_.details({Kind::ingress, name});
    if (details != nullptr) left.push_back({name, details->status, details->resource_version});
  }
  return left;
}

}  // namespace gatehouse
