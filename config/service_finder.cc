#include "config/service_finder.h"

#include "config/problem_reasons.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace gatehouse {
namespace {

using kubernetes::EndpointSlice;
using kubernetes::PortRef;
using kubernetes::ServicePort;

constexpr std::size_t most_endpoints = 10'000;  // of one port: memory that one Service can take

void write_key(std::string& key, const kubernetes::Service& service, std::uint16_t port, ServiceFinder::Use use) {
  static constexpr std::string_view uses[] = {"", " tcp", " tcp native"};
  key.assign(service.meta.name.ns).append("/").append(service.meta.name.name).append(":");
  key.append(std::to_string(port)).append(uses[static_cast<std::size_t>(use)]);
}

const ServicePort* port_of(const kubernetes::Service& service, const PortRef& port) {
  const auto found = std::find_if(service.ports.begin(), service.ports.end(), [&](const ServicePort& p) {
    return port.number != 0 ? p.port == port.number : p.name == port.name;
  });
  return found == service.ports.end() || found->port == 0 ? nullptr : &*found;
}

std::string text_of(std::string_view ns, std::string_view name) {
  return "Service " + std::string(ns) + "/" + std::string(name);
}

// How the upstream is spoken to. What carries WebSockets over TLS is HTTP/1.1.
enum class Speech : std::uint8_t { plain, tls, tls_http1, http2_in_clear };

struct ProtocolRow {
  std::string_view name;  // appProtocol: those of Kubernetes, and what others write
  Speech speech;
};

constexpr std::array<ProtocolRow, 7> protocols = {{{"http", Speech::plain},
                                                   {"kubernetes.io/ws", Speech::plain},
                                                   {"https", Speech::tls},
                                                   {"kubernetes.io/wss", Speech::tls_http1},
                                                   {"kubernetes.io/h2c", Speech::http2_in_clear},
                                                   {"grpc", Speech::http2_in_clear},
                                                   {"grpcs", Speech::tls}}};

// What somebody says outright goes before what names and numbers suggest.
Speech speech_with(const ServiceAnnotations& annotations, const ServicePort* port, std::uint16_t number) {
  if (annotations.http2_in_clear) return Speech::http2_in_clear;
  if (annotations.tls) return *annotations.tls ? Speech::tls : Speech::plain;
  const std::string_view said = port == nullptr ? std::string_view() : port->app_protocol;
  for (const ProtocolRow& row : protocols)
    if (row.name == said) return row.speech;
  const bool suggests_tls = number == 443 || (port != nullptr && port->name.starts_with("https"));
  return suggests_tls ? Speech::tls : Speech::plain;
}

std::uint16_t slice_port(const EndpointSlice& slice, const ServicePort& wanted) {
  for (const auto& port : slice.ports) {
    if (port.name != wanted.name) continue;
    if (port.port != 0) return port.port;
    return wanted.target.number != 0 ? wanted.target.number : wanted.port;  // a slice for any port
  }
  return 0;
}

// Where clouds tell a machine its secrets, outside the link-local ranges.
bool is_metadata(const asio::ip::address& address) {
  static const std::array<asio::ip::address, 4> known = {
      asio::ip::make_address("fd00:ec2::254"), asio::ip::make_address("100.100.100.200"),
      asio::ip::make_address("192.0.0.192"), asio::ip::make_address("168.63.129.16")};
  return std::find(known.begin(), known.end(), address) != known.end();
}

bool is_local(const asio::ip::address& address) {
  const auto plain = unmapped(address);
  if (is_metadata(plain)) return true;
  if (plain.is_loopback()) return true;
  if (plain.is_v6()) return plain.to_v6().is_link_local();
  const auto bytes = plain.to_v4().to_bytes();
  return bytes[0] == 169 && bytes[1] == 254;
}

bool is_no_host(const asio::ip::address& address) {
  const auto plain = unmapped(address);
  return plain.is_unspecified() || plain.is_multicast() ||
         (plain.is_v4() && plain.to_v4() == asio::ip::address_v4::broadcast());
}

bool same_times(const UpstreamTimeouts& a, const UpstreamTimeouts& b) {
  const auto times = [](const UpstreamTimeouts& t) { return std::tuple(t.dial, t.answer, t.idle, t.keep_alive); };
  return times(a) == times(b);
}

bool same(const ServiceTerms& a, const ServiceTerms& b) {
  return a.allow_external_names == b.allow_external_names && a.allow_local_addresses == b.allow_local_addresses &&
         a.external_names == b.external_names && a.node == b.node && a.zone == b.zone && a.tls == b.tls &&
         same_times(a.timeouts, b.timeouts);
}

bool same(const Service& a, const Service& b) {
  return a.name == b.name && a.endpoints == b.endpoints && a.host == b.host && a.tls == b.tls && a.speech == b.speech &&
         a.pass_host_header == b.pass_host_header && a.sticky == b.sticky && same_times(a.timeouts, b.timeouts);
}

// `_` and five hex digits, the same on every replica (FNV-1a).
std::string cookie_name(std::string_view service) {
  std::uint32_t hash = 2166136261U;
  for (const char c : service) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::string name = "_";
  for (int i = 0; i < 5; ++i, hash >>= 4) name += "0123456789abcdef"[hash & 15U];
  return name;
}

struct Candidate {
  Endpoint endpoint;
  const kubernetes::TopologyHints* hints;  // null: none
};

using HintNames = std::vector<std::string> kubernetes::TopologyHints::*;

// Only those meant for `here`, if every one is meant for somebody and one is for here (as kube-proxy does). False: all
// stay.
bool keep_hinted(std::vector<Candidate>& candidates, HintNames names, const std::string& here) {
  if (here.empty()) return false;
  const auto is_hinted = [&](const Candidate& c) { return c.hints != nullptr && !(c.hints->*names).empty(); };
  const auto is_here = [&](const Candidate& c) {
    return std::find((c.hints->*names).begin(), (c.hints->*names).end(), here) != (c.hints->*names).end();
  };
  if (!std::all_of(candidates.begin(), candidates.end(), is_hinted)) return false;
  if (std::none_of(candidates.begin(), candidates.end(), is_here)) return false;
  std::erase_if(candidates, [&](const Candidate& c) { return !is_here(c); });
  return true;
}

// Topology-aware routing, and trafficDistribution, which comes as hints too.
void keep_near(std::vector<Candidate>& candidates, const ProviderRules& rules) {
  if (!keep_hinted(candidates, &kubernetes::TopologyHints::nodes, rules.node))
    keep_hinted(candidates, &kubernetes::TopologyHints::zones, rules.zone);
}

void sort_unique(std::vector<Endpoint>& endpoints) {
  std::sort(endpoints.begin(), endpoints.end(), [](const Endpoint& a, const Endpoint& b) {
    return std::tie(a.address, a.port) < std::tie(b.address, b.port);
  });
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
}

// An unchanged service stays the very object it was; a changed one goes on with its turn.
std::shared_ptr<const Service> known_or_new(const std::shared_ptr<const Service>& known, Service& candidate) {
  if (known && same(*known, candidate)) return known;
  auto service = std::make_shared<Service>();
  service->name = std::move(candidate.name);
  service->endpoints = std::move(candidate.endpoints);
  service->host = std::move(candidate.host);
  service->tls = std::move(candidate.tls);
  service->speech = candidate.speech;
  service->pass_host_header = candidate.pass_host_header;
  service->sticky = std::move(candidate.sticky);
  service->timeouts = candidate.timeouts;
  if (known) service->turn = known->turn.load(std::memory_order_relaxed);
  return service;
}

}  // namespace

