#include "config/tcp_translation.h"

#include "config/claimant.h"
#include "config/problem_reasons.h"
#include "config/tls_options_choice.h"

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

using kubernetes::Ingress;
using kubernetes::IngressRouteTcp;
using kubernetes::TcpRouteRule;
using kubernetes::TcpServiceRef;

bool same(const TcpRoute& a, const TcpRoute& b) {
  const auto same_service = [](const WeightedService& x, const WeightedService& y) {
    return x.service == y.service && x.weight == y.weight && x.proxy_header == y.proxy_header && x.missing == y.missing;
  };
  return a.rule.text() == b.rule.text() && a.priority == b.priority && a.tls == b.tls &&
         a.tls_options == b.tls_options &&
         std::equal(a.services.begin(), a.services.end(), b.services.begin(), b.services.end(), same_service);
}

ProxyHeaderVersion proxy_header(const TcpServiceRef& service) {
  if (service.proxy_protocol == 0) return ProxyHeaderVersion::none;
  return service.proxy_protocol == 1 ? ProxyHeaderVersion::v1 : ProxyHeaderVersion::v2;
}

// The oldest Ingress that is not of a namespace, looked for once for all.
class OldestIngresses {
 public:
  explicit OldestIngresses(const std::deque<SourceParts>& sources) : sources_(sources) {}

  // Null: there is none of ours.
  const Ingress* outside(const std::string& ns) {
    if (!std::exchange(looked_, true)) look();
    return oldest_ != nullptr && oldest_->meta.name.ns == ns ? oldest_elsewhere_ : oldest_;
  }

 private:
  void look() {
    for (const SourceParts& source : sources_)
      for (const auto& [name, ingress] : source.objects.ingresses)
        if (source.classes.accepts(*ingress)) take(ingress.get());
  }

  void take(const Ingress* ingress) {
    const auto comes_before = [&](const Ingress* other) {
      return other == nullptr || is_older(ingress->meta, other->meta);
    };
    const bool same_namespace = oldest_ != nullptr && oldest_->meta.name.ns == ingress->meta.name.ns;
    if (comes_before(oldest_)) {
      if (!same_namespace) oldest_elsewhere_ = oldest_;
      oldest_ = ingress;
    } else if (!same_namespace && comes_before(oldest_elsewhere_)) {
      oldest_elsewhere_ = ingress;
    }
  }

  const std::deque<SourceParts>& sources_;
  const Ingress* oldest_ = nullptr;
  const Ingress* oldest_elsewhere_ = nullptr;  // of another namespace than the oldest
  bool looked_ = false;
};

