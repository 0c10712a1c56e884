// Translation: the objects of a cluster and of a manifests directory, and what the settings say about them, as a
// snapshot. ★ ◦ Pure: no I/O, no clock; the same objects give the same snapshot on every replica. Never throws; an
// object that cannot be served as it asks costs itself alone and is a problem that names it.
//
// In this order, one file each:
//   ingress_draft        one Ingress read on its own: rules checked, annotations understood; remembered
//   host_claims          which namespaces may claim which hosts
//   host_owners          which namespace has a host that several claim
//   service_finder       (namespace, name, port) → Service with its endpoints
//   secret_finder        (namespace, name) → certificate, or what is wrong with it
//   tcp_translation      IngressRouteTCP → TCP routes
//   ingress_index        which Ingresses have to do with a host, a Service, a Secret
//   ingress_translation  drafts bound to services, put on entry points in the total order, duplicates left out
//   tls_options_choice   which TLS options hosts and TCP routes ask for
//   certificate_wishes   who asks which certificates resolver for what
//   certificate_choice   which certificate each host shows
//   contributions        problems, certificate requests, names and Secrets in use of all objects together
//
// An object sees Services, Secrets and IngressClasses of its own source only; hosts and connections are claimed over
// all sources alike.
//
// Total order of Ingresses and IngressRouteTCPs: the sources in their order (the operator's files first), then
// creationTimestamp (unknown last), namespace, name, and position in the object. Of two that claim the same, the first
// has it and the other one is a warning. What is claimed is a host and path, and of a host the certificate; unless
// `shared_hosts`, a host as a whole, with all paths, priorities, challenges and certificates, for one namespace. Host
// claims say beforehand which namespaces may claim which hosts, and hold for TCP routes over TLS too.
//
// What did not change is the previous translation's own object (services keep their turn, tables their memory). All of
// 10,000 Ingresses takes tens of milliseconds. Hosts are what Ingresses have in common: a change of some Ingresses,
// Services and Secrets concerns those that name them, those that name a host of these, and so on. amend() translates
// only these, by the same code, and puts what comes of it in the place of what was there for their hosts.
#pragma once

#include "config/certificate_request.h"
#include "config/host_claims.h"
#include "config/kubernetes/objects.h"
#include "config/problem.h"
#include "config/secret_finder.h"
#include "proxy/snapshot.h"
#include "tls/certificate_store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse {

// What the resolver last said about the names of ExternalName services. A name without addresses is as good as none.
using ResolvedNames = std::map<std::string, std::vector<asio::ip::address>, std::less<>>;

struct EntryPointInput {
  EntryPoint entry_point;  // as the settings make it; `http` and `tcp` are filled in
  bool as_default = false;  // asDefault
  std::string cert_resolver;  // http.tls.certResolver; empty: none
  // http.tls.domains: besides the routes' hosts; each is one certificate's names, the main one first
  std::vector<std::vector<HostName>> domains;
};

// Which Ingresses and IngressRouteTCPs are ours: a class name of `names`, or of an IngressClass whose controller is in
// `controllers`; without any class only if `without_class`, or if such an IngressClass is the default one.
// An IngressRouteTCP without a class is always ours.
struct ClassRule {
  std::vector<std::string> names = {"gatehouse"};
  std::vector<std::string> controllers = {"gatehouse.dev/ingress-controller"};
  bool without_class = false;
};

// What translation has to know of a resolver of kind `acme`.
struct AcmeResolver {
  UntilIssued until_issued = UntilIssued::internal_ca;
  std::vector<std::string> cert_manager_issuers = {};  // whose place it takes
};

// A certificate that a resolver got by ACME.
struct ObtainedCertificate {
  std::string resolver;
  tls::CertificatePtr certificate;
};

// What the settings say about one provider's objects.
struct ProviderRules {
  ClassRule classes;
  bool allow_external_names = true;
  std::vector<NamePattern> external_names;  // only these; empty: all
  bool allow_local_addresses = true;  // loopback, link-local and metadata endpoints
  bool allow_cross_namespace = false;  // IngressRouteTCP services in other namespaces
  std::shared_ptr<const HostClaims> host_claims;  // null: every host is free
  bool shared_hosts = true;  // Ingresses of several namespaces may serve one host
  std::string node, zone;  // where this runs, for topology hints; empty: not known
};

// Everything but the objects. Values that take I/O to make (contexts, certificates) are made before.
struct TranslationInput {
  std::vector<EntryPointInput> entry_points;  // routes can be on the first 64
  ProviderRules manifests, kubernetes;
  UpstreamTimeouts upstream_timeouts;
  std::shared_ptr<const tls::ClientContext> upstream_tls;  // for https services; null: they answer 503
  std::set<std::string> resolvers;  // every name in certificatesResolvers
  std::set<std::string> internal_resolvers;  // those of kind `internal`
  std::shared_ptr<const tls::InternalCa> internal_ca;
  std::map<std::string, AcmeResolver> acme_resolvers;  // those of kind `acme`
  std::vector<ObtainedCertificate> obtained;  // shown for the hosts that ask their resolver
  std::shared_ptr<const tls::ChallengeBoard> challenges;  // handed through to the snapshot; null: none is pending
  std::vector<tls::CertificatePtr> certificates;  // tls.certificates: show their own names, before any Secret
  tls::CertificatePtr default_certificate;
  bool strict_sni = false;
  std::map<std::string, TlsOptionsPtr> tls_options;  // those of tls.options that can be used
};

// Each is the previous translation's own object as long as it is equal.
struct Translation {
  std::shared_ptr<Snapshot> snapshot;  // always another; its generation is left to whoever publishes it
  std::shared_ptr<const std::vector<Problem>> problems;
  std::shared_ptr<const std::vector<CertificateRequest>> certificate_requests;  // what the ACME resolvers are asked for
  std::shared_ptr<const std::vector<std::string>> names_to_resolve;  // every DNS name in use, resolved or not; sorted
  std::vector<std::shared_ptr<const SecretNames>> secrets_in_use;  // that objects of ours name, for each source
};

// Objects and what the settings say about them.
struct TranslationSource {
  const kubernetes::ClusterObjects* objects = nullptr;
  const ProviderRules* rules = nullptr;
  // Whether it is not known yet if there is such a Secret, because it was asked for only now: nobody is told that it is
  // missing, and no other certificate is ordered. Empty: what is not among the objects is not there.
  std::function<bool(const ObjectName&)> secret_awaited = nullptr;
};

// Translates again and again, each time what has changed.
class Translator {
 public:
  Translator();
  ~Translator();
  Translator(Translator&&) noexcept;
  Translator& operator=(Translator&&) noexcept;

  // Everything. The same sources in the same places each time.
  Translation translate(const std::vector<TranslationSource>& sources, const TranslationInput& input,
                        const ResolvedNames& resolved);
  // The same result, at the cost of what the changes reach, when nothing but `touched`, of the last source, is other
  // than at the last call. Nothing: they reach too far, or too much hangs together; translate() is to be called.
  std::optional<Translation> amend(const std::vector<TranslationSource>& sources, const TranslationInput& input,
                                   const ResolvedNames& resolved, const kubernetes::TouchedObjects& touched);

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Once.
Translation translate(const std::vector<TranslationSource>& sources, const TranslationInput& input,
                      const ResolvedNames& resolved);

}  // namespace gatehouse
