// How this process belongs to a cluster, by the settings and the environment: which pod it is, how it speaks to the API
// server, what it follows there, and under which Lease one of several leads. ◦
#pragma once

#include "config/kubernetes/access.h"
#include "config/kubernetes/candidacy.h"
#include "config/kubernetes/cluster.h"
#include "config/settings.h"

#include <map>
#include <optional>
#include <string>

namespace gatehouse {

// Which replica this is.
struct MemberIdentity {
  ObjectName pod;  // namespace and name
};

// By POD_NAMESPACE and POD_NAME (downward API), else what the access and the host's name say.
MemberIdentity member_identity(const std::map<std::string, std::string>& environment, const kubernetes::Access& access);

// `settings` have providers.kubernetes.
kubernetes::FoundAccess find_access(const Settings& settings, const kubernetes::Environment& environment);
kubernetes::ClusterOptions cluster_options(const KubernetesSettings& settings);
kubernetes::LeaseTerms lease_terms(const LeaderElectionSettings& settings, const MemberIdentity& identity);
// `NAMESPACE/NAME`; nothing of other texts.
std::optional<ObjectName> object_name(const std::string& text);

}  // namespace gatehouse
