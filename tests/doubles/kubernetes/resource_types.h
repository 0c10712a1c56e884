// The kinds of objects the double knows, and how paths and people name them.
#pragma once

#include <boost/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes::fake {

namespace json = boost::json;

struct ResourceType {
  std::string group, version, plural, singular, kind;
  std::vector<std::string> short_names = {};
  bool namespaced = true;
  bool status = false;                // has /status
  bool generation = false;            // counts changes of what is wanted
  bool unconditional_update = true;   // PUT without resourceVersion overwrites
  bool create_on_update = false;      // PUT of what is not there creates it
  bool custom = false;                // of a CustomResourceDefinition

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  std::string dotted() const { return group.empty() ? plural : plural + "." + group; }
};

const std::vector<ResourceType>& built_in_types();
// What a CustomResourceDefinition makes; nothing when it does not say enough.
std::optional<ResourceType> type_of_crd(const json::object& crd);
// A CustomResourceDefinition of IngressRouteTCP.
std::string tcp_route_crd(std::string_view group);

// An HTTP target, taken apart. `plural` is empty when it is not about a resource.
struct Target {
  std::string path;  // decoded
  std::map<std::string, std::string, std::less<>> query;
  std::string group, version, plural, ns, name, subresource;

  std::string_view value(std::string_view key) const;  // of the query; empty: not given
  bool flag(std::string_view key) const { return value(key) == "1" || value(key) == "true"; }
};
Target parse_target(std::string_view target);

}  // namespace gatehouse::kubernetes::fake
