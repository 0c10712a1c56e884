// ServiceFinder: the Service behind (namespace, name, port), with the endpoints to dial. Part of translation; lives
// for one of them.
//
// Endpoints come from EndpointSlices by port name (never podIP:servicePort), ready ones, or when none is ready those
// that still serve while terminating; from an ExternalName's address or resolved name; or with nativeLB from the
// clusterIP. A Service without a usable endpoint is found, with none.
#pragma once

#include "config/annotations.h"
#include "config/translation.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

// What was found for "namespace/name:port", and for what use.
struct FoundService {
  std::shared_ptr<const Service> service;  // null: there is none
  std::string missing;                     // why; the beginning of a sentence
};
using ServiceMap = std::unordered_map<std::string, FoundService>;

class ServiceFinder {
 public:
  enum class Use : std::uint8_t { http, tcp, tcp_native };

  // All arguments outlive the finder. `known`: the previous translation's services.
  ServiceFinder(const kubernetes::ClusterObjects& objects, const TranslationInput& input, const ResolvedNames& resolved,
                const ServiceMap& known, std::vector<Problem>& problems);

  // Valid until the next call.
  const FoundService& find(std::string_view ns, std::string_view name, const kubernetes::PortRef& port, Use use);

  // What was found, for the next translation.
  ServiceMap take_services() { return std::move(services_); }
  const std::set<std::string>& names_in_use() const { return names_in_use_; }

 private:
  struct Target;

  const FoundService& missing(std::string words);
  FoundService make(const std::string& key, const kubernetes::ServiceObjects& objects, Target& target, Use use);
  std::string find_endpoints(const kubernetes::ServiceObjects& objects, Target& target, Use use);
  std::string find_external(const kubernetes::Service& service, Target& target);
  std::string find_cluster_address(const kubernetes::Service& service, Target& target);
  void find_in_slices(const kubernetes::ServiceObjects& objects, Target& target);
  void keep_allowed(const kubernetes::Service& service, std::vector<Endpoint>& endpoints);
  const ServiceAnnotations& annotations_of(const kubernetes::Service& service);
  std::shared_ptr<const Service> known_or_new(const std::string& key, Service& candidate) const;
  void warn(const kubernetes::Service& service, std::string words);

  const kubernetes::ClusterObjects& objects_;
  const TranslationInput& input_;
  const ResolvedNames& resolved_;
  const ServiceMap& known_;
  std::vector<Problem>& problems_;
  std::unordered_map<const kubernetes::Service*, ServiceAnnotations> annotations_;
  ServiceMap services_;
  FoundService missing_;
  std::string key_;  // of the find in progress; kept for its memory
  std::set<std::string> names_in_use_;
};

}  // namespace gatehouse
