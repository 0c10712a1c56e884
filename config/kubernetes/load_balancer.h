// Under which addresses clients reach a load balancer: status.loadBalancer.ingress of a Service or an Ingress, as one
// canonical line of text, so that two of them say the same exactly when the texts are equal. ◦
//
//   "10.0.0.1 2001:db8::1 lb.example.com"   three points, each an address or a name
//   "10.0.0.1/lb.example.com"               one point that has both
//
// Sorted, each once; addresses in their shortest form, names in lower case. `ports` and `ipMode` are left out: whoever
// compares does not care. A point that has neither a correct address nor a correct name is "?", equal to no other
// text that we make.
#pragma once

#include "config/kubernetes/objects.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

// LoadBalancerIngress of core/v1, IngressLoadBalancerIngress of networking.k8s.io/v1; empty: not given.
struct LoadBalancerPoint {
  std::string ip;
  std::string hostname;

  auto operator<=>(const LoadBalancerPoint&) const = default;
};

inline constexpr std::size_t most_load_balancer_points = 64;  // of a longer list the rest is "?"

std::string print_load_balancer(const std::vector<LoadBalancerPoint>& points);
// Of print_load_balancer's text; "?" is left out.
std::vector<LoadBalancerPoint> parse_load_balancer(std::string_view text);
// Of `status.loadBalancer` in JSON; of what cannot be read "?".
std::string load_balancer_of_json(std::string_view json);
// What the settings give: addresses and names. A Failure names the one that is neither.
Result<std::string> fixed_load_balancer(const std::vector<std::string>& addresses);

// What we are reached by, of a Service in front of us. Type LoadBalancer: what its status says, and externalIPs.
// ExternalName: that name. Others: externalIPs, or else the clusterIP; nodes' addresses are not looked up (that would
// take the right to read nodes), who has NodePorts names addresses in the settings. Empty: not known (yet).
struct PublishedService {
  std::string type;
  std::string cluster_ip;
  std::string external_name;
  std::vector<std::string> external_ips;
  std::string load_balancer;  // canonical text
};
std::string load_balancer_of(const PublishedService& service);

// `publishedService: auto`: the Service through which the world reaches our pod, found among what is watched for
// routing anyway, so it takes no further right: in our namespace, of type LoadBalancer, with an EndpointSlice that has
// our pod in it (targetRef). By name the first of several. Nothing when there is none (yet), or when our namespace is
// not watched: then the setting has to name it, as the Helm chart always does.
std::optional<ObjectName> find_published_service(const ClusterObjects& objects, const ObjectName& our_pod);

}  // namespace gatehouse::kubernetes
