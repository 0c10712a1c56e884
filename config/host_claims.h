// HostClaims: which namespaces may claim which hosts, by the operator's rules. ◦ Pure; immutable once made.
//
// A host that some pattern covers may be claimed only by the namespaces of the rules whose patterns cover it; a host
// that none covers is free. A wildcard host claims every name it stands for, and a rule without a host every name there
// is: their namespace needs the right to each pattern they reach into, for otherwise they would answer for a
// reserved host as long as its owner has no route for it.
#pragma once

#include "config/name_pattern.h"

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class HostClaims {
 public:
  struct Rule {
    std::vector<std::string> namespaces;
    std::vector<NamePattern> hosts;
  };

  explicit HostClaims(const std::vector<Rule>& rules);

  // `host`: as HostName writes it, a wildcard, or empty for any.
  bool may_claim(std::string_view ns, std::string_view host) const;

 private:
  using Namespaces = std::set<std::string, std::less<>>;
  using ByName = std::unordered_map<std::string, Namespaces>;

  bool free_or_granted(std::string_view ns, std::string_view name) const;

  ByName exact_;  // name → who
  ByName below_;  // `.parent`, or nothing for all → who
  std::unordered_map<std::string, std::vector<std::string>> exact_under_;  // `.parent` → the exact names under it
  Namespaces anywhere_;  // who may claim every host
};

}  // namespace gatehouse
