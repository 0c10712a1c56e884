// Which objects are ours by their class (Kubernetes IngressClass; facts: traefik's class match). Part of translation.
#pragma once

#include "config/translation.h"

#include <set>
#include <string>

namespace gatehouse {

class ClassFilter {
 public:
  ClassFilter(const kubernetes::ClusterObjects& objects, const ClassRule& rule);

  // By spec.ingressClassName, else by the annotation kubernetes.io/ingress.class. A challenge solver's Ingress may
  // have neither.
  bool accepts(const kubernetes::Ingress& ingress) const;
  // The same, but no class is fine.
  bool accepts(const kubernetes::IngressRouteTcp& route) const;
  // The class an object asks for; empty: none.
  template <class T>
  static std::string class_of(const T& object) {
    if (object.class_name) return *object.class_name;
    const auto annotation = object.meta.notes().annotations.find("kubernetes.io/ingress.class");
    return annotation == object.meta.notes().annotations.end() ? "" : annotation->second;
  }
  bool operator==(const ClassFilter&) const = default;

 private:
  std::set<std::string, std::less<>> names_;
  bool without_class_;
};

}  // namespace gatehouse
