#include "cli/membership.h"

namespace gatehouse {

using namespace kubernetes;

MemberIdentity member_identity(const std::map<std::string, std::string>& environment, const Access& access) {
  const auto given = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  MemberIdentity identity{{given("POD_NAMESPACE"), given("POD_NAME")}};
  if (identity.pod.ns.empty()) identity.pod.ns = access.own_namespace.empty() ? "default" : access.own_namespace;
  if (identity.pod.name.empty()) identity.pod.name = given("HOSTNAME").empty() ? "gatehouse" : given("HOSTNAME");
  return identity;
}

kubernetes::FoundAccess find_access(const Settings& settings, const kubernetes::Environment& environment) {
  const KubernetesAccessSettings& given = settings.kubernetes->access;
  return kubernetes::find_access({given.endpoint, given.token, given.cert_auth_file, given.kubeconfig, given.context},
                                 environment);
}

ClusterOptions cluster_options(const KubernetesSettings& settings) {
  const KubernetesAccessSettings& access = settings.access;
  ClusterOptions options;
  options.namespaces = access.namespaces;
  options.route_selector = access.label_selector;
  options.secrets =
      access.secrets == SecretAccess::all ? ClusterOptions::Secrets::all : ClusterOptions::Secrets::referenced;
  options.cache_file = access.cache;
  if (settings.reports.update_status) options.published_service = object_name(settings.reports.published_service);
  return options;
}

LeaseTerms lease_terms(const LeaderElectionSettings& settings, const MemberIdentity& identity) {
  LeaseTerms terms;
  terms.lease = {settings.ns.empty() ? identity.pod.ns : settings.ns, settings.name};
  terms.identity = lease_identity(identity.pod.name);
  return terms;
}

std::optional<ObjectName> object_name(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  return ObjectName{text.substr(0, slash), text.substr(slash + 1)};
}

}  // namespace gatehouse
