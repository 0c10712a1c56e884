#include "config/service_finder.h"

#include <algorithm>
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

bool wants_tls(const ServiceAnnotations& annotations, const ServicePort* port, std::uint16_t number) {
  if (annotations.tls) return *annotations.tls;
  if (number == 443) return true;
  return port != nullptr && (port->name.starts_with("https") || port->app_protocol == "https" ||
                             port->app_protocol == "kubernetes.io/wss");
}

std::uint16_t slice_port(const EndpointSlice& slice, const ServicePort& wanted) {
  for (const auto& port : slice.ports) {
    if (port.name != wanted.name) continue;
    if (port.port != 0) return port.port;
    return wanted.target.number != 0 ? wanted.target.number : wanted.port;  // a slice for any port
  }
  return 0;
}

bool is_local(const asio::ip::address& address) {
  const auto plain = unmapped(address);
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
         a.tls == b.tls && same_times(a.timeouts, b.timeouts);
}

bool same(const Service& a, const Service& b) {
  return a.name == b.name && a.endpoints == b.endpoints && a.host == b.host && a.tls == b.tls &&
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

ServiceFinder::ServiceFinder(const kubernetes::ClusterObjects& objects, const TranslationInput& input,
                             const ResolvedNames& resolved, KnownServices& known, std::uint64_t number,
                             std::vector<Problem>& problems)
    : objects_(objects), input_(input), resolved_(resolved), known_(known), number_(number), problems_(problems) {
  ServiceTerms terms{input.allow_external_names, input.allow_local_addresses, input.upstream_timeouts,
                     input.upstream_tls};
  same_terms_ = same(terms, known.terms);
  known.terms = std::move(terms);
  if (same_terms_) return;
  for (auto& [key, found] : known.found) found.source = nullptr;
}

const FoundService& ServiceFinder::find(std::string_view ns, std::string_view name, const PortRef& port, Use use) {
  if (name.empty()) return missing("no service is named");
  const kubernetes::ServiceObjectsPtr objects = objects_.service({ns, name});
  if (!objects || !objects->service) return missing(text_of(ns, name) + " is not there");
  if (!port.given()) return missing("no port of " + text_of(ns, name) + " is named");

  Target target;
  target.service_port = port_of(*objects->service, port);
  if (target.service_port != nullptr)
    target.port = target.service_port->port;
  else if (objects->service->is_external_name() && port.number != 0)
    target.port = port.number;  // an ExternalName need not list its ports
  else
    return missing(text_of(ns, name) + " has no port " + quoted(port.text()));

  write_key(key_, *objects->service, target.port, use);
  FoundService& found = known_.found[key_];
  const bool holds = found.source == objects && still_holds(objects);
  if (!holds && found.made_in != number_) {
    const std::size_t problems = problems_.size();
    found = make(*objects, target, use, found.service);
    found.made_in = number_;
    const bool lasts = found.service && !objects->service->is_external_name() && problems_.size() == problems &&
                       objects->service->meta.notes().annotations.empty();  // which may be complained of elsewhere
    if (lasts) found.source = objects;
  }
  return found;
}

void ServiceFinder::forget_superseded() {
  if (known_.found.size() <= 2 * objects_.services.size() + 100) return;
  std::erase_if(known_.found, [&](const auto& entry) {
    const FoundService& found = entry.second;
    return found.made_in != number_ && !still_holds(found.source);
  });
}

const FoundService& ServiceFinder::missing(std::string words) {
  missing_.missing = std::move(words);
  return missing_;
}

FoundService ServiceFinder::make(const kubernetes::ServiceObjects& objects, Target& target, Use use,
                                 const std::shared_ptr<const Service>& before) {
  const kubernetes::Service& service = *objects.service;
  const ObjectName& name = service.meta.name;
  const ServiceAnnotations& annotations = annotations_of(service);
  if (!annotations.refusal.empty() && use == Use::http)
    return {nullptr, "Service " + name.text() + ": " + annotations.refusal};
  if (std::string why = find_endpoints(objects, target, use); !why.empty())
    return {nullptr, "Service " + name.text() + " " + why};

  Service candidate;
  candidate.name = name.text() + ":" + std::to_string(target.port);
  candidate.endpoints = std::move(target.endpoints);
  candidate.host = std::move(target.host);
  candidate.timeouts = input_.upstream_timeouts;
  if (use == Use::http) {
    const bool over_tls = wants_tls(annotations, target.service_port, target.port);
    if (over_tls && !input_.upstream_tls)
      return {nullptr, "Service " + name.text() + " is reached over TLS, for which the settings give no usable roots"};
    if (over_tls) candidate.tls = input_.upstream_tls;
    candidate.pass_host_header = annotations.pass_host_header;
    if (candidate.host.empty() && (over_tls || !candidate.pass_host_header))
      candidate.host = name.name + "." + name.ns + ".svc";  // what certificates in a cluster name
    candidate.sticky = annotations.sticky;
    if (candidate.sticky && candidate.sticky->name.empty()) candidate.sticky->name = cookie_name(candidate.name);
  }
  return {known_or_new(before, candidate), ""};
}

const ServiceAnnotations& ServiceFinder::annotations_of(const kubernetes::Service& service) {
  static const ServiceAnnotations none;
  if (service.meta.notes().annotations.empty()) return none;
  const auto [found, added] = annotations_.try_emplace(&service);
  if (added) found->second = read_service_annotations(service, problems_);
  return found->second;
}

// Empty, or why there can be none: the end of a sentence that begins with the Service.
std::string ServiceFinder::find_endpoints(const kubernetes::ServiceObjects& objects, Target& target, Use use) {
  const kubernetes::Service& service = *objects.service;
  if (service.is_external_name()) return find_external(service, target);
  if (use == Use::tcp_native || (use == Use::http && annotations_of(service).native_lb))
    return find_cluster_address(service, target);
  find_in_slices(objects, target);
  return {};
}

std::string ServiceFinder::find_external(const kubernetes::Service& service, Target& target) {
  if (!input_.allow_external_names) return "is of type ExternalName, which the settings do not allow";
  error_code error;
  const auto address = asio::ip::make_address(service.external_name, error);
  if (!error) {
    target.endpoints = {{address, target.port}};
  } else {
    const auto host = HostName::parse(service.external_name);
    if (!host) return "has the externalName " + quoted(service.external_name) + ", which is neither name nor address";
    target.host = host->text();
    names_in_use_.insert(target.host);
    if (const auto resolved = resolved_.find(target.host); resolved != resolved_.end())
      for (const auto& resolved_address : resolved->second) target.endpoints.push_back({resolved_address, target.port});
  }
  sort_unique(target.endpoints);
  keep_allowed(service, target.endpoints);
  return {};
}

std::string ServiceFinder::find_cluster_address(const kubernetes::Service& service, Target& target) {
  error_code error;
  const auto address = asio::ip::make_address(service.cluster_ip, error);
  if (error) return "has no clusterIP, which nativelb asks for";
  target.endpoints = {{address, target.port}};
  keep_allowed(service, target.endpoints);
  return {};
}

void ServiceFinder::find_in_slices(const kubernetes::ServiceObjects& objects, Target& target) {
  const kubernetes::Service& service = *objects.service;
  if (objects.slices.empty() && service.meta.origin.file)
    warn(service, "no EndpointSlice belongs to it, so it has no endpoint");
  std::vector<Endpoint> ready, terminating;
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
          ready.push_back({endpoint.address, port});
        else if (endpoint.serving && endpoint.terminating)
          terminating.push_back({endpoint.address, port});
      }
    }
  }
  target.endpoints = std::move(ready.empty() ? terminating : ready);
  sort_unique(target.endpoints);
  if (target.endpoints.size() > most_endpoints) {
    warn(service, "it has more than 10000 endpoints; the others are left out");
    target.endpoints.resize(most_endpoints);
  }
  keep_allowed(service, target.endpoints);
}

void ServiceFinder::keep_allowed(const kubernetes::Service& service, std::vector<Endpoint>& endpoints) {
  const auto refused = [&](const Endpoint& endpoint) {
    return is_no_host(endpoint.address) || (!input_.allow_local_addresses && is_local(endpoint.address));
  };
  const auto first = std::find_if(endpoints.begin(), endpoints.end(), refused);
  if (first == endpoints.end()) return;
  warn(service, "endpoint " + first->text() + " is left out: " +
                    (is_no_host(first->address) ? "no host has that address" : "local addresses are not allowed here"));
  endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(), refused), endpoints.end());
}

void ServiceFinder::warn(const kubernetes::Service& service, std::string words) {
  const auto& origin = service.meta.origin;
  problems_.push_back({origin.file_name(), origin.line.number, 0, Severity::warning,
                       "Service " + service.meta.name.text(), std::move(words)});
}

}  // namespace gatehouse