struct ServiceFinder::Target {
  std::uint16_t port = 0;
  const ServicePort* service_port = nullptr;
  std::vector<Endpoint> endpoints;
  std::string host;
};

ServiceFinder::ServiceFinder(const TranslationSource& source, const TranslationInput& input,
                             const ResolvedNames& resolved, KnownServices& known)
    : objects_(*source.objects),
      rules_(*source.rules),
      input_(input),
      resolved_(resolved),
      known_(known),
      number_(++known.translations) {
  ServiceTerms terms{rules_.allow_external_names,
                     rules_.allow_local_addresses,
                     rules_.external_names,
                     rules_.node,
                     rules_.zone,
                     input.upstream_timeouts,
                     input.upstream_tls};
  same_terms_ = same(terms, known.terms);
  known.terms = std::move(terms);
  if (same_terms_) return;
  for (auto& [key, found] : known.found) found.source = nullptr;
}

const FoundService& ServiceFinder::find(std::string_view ns, std::string_view name, const PortRef& port, Use use,
                                        Contribution& into) {
  const FoundService& found = look_up(ns, name, port, use);
  into.problems.insert(into.problems.end(), found.problems.begin(), found.problems.end());
  if (!found.name.empty()) into.names.push_back(found.name);
  return found;
}

const FoundService& ServiceFinder::look_up(std::string_view ns, std::string_view name, const PortRef& port, Use use) {
  if (name.empty()) return missing("no service is named", reasons::invalid_rule);
  const kubernetes::ServiceObjectsPtr objects = objects_.service({ns, name});
  if (!objects || !objects->service) return missing(text_of(ns, name) + " is not there", reasons::service_not_found);
  if (!port.given()) return missing("no port of " + text_of(ns, name) + " is named", reasons::invalid_rule);

  Target target;
  target.service_port = port_of(*objects->service, port);
  if (target.service_port != nullptr)
    target.port = target.service_port->port;
  else if (objects->service->is_external_name() && port.number != 0)
    target.port = port.number;  // an ExternalName need not list its ports
  else
    return missing(text_of(ns, name) + " has no port " + quoted(port.text()), reasons::port_not_found);

  write_key(key_, *objects->service, target.port, use);
  FoundService& found = known_.found[key_];
  const bool holds = found.source == objects && still_holds(objects);
  if (!holds && found.made_in != number_) {
    problems_ = read(*objects->service).problems;
    found = make(*objects, target, use, found.service);
    found.made_in = number_;
    found.problems = std::move(problems_);
    if (objects->service->is_external_name()) found.name = std::move(target.host);
    const bool lasts = found.service && !objects->service->is_external_name() && found.problems.empty();
    if (lasts) found.source = objects;
  }
  return found;
}