// One object's routes.
class ObjectTranslation {
 public:
  ObjectTranslation(const TranslationParts& parts, SourceParts& source, const IngressRouteTcp& object,
                    OldestIngresses& oldest, const TcpRouteMap& known, TcpTranslation& into)
      : parts_(parts),
        source_(source),
        object_(object),
        oldest_(oldest),
        known_(known),
        into_(into),
        given_(source.state.given),
        claimant_(object.old_group ? "IngressRouteTCP (traefik.containo.us)" : "IngressRouteTCP", object.meta,
                  source.state.given.problems) {}

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
    const auto tls_options = object_.tls ? tls_options_name(object_.tls->options) : std::nullopt;
    if (tls_options && !use_tls_options(*route, *tls_options, line)) return;
    for (const TcpServiceRef& service : given.services) route->services.push_back(bind(service));
    if (route->services.empty())
      claimant_.error(line, "the route has no service: its connections are closed", reasons::invalid_rule);
    attach(known_or_new(std::move(route)), line);
  }

  bool use_tls_options(TcpRoute& route, const std::string& named, int line) {
    if (route.tls == TcpTls::passthrough) {
      claimant_.error(
          line, "the route is left out: where TLS is passed through, TLS options " + quoted(named) + " cannot hold",
          reasons::unsupported_field);
      return false;
    }
    route.tls_options = find_tls_options(parts_.input, named);
    if (!route.tls_options->can_be_met())
      claimant_.error(line,
                      "there are no TLS options " + quoted(named) + " in the settings: its connections are closed",
                      reasons::tls_options_not_found);
    return true;
  }

  // Without TLS there is no host to claim. Every name it says counts, for it may show a certificate for each.
  bool may_claim(const TcpRule& rule, int line) {
    std::vector<std::string> hosts;
    for (const HostName& host : rule.hosts()) hosts.push_back(host.text());
    into_.hosts.insert(hosts.begin(), hosts.end());
    for (const auto& names : object_.tls->domains)
      for (const std::string& text : names)
        if (const auto host = HostName::parse_with_wildcard(text)) into_.hosts.insert(host->text());
    if (!rule.only_hosts()) hosts.emplace_back();  // any
    for (const std::string& host : hosts) {
      const auto refusal = source_.rights.refusal(object_.meta.name.ns, host);
      if (!refusal) continue;
      claimant_.error(line, "the route is left out: " + refusal->words, refusal->reason);
      return false;
    }
    return true;
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
      const ObjectName service{ref.ns.empty() ? own : ref.ns, ref.name};
      into_.services.insert(service);
      const auto& found = source_.services.find(service.ns, service.name, ref.port, use, given_);
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
    const auto known = known_.find(route->name);
    if (known == known_.end()) return route;
    if (same(*known->second, *route)) return known->second;
    route->turn = known->second->turn.load(std::memory_order_relaxed);
    return route;
  }

  void attach(const TcpRoutePtr& route, int line) {
    const bool plain_catch_all = route->tls == TcpTls::none && route->rule.is_catch_all();
    const EntryPointSet set = plain_catch_all ? without_older_claims(line) : set_;
    if (set == 0) return;
    source_.state.tcp_routes.emplace(route->name, route);
    if (plain_catch_all && !object_.entry_points.empty()) into_.claimed |= set;
    if (plain_catch_all && object_.entry_points.empty())
      claimant_.warn(line,
                     "it names no entry point, so it takes the plain connections of " + parts_.entry_points.text(set));
    for (std::size_t i = 0; i < into_.lists.size(); ++i)
      if ((set >> i & 1U) != 0) append(i, route, line);
    if (route->tls == TcpTls::terminate)
      parts_.wishes.of_tcp_route(object_, route->rule, set_, claimant_, source_.secrets, given_);
  }

  // A plain route that takes all connections takes every host. In a cluster it has to leave the default entry points
  // alone while an Ingress of another namespace is older: else whoever may write one could silence everybody.
  EntryPointSet without_older_claims(int line) {
    const bool of_the_operator = object_.meta.origin.file != nullptr;
    const EntryPointSet theirs =
        object_.entry_points.empty() ? parts_.entry_points.defaults() : parts_.entry_points.as_default();
    if (of_the_operator || (set_ & theirs) == 0) return set_;
    into_.on_oldest_ingress = true;
    const Ingress* oldest = oldest_.outside(object_.meta.name.ns);
    if (oldest == nullptr || !is_older(oldest->meta, object_.meta)) return set_;
    claimant_.error(line,
                    "the route is left out of " + parts_.entry_points.text(set_ & theirs) +
                        ", whose plain connections it would take all: Ingress " + oldest->meta.name.text() +
                        " is older",
                    reasons::conflicting_host);
    return set_ & ~theirs;
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
  OldestIngresses& oldest_;
  const TcpRouteMap& known_;
  TcpTranslation& into_;
  Contribution& given_;
  Claimant claimant_;
  EntryPointSet set_ = 0;
};

}  // namespace

TcpTranslation translate_tcp(const TranslationParts& parts) {
  TcpTranslation translation;
  translation.lists.resize(parts.entry_points.size());
  OldestIngresses oldest(parts.sources);
  for (SourceParts& source : parts.sources) {
    std::vector<const IngressRouteTcp*> objects;
    for (const auto* table : {&source.objects.tcp_routes, &source.objects.old_tcp_routes})
      for (const auto& [name, object] : *table) objects.push_back(object.get());
    std::stable_sort(objects.begin(), objects.end(),
                     [](const auto* a, const auto* b) { return is_older(a->meta, b->meta); });
    const TcpRouteMap known = std::exchange(source.state.tcp_routes, {});
    source.state.given = {};
    for (const auto* object : objects) ObjectTranslation(parts, source, *object, oldest, known, translation).run();
  }
  return translation;
}

}  // namespace gatehouse
