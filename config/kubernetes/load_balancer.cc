#include "config/kubernetes/load_balancer.h"

#include "config/kubernetes/answer_fields.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace gatehouse::kubernetes {
namespace {

std::string canonical_address(std::string_view text) {
  const auto address = parse_address(text);
  return address ? address->to_string() : std::string();
}

// As the API server takes it: no `_`, no address.
std::string canonical_name(std::string_view text) {
  const auto name = HostName::parse(text);
  const bool takes = name && text.find('_') == text.npos && !parse_address(text);
  return takes ? name->text() : std::string();
}

// Empty: not correct.
std::string canonical(const LoadBalancerPoint& point) {
  const std::string ip = canonical_address(point.ip);
  const std::string name = canonical_name(point.hostname);
  const bool wrong = (ip.empty() && !point.ip.empty()) || (name.empty() && !point.hostname.empty());
  if (wrong) return "";
  return ip.empty() || name.empty() ? ip + name : ip + "/" + name;
}

LoadBalancerPoint point_at(std::string_view address) {
  if (parse_address(address)) return {std::string(address), ""};
  return {"", std::string(address)};
}

bool has_pod(const ServiceObjects& service, std::string_view pod) {
  return std::any_of(service.slices.begin(), service.slices.end(), [&](const auto& slice) {
    return std::any_of(slice->endpoints.begin(), slice->endpoints.end(),
                       [&](const auto& endpoint) { return endpoint.target == pod; });
  });
}

}  // namespace

std::string print_load_balancer(const std::vector<LoadBalancerPoint>& points) {
  std::vector<std::string> texts;
  for (const auto& point : points) {
    const bool taken = texts.size() < most_load_balancer_points;
    std::string text = taken ? canonical(point) : "";
    texts.push_back(text.empty() ? "?" : std::move(text));
    if (!taken) break;
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

std::vector<LoadBalancerPoint> parse_load_balancer(std::string_view text) {
  std::vector<LoadBalancerPoint> points;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty() || one == "?") continue;
    const auto slash = one.find('/');
    if (slash == one.npos)
      points.push_back(point_at(one));
    else
      points.push_back({std::string(one.substr(0, slash)), std::string(one.substr(slash + 1))});
  }
  return points;
}

std::string load_balancer_of_json(std::string_view json) {
  const auto balancer = read_object(json);
  if (!balancer) return "?";
  const auto* list = balancer->if_contains("ingress");
  if (list == nullptr || list->is_null()) return "";
  if (!list->is_array()) return "?";
  std::vector<LoadBalancerPoint> points;
  for (const auto& item : list->get_array()) {
    if (points.size() > most_load_balancer_points) break;
    const auto* point = item.if_object();
    points.push_back(point == nullptr ? LoadBalancerPoint()
                                      : LoadBalancerPoint{text_in(*point, "ip"), text_in(*point, "hostname")});
  }
  return print_load_balancer(points);
}

Result<std::string> fixed_load_balancer(const std::vector<std::string>& addresses) {
  std::vector<LoadBalancerPoint> points;
  for (const auto& address : addresses) {
    points.push_back(point_at(address));
    if (canonical(points.back()).empty())
      return Failure(FailureKind::bad_configuration, "'" + address + "' is neither an address nor a name");
  }
  return print_load_balancer(points);
}

std::string load_balancer_of(const PublishedService& service) {
  std::vector<LoadBalancerPoint> points;
  if (service.type == "LoadBalancer") points = parse_load_balancer(service.load_balancer);
  if (service.type == "ExternalName") points.push_back(point_at(service.external_name));
  if (service.type != "ExternalName")
    for (const auto& ip : service.external_ips) points.push_back({ip, ""});
  const bool has_own = service.type == "ClusterIP" || service.type == "NodePort" || service.type.empty();
  if (has_own && points.empty()) points.push_back({service.cluster_ip, ""});
  std::erase_if(points, [](const auto& point) { return canonical(point).empty(); });  // "None" among them
  return print_load_balancer(points);
}

std::optional<ObjectName> find_published_service(const ClusterObjects& objects, const ObjectName& our_pod) {
  for (auto at = objects.services.lower_bound({our_pod.ns, ""}); at != objects.services.end(); ++at) {
    const auto& [name, service] = *at;
    if (name.ns != our_pod.ns) break;
    const auto all = objects.service({name.ns, name.name});
    if (service->type == "LoadBalancer" && all && has_pod(*all, our_pod.name)) return name;
  }
  return std::nullopt;
}

}  // namespace gatehouse::kubernetes
