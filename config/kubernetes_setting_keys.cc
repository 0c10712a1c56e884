#include "config/quantities.h"
#include "config/setting_keys.h"

namespace gatehouse {
namespace {

KubernetesSettings& kubernetes(At at) {
  auto& section = at.settings.kubernetes;
  return section ? *section : section.emplace();
}
KubernetesAccessSettings& access(At at) { return kubernetes(at).access; }
KubernetesReportSettings& reports(At at) { return kubernetes(at).reports; }
LeaderElectionSettings& election(At at) { return kubernetes(at).leader_election; }

HostClaimSettings& claim(At at) {
  auto& claims = kubernetes(at).host_claims;
  const auto index = static_cast<std::size_t>(parse_number(at.names[0]).value());
  if (index >= claims.size()) claims.resize(index + 1);
  return claims[index];
}

constexpr Limits any;

Limits one_of(std::vector<std::string_view> choices) {
  Limits limits;
  limits.choices = std::move(choices);
  return limits;
}

std::vector<SettingKey> reading_keys() {
  return {
      {"providers.kubernetes", [](At at) { kubernetes(at); }, any,
       "Routes from the API server's objects, watched. `{}`: of the cluster this runs in. One of its objects sees "
       "Services, Secrets and IngressClasses of the API server only, never those of providers.manifests."},
      {"providers.kubernetes.endpoint", [](At at) -> auto& { return access(at).endpoint; }, any,
       "The API server, `https://HOST:PORT`. Empty: the kubeconfig's, else the cluster's own."},
      {"providers.kubernetes.token", [](At at) -> auto& { return access(at).token; }, any,
       "Bearer token for `endpoint`; better from a variable than in the file. Empty: the service account's, read "
       "again as it changes."},
      {"providers.kubernetes.certAuthFilePath", [](At at) -> auto& { return access(at).cert_auth_file; }, any,
       "PEM file of the CA the API server is verified with. Empty: the service account's."},
      {"providers.kubernetes.kubeconfig", [](At at) -> auto& { return access(at).kubeconfig; }, any,
       "A kubeconfig file, to reach a cluster from outside."},
      {"providers.kubernetes.context", [](At at) -> auto& { return access(at).context; }, any,
       "The kubeconfig's context. Empty: its current one."},
      {"providers.kubernetes.namespaces", [](At at) -> auto& { return access(at).namespaces; }, any,
       "Only objects of these are read, for which Roles in them are enough. Empty: all namespaces."},
      {"providers.kubernetes.labelSelector", [](At at) -> auto& { return access(at).label_selector; }, any,
       "Only Ingresses and IngressRouteTCPs with these labels are read, as `kubectl -l` takes them."},
      {"providers.kubernetes.secrets", [](At at) -> auto& { return access(at).secrets; }, one_of({"all", "referenced"}),
       "`all` watches the Secrets of the namespaces and keeps those that routes name; `referenced` asks for these "
       "one by one, so no right to list Secrets is needed."},
      {"providers.kubernetes.cache", [](At at) -> auto& { return access(at).cache; }, any,
       "A file that keeps the objects last read, private keys among them, to serve after a restart while the API "
       "server is away. Empty: none."},
  };
}

std::vector<SettingKey> rule_keys() {
  return {
      {"providers.kubernetes.ingressClasses", [](At at) -> auto& { return kubernetes(at).ingress_classes; }, any,
       "Class names that are ours without an IngressClass object."},
      {"providers.kubernetes.ingressClass", [](At at) -> auto& { return kubernetes(at).ingress_classes; }, any,
       "The same, for one name (Traefik's spelling)."},
      {"providers.kubernetes.controllers", [](At at) -> auto& { return kubernetes(at).controllers; }, any,
       "Controller strings of IngressClass objects that are ours."},
      {"providers.kubernetes.watchIngressWithoutClass",
       [](At at) -> auto& { return kubernetes(at).ingress_without_class; }, any,
       "Ingresses that name no class are ours too."},
      {"providers.kubernetes.allowExternalNameServices",
       [](At at) -> auto& { return kubernetes(at).allow_external_name_services; }, any,
       "Services of type ExternalName may be used. Who may write Services then reaches whatever this proxy reaches: "
       "give allowedExternalNames too."},
      {"providers.kubernetes.allowedExternalNames",
       [](At at) -> auto& { return kubernetes(at).allowed_external_names; }, any,
       "The only names allowed then: a name or an address, or `*.example.com` for everything below it. Empty: all."},
      {"providers.kubernetes.allowLocalAddresses", [](At at) -> auto& { return kubernetes(at).allow_local_addresses; },
       any, "Endpoints may have loopback, link-local and metadata addresses."},
      {"providers.kubernetes.allowCrossNamespace", [](At at) -> auto& { return kubernetes(at).allow_cross_namespace; },
       any, "An IngressRouteTCP may name Services of other namespaces."},
      {"providers.kubernetes.hostClaims[].namespaces", [](At at) -> auto& { return claim(at).namespaces; }, any,
       "Only these namespaces may claim the hosts."},
      {"providers.kubernetes.hostClaims[].hosts", [](At at) -> auto& { return claim(at).hosts; }, any,
       "A name, `*.example.com` for everything below it, or `*` for all. Hosts that no pattern matches are free; of "
       "several that match, each gives its namespaces the right. A wildcard or any-host rule needs it for every "
       "pattern it reaches into."},
      {"providers.kubernetes.nodeName", [](At at) -> auto& { return kubernetes(at).node_name; }, any,
       "The node this runs on, for topology hints; usually by GATEHOUSE_PROVIDERS_KUBERNETES_NODENAME."},
      {"providers.kubernetes.zone", [](At at) -> auto& { return kubernetes(at).zone; }, any,
       "The zone this runs in, likewise. Without either, hints are not followed."},
  };
}

std::vector<SettingKey> writing_keys() {
  return {
      {"providers.kubernetes.updateStatus", [](At at) -> auto& { return reports(at).update_status; }, any,
       "Writes the addresses clients use into the status of Ingresses."},
      {"providers.kubernetes.publishedService", [](At at) -> auto& { return reports(at).published_service; }, any,
       "`NAMESPACE/NAME` of the Service whose addresses these are; `auto` finds it. Empty: none."},
      {"providers.kubernetes.ingressEndpoint.ip", [](At at) -> auto& { return reports(at).ingress_ip; }, any,
       "A fixed address instead."},
      {"providers.kubernetes.ingressEndpoint.hostname", [](At at) -> auto& { return reports(at).ingress_hostname; },
       any, "A fixed name instead."},
      {"providers.kubernetes.events", [](At at) -> auto& { return reports(at).events; }, any,
       "Tells problems of objects by Events too."},
      {"providers.kubernetes.leaderElection.enabled", [](At at) -> auto& { return election(at).enabled; }, any,
       "One of several replicas writes status and orders certificates. `false` for a single one without the right to "
       "Leases."},
      {"providers.kubernetes.leaderElection.namespace", [](At at) -> auto& { return election(at).ns; }, any,
       "Where the Lease is. Empty: in this pod's namespace."},
      {"providers.kubernetes.leaderElection.name", [](At at) -> auto& { return election(at).name; }, any,
       "The Lease's name; the same on all replicas."},
      {"providers.kubernetes.ticketKeysSecret", [](At at) -> auto& { return kubernetes(at).ticket_keys_secret; }, any,
       "Secret in this pod's namespace that shares session ticket keys, so that clients resume TLS sessions at any "
       "replica. Empty: each has its own."},
  };
}

}  // namespace

std::vector<SettingKey> kubernetes_setting_keys() {
  std::vector<SettingKey> keys;
  for (const auto& part : {reading_keys(), rule_keys(), writing_keys()})
    keys.insert(keys.end(), part.begin(), part.end());
  return keys;
}

}  // namespace gatehouse
