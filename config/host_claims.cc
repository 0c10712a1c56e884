#include "config/host_claims.h"

#include <algorithm>

namespace gatehouse {

HostClaims::HostClaims(const std::vector<Rule>& rules) {
  std::vector<std::string> samples;  // a name for each pattern, such as only it and wider ones cover
  for (const Rule& rule : rules) {
    for (const NamePattern& pattern : rule.hosts) {
      const std::string& text = pattern.text();
      const auto [entry, added] = (pattern.is_exact() ? exact_ : below_).try_emplace(text);
      entry->second.insert(rule.namespaces.begin(), rule.namespaces.end());
      samples.push_back(pattern.is_exact() ? text : "*" + text);
      const auto dot = text.find('.');
      if (pattern.is_exact() && added && dot != std::string::npos) exact_under_[text.substr(dot)].push_back(text);
    }
  }
  for (const Rule& rule : rules)
    for (const std::string& ns : rule.namespaces)
      if (std::all_of(samples.begin(), samples.end(), [&](const auto& name) { return free_or_granted(ns, name); }))
        anywhere_.insert(ns);
}

bool HostClaims::may_claim(std::string_view ns, std::string_view host) const {
  if (host.empty()) return anywhere_.contains(ns) || (exact_.empty() && below_.empty());
  if (!free_or_granted(ns, host)) return false;
  if (!host.starts_with("*.")) return true;
  const auto inside = exact_under_.find(std::string(host.substr(1)));
  return inside == exact_under_.end() ||
         std::all_of(inside->second.begin(), inside->second.end(),
                     [&](const std::string& name) { return free_or_granted(ns, name); });
}

bool HostClaims::free_or_granted(std::string_view ns, std::string_view name) const {
  bool free = true;
  const auto granted_by = [&](const ByName& table, std::string_view key) {
    const auto found = table.find(std::string(key));
    if (found == table.end()) return false;
    free = false;
    return found->second.contains(ns);
  };
  if (granted_by(exact_, name) || granted_by(below_, "")) return true;
  for (auto dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1))
    if (granted_by(below_, name.substr(dot))) return true;
  return free;
}

}  // namespace gatehouse
