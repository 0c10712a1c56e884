// ServiceFinder: the Service behind (namespace, name, port), with the endpoints to dial. Part of translation; lives
// for one of them.
//
// Endpoints come from EndpointSlices by port name (never podIP:servicePort), ready ones, or when none is ready those
// that still serve while terminating: established connections go on, new ones go elsewhere as long as there is an
// elsewhere. Topology hints are followed where every usable endpoint has them and one is for this node or zone. A pod
// counts once, in however many slices and families it is. Or they come from an ExternalName's address or resolved name;
// or with nativeLB from the clusterIP. A Service without a usable endpoint is found, with none.
#pragma once

#include "config/annotations.h"
#include "config/contribution.h"
#include "config/translation.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse {

// What was found for "namespace/name:port", and for what use.
struct FoundService {
  std::shared_ptr<const Service> service;  // null: there is none
  std::string missing;  // why; the beginning of a sentence
  std::string_view reason = {};  // the same, one of problem_reasons.h
  std::vector<Problem> problems = {};  // of the Service itself
  std::string name = {};  // the DNS name its addresses come from; empty: none
  // What it was made of. Null: it may change without them (a resolved name), or there is something to say about it to
  // each that finds it. Otherwise it is the same as long as they are not superseded and the terms are the same.
  kubernetes::ServiceObjectsPtr source = nullptr;
  std::uint64_t made_in = 0;  // which translation
};

// What the settings say about every service.
struct ServiceTerms {
  bool allow_external_names = false, allow_local_addresses = false;
  std::vector<NamePattern> external_names;
  std::string node, zone;
  UpstreamTimeouts timeouts;
  std::shared_ptr<const tls::ClientContext> tls;
};

// What one translation after another has found: a memory, not a part of their results.
struct KnownServices {
  std::unordered_map<std::string, FoundService> found;
  ServiceTerms terms;  // of the last translation
  std::uint64_t translations = 0;  // so far
  std::size_t kept = 0;  // of them, when some were last forgotten
};

class ServiceFinder {
 public:
  enum class Use : std::uint8_t { http, tcp, tcp_native };

  // All arguments outlive the finder.
  ServiceFinder(const TranslationSource& source, const TranslationInput& input, const ResolvedNames& resolved,
                KnownServices& known);

  // For an object, to which it gives the problems and the name of what is found. Valid until the next call.
  const FoundService& find(std::string_view ns, std::string_view name, const kubernetes::PortRef& port, Use use,
                           Contribution& into);

  // Whether find() would give what it gave before, because nothing that it was made of has changed.
  bool still_holds(const kubernetes::ServiceObjectsPtr& source) const {
    return same_terms_ && source && !source->superseded;
  }
  // Forgets what was of no use to a translation of everything. To be called at its end.
  void forget_superseded();

 private:
  struct Target;

  // Why there is no service. `words`: the end of a sentence that begins with it; empty: there is one.
  struct Refusal {
    std::string words = {};
    std::string_view reason = {};
  };

  // Annotations understood, and what is wrong with them.
  struct Read {
    ServiceAnnotations annotations;
    std::vector<Problem> problems;
  };

  const FoundService& missing(std::string words, std::string_view reason);
  const FoundService& look_up(std::string_view ns, std::string_view name, const kubernetes::PortRef& port, Use use);
  FoundService make(const kubernetes::ServiceObjects& objects, Target& target, Use use,
                    const std::shared_ptr<const Service>& before);
  Refusal find_endpoints(const kubernetes::ServiceObjects& objects, Target& target, Use use);
  bool may_be_external(std::string_view name) const;
  Refusal find_external(const kubernetes::Service& service, Target& target);
  Refusal find_cluster_address(const kubernetes::Service& service, Target& target);
  void find_in_slices(const kubernetes::ServiceObjects& objects, Target& target);
  void keep_allowed(const kubernetes::Service& service, std::vector<Endpoint>& endpoints);
  const Read& read(const kubernetes::Service& service);
  const ServiceAnnotations& annotations_of(const kubernetes::Service& service) { return read(service).annotations; }
  void warn(const kubernetes::Service& service, std::string words, std::string_view reason);

  const kubernetes::ClusterObjects& objects_;
  const ProviderRules& rules_;
  const TranslationInput& input_;
  const ResolvedNames& resolved_;
  KnownServices& known_;
  const std::uint64_t number_;
  bool same_terms_;
  std::unordered_map<const kubernetes::Service*, Read> read_;
  FoundService missing_;
  std::vector<Problem> problems_;  // of the Service that is being made
  std::string key_;  // of the find in progress; kept for its memory
};

}  // namespace gatehouse