void ServiceFinder::forget_superseded() {
  std::erase_if(known_.found, [&](const auto& entry) {
    const FoundService& found = entry.second;
    return found.made_in != number_ && !still_holds(found.source);
  });
  known_.kept = known_.found.size();
}

const FoundService& ServiceFinder::missing(std::string words, std::string_view reason) {
  missing_.missing = std::move(words);
  missing_.reason = reason;
  return missing_;
}

FoundService ServiceFinder::make(const kubernetes::ServiceObjects& objects, Target& target, Use use,
                                 const std::shared_ptr<const Service>& before) {
  const kubernetes::Service& service = *objects.service;
  const ObjectName& name = service.meta.name;
  const ServiceAnnotations& annotations = annotations_of(service);
  if (!annotations.refusal.empty() && use == Use::http)
    return {nullptr, "Service " + name.text() + ": " + annotations.refusal, reasons::unsupported_annotation};
  if (const Refusal why = find_endpoints(objects, target, use); !why.words.empty())
    return {nullptr, "Service " + name.text() + " " + why.words, why.reason};

  Service candidate;
  candidate.name = name.text() + ":" + std::to_string(target.port);
  candidate.endpoints = std::move(target.endpoints);
  candidate.host = target.host;
  candidate.timeouts = input_.upstream_timeouts;
  if (use == Use::http) {
    const Speech speech = speech_with(annotations, target.service_port, target.port);
    const bool over_tls = speech == Speech::tls || speech == Speech::tls_http1;
    if (speech == Speech::http2_in_clear) candidate.speech = UpstreamSpeech::http2_in_clear;
    if (speech == Speech::tls) candidate.speech = UpstreamSpeech::by_alpn;
    if (over_tls && !input_.upstream_tls)
      return {nullptr, "Service " + name.text() + " is reached over TLS, for which the settings give no usable roots",
              reasons::unsupported_backend};
    if (over_tls) candidate.tls = input_.upstream_tls;
    candidate.pass_host_header = annotations.pass_host_header;
    if (candidate.host.empty() && (over_tls || !candidate.pass_host_header))
      candidate.host = name.name + "." + name.ns + ".svc";  // what certificates in a cluster name
    candidate.sticky = annotations.sticky;
    if (candidate.sticky && candidate.sticky->name.empty()) candidate.sticky->name = cookie_name(candidate.name);
  }
  return {known_or_new(before, candidate), "", {}};
}

const ServiceFinder::Read& ServiceFinder::read(const kubernetes::Service& service) {
  static const Read nothing;
  if (service.meta.notes().annotations.empty()) return nothing;
  const auto [found, added] = read_.try_emplace(&service);
  if (added) found->second.annotations = read_service_annotations(service, found->second.problems);
  return found->second;
}

ServiceFinder::Refusal ServiceFinder::find_endpoints(const kubernetes::ServiceObjects& objects, Target& target,
                                                     Use use) {
  const kubernetes::Service& service = *objects.service;
  if (service.is_external_name()) return find_external(service, target);
  if (use == Use::tcp_native || (use == Use::http && annotations_of(service).native_lb))
    return find_cluster_address(service, target);
  find_in_slices(objects, target);
  return {};
}

