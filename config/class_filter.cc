#include "config/class_filter.h"

#include "config/ingress_draft.h"

#include <algorithm>

namespace gatehouse {

ClassFilter::ClassFilter(const kubernetes::ClusterObjects& objects, const ClassRule& rule)
    : names_(rule.names.begin(), rule.names.end()), without_class_(rule.without_class) {
  for (const auto& [name, ingress_class] : objects.classes) {
    if (std::find(rule.controllers.begin(), rule.controllers.end(), ingress_class->controller) ==
        rule.controllers.end())
      continue;
    names_.insert(name.name);
    const auto& annotations = ingress_class->meta.notes().annotations;
    const auto is_default = annotations.find("ingressclass.kubernetes.io/is-default-class");
    if (is_default != annotations.end() && is_default->second == "true") without_class_ = true;
  }
}

bool ClassFilter::accepts(const kubernetes::Ingress& ingress) const {
  const std::string name = class_of(ingress);
  return name.empty() ? without_class_ || is_challenge_solver(ingress) : names_.contains(name);
}

bool ClassFilter::accepts(const kubernetes::IngressRouteTcp& route) const {
  const std::string name = class_of(route);
  return name.empty() || names_.contains(name);
}

}  // namespace gatehouse
