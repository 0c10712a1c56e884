#include "config/host_owners.h"

#include "config/problem.h"
#include "config/problem_reasons.h"

namespace gatehouse {

std::optional<HostRights::Refusal> HostRights::refusal(const std::string& ns, const std::string& host) const {
  if (claims != nullptr && !claims->may_claim(ns, host))
    return Refusal{"namespace " + ns + " may not claim " + (host.empty() ? "every host" : "host " + quoted(host)),
                   reasons::host_not_allowed};
  const ObjectName* const owner = other_owner(ns, host);
  if (owner == nullptr) return std::nullopt;
  return Refusal{
      "host " + quoted(host) + " is that of Ingress " + owner->text() + ", in another namespace (allowSharedHosts)",
      reasons::conflicting_host};
}

}  // namespace gatehouse
