#include "config/tcp_translation.h"

#include "config/claimant.h"
#include "config/problem_reasons.h"

#include <algorithm>

namespace gatehouse {
namespace {

using kubernetes::IngressRouteTcp;
using kubernetes::TcpRouteRule;
using kubernetes::TcpServiceRef;

bool same(const TcpRoute& a, const TcpRoute& b) {
  const auto same_service = [](const WeightedService& x, const WeightedService& y) {
    return x.service == y.service && x.weight == y.weight && x.proxy_header == y.proxy_header && x.missing == y.missing;
  };
  return a.rule.text() == b.rule.text() && a.priority == b.priority && a.tls == b.tls &&
         std::equal(a.services.begin(), a.services.end(), b.services.begin(), b.services.end(), same_service);
}

ProxyHeaderVersion proxy_header(const TcpServiceRef& service) {
  if (service.proxy_protocol == 0) return ProxyHeaderVersion::none;
  return service.proxy_protocol == 1 ? ProxyHeaderVersion::v1 : ProxyHeaderVersion::v2;
}

// One object's routes.
class ObjectTranslation {
 public:
  ObjectTranslation(const TranslationParts& parts, SourceParts& source, const IngressRouteTcp& object,
                    TcpTranslation& into)
      : parts_(parts),
        source_(source),
        object_(object),
        into_(into),
        claimant_(object.old_group ? "IngressRouteTCP (traefik.containo.us)" : "IngressRouteTCP", object.meta,
                  parts.problems) {}

  void run() {
    if (!source_.classes.accepts(object_)) {
      if (object_.meta.origin.file)
        claimant_.warn(0, "left out: class " + quoted(ClassFilter::class_of(object_)) + " is not one of ours");
      return;
    }
    if (!choose_entry_points()) return;
    if (object_.tls && !object_.tls->ignored.empty())
      claimant_.warn(object_.tls->line.number, "ignored: tls " + object_.tls->ignored, reasons::unsupported_field);
    for (std::size_t i = 0; i < object_.routes.size(); ++i) add(object_.routes[i], i);
  }

 private:
  bool choose_entry_points() {
    set_ = parts_.entry_points.defaults();
    if (object_.entry_points.empty()) return set_ != 0;
    const auto named = parts_.entry_points.named(object_.entry_points);
    for (const std::string& unknown : named.unknown)
      claimant_.warn(0, "there is no entry point " + quoted(unknown), reasons::entry_point_not_found);
    set_ = named.set;
    if (set_ == 0) claimant_.error(0, "left out: none of its entry points is there", reasons::entry_point_not_found);
    return set_ != 0;
  }

  void add(const TcpRouteRule& given, std::size_t index) {
    const int line = given.line.number;
    if (!given.middlewares.empty())
      return claimant_.error(line,
                             "the route is left out: middlewares (" + quoted(given.middlewares.front()) +
                                 ") are not supported, and serving without them may open a door",
                             reasons::unsupported_field);
    auto rule = TcpRule::parse(given.match, given.v2_syntax);
    if (!rule)
      return claimant_.error(line, "the route is left out: match, " + rule.error().detail, reasons::invalid_rule);
    if (!object_.tls && rule->needs_sni())
      return claimant_.error(
          line, "the route is left out: without tls only HostSNI(`*`) can match, not " + quoted(given.match),
          reasons::invalid_rule);
    if (object_.tls && !may_claim(*rule, line)) return;
    auto route = std::make_shared<TcpRoute>();
    route->name = claimant_.text() + " route " + std::to_string(index);
    route->priority = given.priority != 0 ? given.priority : rule->default_priority();
    route->rule = std::move(*rule);
    if (object_.tls) route->tls = object_.tls->passthrough ? TcpTls::passthrough : TcpTls::terminate;
    for (const TcpServiceRef& service : given.services) route->services.push_back(bind(service));
    if (route->services.empty())
      claimant_.error(line, "the route has no service: its connections are closed", reasons::invalid_rule);
    attach(known_or_new(std::move(route)), line);
  }

  // Without TLS there is no host to claim. Every name it says counts, for it may show a certificate for each.
  bool may_claim(const TcpRule& rule, int line) const {
    const HostClaims* claims = source_.rules.host_claims.get();
    if (claims == nullptr) return true;
    std::vector<std::string> hosts;
    for (const HostName& host : rule.hosts()) hosts.push_back(host.text());
    if (!rule.only_hosts()) hosts.emplace_back();  // any
    const std::string& ns = object_.meta.name.ns;
    const auto refused =
        std::find_if(hosts.begin(), hosts.end(), [&](const std::string& host) { return !claims->may_claim(ns, host); });
    if (refused == hosts.end()) return true;
    claimant_.error(line,
                    "the route is left out: namespace " + ns + " may not claim " +
                        (refused->empty() ? "every host" : "host " + quoted(*refused)),
                    reasons::host_not_allowed);
    return false;
  }