bool ServiceFinder::may_be_external(std::string_view name) const {
  const auto& allowed = rules_.external_names;
  return allowed.empty() ||
         std::any_of(allowed.begin(), allowed.end(), [&](const NamePattern& pattern) { return pattern.covers(name); });
}

ServiceFinder::Refusal ServiceFinder::find_external(const kubernetes::Service& service, Target& target) {
  if (!rules_.allow_external_names)
    return {"is of type ExternalName, which the settings do not allow", reasons::not_allowed};
  const auto host = HostName::parse(service.external_name);
  if (!may_be_external(host ? host->text() : service.external_name))
    return {"has the externalName " + quoted(service.external_name) + ", which the settings do not allow",
            reasons::not_allowed};
  error_code error;
  const auto address = asio::ip::make_address(service.external_name, error);
  if (!error) {
    target.endpoints = {{address, target.port}};
  } else {
    if (!host)
      return {"has the externalName " + quoted(service.external_name) + ", which is neither name nor address",
              reasons::invalid_rule};
    target.host = host->text();
    if (const auto resolved = resolved_.find(target.host); resolved != resolved_.end())
      for (const auto& resolved_address : resolved->second) target.endpoints.push_back({resolved_address, target.port});
  }
  sort_unique(target.endpoints);
  keep_allowed(service, target.endpoints);
  return {};
}

ServiceFinder::Refusal ServiceFinder::find_cluster_address(const kubernetes::Service& service, Target& target) {
  error_code error;
  const auto address = asio::ip::make_address(service.cluster_ip, error);
  if (error) return {"has no clusterIP, which nativelb asks for", reasons::unsupported_backend};
  target.endpoints = {{address, target.port}};
  keep_allowed(service, target.endpoints);
  return {};
}

void ServiceFinder::find_in_slices(const kubernetes::ServiceObjects& objects, Target& target) {
  const kubernetes::Service& service = *objects.service;
  if (objects.slices.empty() && service.meta.origin.file)
    warn(service, "no EndpointSlice belongs to it, so it has no endpoint", {});
  std::vector<Candidate> ready, terminating;
  std::set<std::string_view> pods_of_v4;  // a dual-stack pod is in slices of both families: it counts once
  for (const bool v4 : {true, false}) {
    for (const auto& slice : objects.slices) {
      const std::uint16_t port = slice_port(*slice, *target.service_port);
      if (port == 0) continue;
      for (const auto& endpoint : slice->endpoints) {
        if (endpoint.address.is_v4() != v4) continue;
        if (v4 && !endpoint.target.empty()) pods_of_v4.insert(endpoint.target);
        if (!v4 && pods_of_v4.contains(endpoint.target)) continue;
        if (endpoint.ready)
          ready.push_back({{endpoint.address, port}, endpoint.hints.get()});
        else if (endpoint.serving && endpoint.terminating)
          terminating.push_back({{endpoint.address, port}, endpoint.hints.get()});
      }
    }
  }
  std::vector<Candidate>& usable = ready.empty() ? terminating : ready;
  keep_near(usable, rules_);
  for (const Candidate& candidate : usable) target.endpoints.push_back(candidate.endpoint);
  sort_unique(target.endpoints);
  if (target.endpoints.size() > most_endpoints) {
    warn(service, "it has more than 10000 endpoints; the others are left out", reasons::unsupported_backend);
    target.endpoints.resize(most_endpoints);
  }
  keep_allowed(service, target.endpoints);
}

void ServiceFinder::keep_allowed(const kubernetes::Service& service, std::vector<Endpoint>& endpoints) {
  const auto refused = [&](const Endpoint& endpoint) {
    return is_no_host(endpoint.address) || (!rules_.allow_local_addresses && is_local(endpoint.address));
  };
  const auto first = std::find_if(endpoints.begin(), endpoints.end(), refused);
  if (first == endpoints.end()) return;
  warn(service,
       "endpoint " + first->text() + " is left out: " +
           (is_no_host(first->address) ? "no host has that address" : "local addresses are not allowed here"),
       reasons::invalid_endpoint);
  endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(), refused), endpoints.end());
}

void ServiceFinder::warn(const kubernetes::Service& service, std::string words, std::string_view reason) {
  const auto& origin = service.meta.origin;
  problems_.push_back({origin.file_name(), origin.line.number, 0, Severity::warning,
                       "Service " + service.meta.name.text(), std::move(words), reason});
}

}  // namespace gatehouse