  WeightedService bind(const TcpServiceRef& ref) {
    WeightedService bound{nullptr, ref.weight, proxy_header(ref), ""};
    const int line = ref.line.number;
    if (!ref.ignored.empty())
      claimant_.warn(line, "service " + quoted(ref.name) + ": ignored: " + ref.ignored, reasons::unsupported_field);
    const std::string& own = object_.meta.name.ns;
    std::string_view reason;
    if (!ref.ns.empty() && ref.ns != own && !source_.rules.allow_cross_namespace) {
      reason = reasons::not_allowed;
      bound.missing =
          "Service " + ref.ns + "/" + ref.name + " is in another namespace, which the settings do not allow";
    } else if (ref.tls) {
      reason = reasons::unsupported_field;
      bound.missing = "TLS to Service " + own + "/" + ref.name + " is not supported";
    } else {
      const auto use = ref.native_lb ? ServiceFinder::Use::tcp_native : ServiceFinder::Use::tcp;
      const auto& found = source_.services.find(ref.ns.empty() ? own : ref.ns, ref.name, ref.port, use);
      bound.service = found.service;
      bound.missing = found.missing;
      reason = found.reason;
    }
    if (ref.tls && !bound.service)
      claimant_.error(line, bound.missing + ": its connections are closed", reason);
    else if (!bound.service)
      claimant_.warn(line, bound.missing + ": its connections are closed", reason);
    return bound;
  }

  TcpRoutePtr known_or_new(std::shared_ptr<TcpRoute> route) {
    const auto known = source_.known.tcp_routes.find(route->name);
    if (known == source_.known.tcp_routes.end()) return route;
    if (same(*known->second, *route)) return known->second;
    route->turn = known->second->turn.load(std::memory_order_relaxed);
    return route;
  }

  void attach(const TcpRoutePtr& route, int line) {
    source_.next.tcp_routes.emplace(route->name, route);
    const bool plain_catch_all = route->tls == TcpTls::none && route->rule.is_catch_all();
    if (plain_catch_all && !object_.entry_points.empty()) into_.claimed |= set_;
    if (plain_catch_all && object_.entry_points.empty())
      claimant_.warn(line,
                     "it names no entry point, so it takes the plain connections of " + parts_.entry_points.text(set_));
    for (std::size_t i = 0; i < into_.lists.size(); ++i)
      if ((set_ >> i & 1U) != 0) append(i, route, line);
    if (route->tls == TcpTls::terminate)
      parts_.wishes.of_tcp_route(object_, route->rule, set_, claimant_, source_.secrets);
  }

  void append(std::size_t entry_point, const TcpRoutePtr& route, int line) const {
    const std::string_view side = route->tls == TcpTls::none ? " plain " : " tls ";
    std::string claim = std::to_string(entry_point).append(side) + std::to_string(route->priority) + route->rule.text();
    const auto [first, added] = into_.claims.try_emplace(std::move(claim), route);
    if (added) return into_.lists[entry_point].push_back(route);
    claimant_.warn(line, "the route is left out: " + first->second->name + " has the same match",
                   reasons::conflicting_host);
  }

  const TranslationParts& parts_;
  SourceParts& source_;
  const IngressRouteTcp& object_;
  TcpTranslation& into_;
  Claimant claimant_;
  EntryPointSet set_ = 0;
};

}  // namespace

TcpTranslation translate_tcp(const TranslationParts& parts) {
  TcpTranslation translation;
  translation.lists.resize(parts.entry_points.size());
  std::vector<std::pair<const IngressRouteTcp*, SourceParts*>> objects;
  for (SourceParts& source : parts.sources)
    for (const auto* table : {&source.objects.tcp_routes, &source.objects.old_tcp_routes})
      for (const auto& [name, object] : *table) objects.emplace_back(object.get(), &source);
  std::stable_sort(objects.begin(), objects.end(),
                   [](const auto& a, const auto& b) { return is_older(a.first->meta, b.first->meta); });
  for (const auto& [object, source] : objects) ObjectTranslation(parts, *source, *object, translation).run();
  return translation;
}

}  // namespace gatehouse
