#include "config/ingress_translation.h"

#include "config/claimant.h"
#include "config/problem_reasons.h"
#include "config/tls_options_choice.h"
#include "proxy/route/path_match.h"

#include <algorithm>
#include <memory_resource>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace gatehouse {
namespace {

using kubernetes::Ingress;

// A route with where it goes and whom to tell.
struct Placed {
  const DraftRoute* draft = nullptr;
  EntryPointSet set = 0;
  IngressPart* part = nullptr;
};

// Who has a host and path: on which entry points, for plain requests and over TLS.
struct Claim {
  EntryPointSet plain = 0;
  EntryPointSet tls = 0;
  HttpRoutePtr first;  // the key points to it
};

// Routes that match the same requests, wherever they go.
struct SameMatch {
  std::size_t operator()(const HttpRoute* route) const {
    std::string storage;
    const std::hash<std::string_view> hash;
    return hash(route->host) * 31 + hash(comparable_path(*route, storage));
  }
  bool operator()(const HttpRoute* a, const HttpRoute* b) const {
    std::string storage_a, storage_b;
    return a->host == b->host && a->priority == b->priority && a->creates_host == b->creates_host &&
           path_kind_of(*a) == path_kind_of(*b) && comparable_path(*a, storage_a) == comparable_path(*b, storage_b);
  }
};

bool comes_before(const Turn& a, const Turn& b) {
  return std::tuple(a.source, a.age, a.position) < std::tuple(b.source, b.age, b.position);
}

DraftTerms terms_of(const SourceParts& source) {
  const auto* claims = source.rules.host_claims.get();
  return {{claims, nullptr, source.rights.source}, source.rules.shared_hosts || claims != nullptr};
}

// Other classes' Ingresses are spoken of in files only: in a cluster they are other controllers' business.
bool is_ours(const Ingress& ingress, const SourceParts& source, std::vector<Problem>& problems) {
  if (source.classes.accepts(ingress)) return true;
  const std::string name = ClassFilter::class_of(ingress);
  if (ingress.meta.origin.file)
    Claimant("Ingress", ingress.meta, problems)
        .warn(0,
              name.empty() ? "left out: it has no class" : "left out: class " + quoted(name) + " is not one of ours");
  return false;
}

void draft_anew(IngressPart& part, std::shared_ptr<const Ingress> ingress, const SourceParts& source) {
  part.draft = draft_ingress(std::move(ingress), terms_of(source));
  part.narrowed = nullptr;
  part.placed = false;
}

void draft_source(SourceParts& source, std::size_t index, std::vector<Problem>& problems) {
  SourceState& state = source.state;
  const bool same_terms = state.claims == source.rules.host_claims && state.classes == source.classes &&
                          state.shared_hosts == source.rules.shared_hosts;
  if (!same_terms) state.ingresses.clear();
  state.claims = source.rules.host_claims;
  state.classes = source.classes;
  state.shared_hosts = source.rules.shared_hosts;
  auto next = state.ingresses.begin();
  for (const auto& [name, ingress] : source.objects.ingresses) {
    while (next != state.ingresses.end() && next->first < name) next = state.ingresses.erase(next);
    const bool is_known = next != state.ingresses.end() && next->first == name;
    if (is_known && next->second.draft->ingress == ingress) {
      ++next;
    } else if (is_ours(*ingress, source, problems)) {
      if (!is_known) next = state.ingresses.emplace_hint(next, name, IngressPart{.source = index});
      draft_anew(next++->second, ingress, source);
    } else if (is_known) {
      next = state.ingresses.erase(next);
    }
  }
  state.ingresses.erase(next, state.ingresses.end());
}

void take_hosts(HostOwners& owners, const IngressDraft& draft, std::size_t source) {
  const std::string* before = nullptr;
  for (const DraftRoute& at : draft.routes) {
    const std::string& host = at.route->host;
    if (at.route->creates_host && !host.empty() && (before == nullptr || *before != host))
      owners.take(host, source, draft.ingress->meta.name);
    before = &host;
  }
}

// Without others' hosts it is another draft, which stands beside the first.
void narrow(IngressPart& part, const SourceParts& source) {
  auto others = others_hosts(*part.draft, source.rights);
  if (others.empty()) {
    if (part.narrowed) part.placed = true;  // perhaps: it was in force before it was narrowed
    part.narrowed = nullptr;
    return;
  }
  if (part.narrowed && part.others_hosts == others) return;
  DraftTerms terms = terms_of(source);
  terms.rights = source.rights;
  part.narrowed = draft_ingress(part.draft->ingress, terms);
  part.others_hosts = std::move(others);
  part.placed = false;
}

class Translating {
 public:
  Translating(const TranslationParts& parts, EntryPointSet claimed)
      : parts_(parts), everywhere_(parts.entry_points.everywhere() & ~claimed) {
    unnamed_ = parts.entry_points.as_default() != 0 ? parts.entry_points.as_default() : everywhere_;
    for (std::size_t i = 0; i < parts.entry_points.size(); ++i)
      if (parts.input.internal_resolvers.contains(parts.input.entry_points[i].cert_resolver))
        internal_ |= EntryPointSet{1} << i;
    lists_.resize(parts.entry_points.size());
  }

  HttpRouteLists run(const std::vector<Turn>& order) {
    claims_.reserve(order.size());
    for (const Turn& turn : order) translate(turn);
    for (const Placed& placed : defaults_) place(placed);
    tell_of_other_tls_options(asking_, lists_, parts_);
    for (const Turn& turn : order) turn.part->placed = true;
    return std::move(lists_);
  }

 private:
  void translate(const Turn& turn) {
    SourceParts& source = parts_.sources[turn.source];
    IngressPart& part = *turn.part;
    const IngressDraft& draft = *part.in_force();
    part.given = {};
    part.given.problems = draft.problems;
    const Claimant claimant("Ingress", draft.ingress->meta, part.given.problems);
    bind(part, claimant, source.services);
    const EntryPointSet set = entry_points_of(draft, claimant);
    for (const DraftRoute& route : part.in_force()->routes) {
      const EntryPointSet everywhere = route.route->creates_host ? set : set | everywhere_;
      const Placed placed{&route, everywhere, &part};
      if (route.is_default)
        defaults_.push_back(placed);
      else
        place(placed);
    }
    parts_.wishes.of_ingress(draft, set, claimant, source.secrets, part.given);
  }

  // Nothing else holds the draft; a route that was placed is in tables that are in force.
  void bind(IngressPart& part, const Claimant& claimant, ServiceFinder& services) {
    const auto draft = std::const_pointer_cast<IngressDraft>(part.in_force());
    for (DraftRoute& at : draft->routes) {
      const TlsOptionsPtr tls_options = tls_options_of(*draft, *at.route);
      const bool same_options = at.route->tls_options == tls_options;
      if (same_options && services.still_holds(at.bound_to)) continue;
      const FoundService& found = service_of(*draft, at, claimant, services, part.given);
      at.bound_to = found.source;
      if (same_options && at.route->service == found.service && at.route->missing == found.missing) continue;
      auto route = part.placed ? std::make_shared<HttpRoute>(*at.route) : std::const_pointer_cast<HttpRoute>(at.route);
      route->service = found.service;
      route->missing = found.missing;
      route->tls_options = tls_options;
      replaced_.push_back(std::exchange(at.route, std::move(route)));
    }
  }

  // Null: it names none, or cannot.
  TlsOptionsPtr tls_options_of(const IngressDraft& draft, const HttpRoute& route) const {
    const auto& named = draft.annotations().tls_options;
    if (!named || !route.creates_host || route.host.empty()) return nullptr;
    return find_tls_options(parts_.input, *named);
  }

  const FoundService& service_of(const IngressDraft& draft, const DraftRoute& at, const Claimant& claimant,
                                 ServiceFinder& services, Contribution& into) {
    missing_.missing = draft.annotations().refusal;
    if (!missing_.missing.empty()) return missing_;
    const FoundService& found = look_up(draft, at, services, into);
    if (!found.service)
      claimant.warn(at.line,
                    found.missing + ": " + (at.is_default ? "the defaultBackend" : "path " + quoted(at.route->path)) +
                        " answers 503",
                    found.reason);
    return found;
  }

  const FoundService& look_up(const IngressDraft& draft, const DraftRoute& at, ServiceFinder& services,
                              Contribution& into) {
    const auto& backend = *at.backend;
    const auto& options = draft.annotations().tls_options;
    if (options && at.route->creates_host) {
      if (at.route->host.empty())
        return missing("TLS options are a host's, and the rule has none", reasons::unsupported_annotation);
      if (!find_tls_options(parts_.input, *options)->can_be_met())
        return missing("there are no TLS options " + quoted(*options) + " in the settings",
                       reasons::tls_options_not_found);
    }
    if (backend.is_resource)
      return missing("resource backend " + backend.name + " is not supported", reasons::unsupported_backend);
    return services.find(draft.ingress->meta.name.ns, backend.name, backend.port, ServiceFinder::Use::http, into);
  }

  const FoundService& missing(std::string words, std::string_view reason) {
    missing_.missing = std::move(words);
    missing_.reason = reason;
    return missing_;
  }

  EntryPointSet entry_points_of(const IngressDraft& draft, const Claimant& claimant) const {
    if (!draft.annotations().entry_points) return draft.is_challenge_solver ? everywhere_ : unnamed_;
    const auto named = parts_.entry_points.named(*draft.annotations().entry_points);
    for (const std::string& unknown : named.unknown)
      claimant.warn(0, "router.entrypoints: there is no entry point " + quoted(unknown),
                    reasons::entry_point_not_found);
    if (named.set == 0)
      claimant.error(0, "left out: none of its entry points is there", reasons::entry_point_not_found);
    return named.set;
  }

  void place(const Placed& placed) {
    const HttpRoutePtr& shared = placed.draft->route;
    const HttpRoute& route = *shared;
    Claim& claim = claims_[&route];
    const EntryPointSet taken = claim.tls & (route.tls_only ? ~EntryPointSet{0} : claim.plain);
    const EntryPointSet kept = placed.set & ~taken;
    if ((placed.set & taken) != 0) tell_loser(placed, claim);
    if (!claim.first) claim.first = shared;
    claim.tls |= kept;
    if (!route.tls_only) claim.plain |= kept;
    // One that names TLS options is heard even where another is served in its place.
    const EntryPointSet listed = route.tls_options ? placed.set : kept;
    for (std::size_t i = 0; i < lists_.size(); ++i)
      if ((listed >> i & 1U) != 0) lists_[i].push_back(shared);
    if (route.tls_options) asking_.push_back({shared, listed, placed.part});
    if ((kept & internal_) != 0) parts_.certificates.may_issue(route.host);
  }

  void tell_loser(const Placed& placed, const Claim& claim) const {
    const HttpRoute& route = *placed.draft->route;
    if (route.service == claim.first->service && route.missing == claim.first->missing) return;
    if (placed.draft->is_default && !route.host.empty() && !claim.first->path.empty())
      return;  // the host's rules take all
    const std::string host = route.host.empty() ? "any host" : route.host;
    const std::string what =
        placed.draft->is_default ? "the defaultBackend for " + host : host + " path " + quoted(route.path);
    Claimant("Ingress", placed.part->draft->ingress->meta, placed.part->given.problems)
        .warn(placed.draft->line, what + " is left out: " + claim.first->name + " has it", reasons::conflicting_host);
  }

  const TranslationParts& parts_;
  EntryPointSet everywhere_;  // all that carry HTTP
  EntryPointSet unnamed_ = 0;  // for Ingresses that name none
  EntryPointSet internal_ = 0;  // whose hosts the built-in CA may issue for
  std::pmr::monotonic_buffer_resource memory_;  // of the claims, which are many and go together
  std::pmr::unordered_map<const HttpRoute*, Claim, SameMatch, SameMatch> claims_{&memory_};
  FoundService missing_;
  std::vector<Placed> defaults_;
  std::vector<HttpRoutePtr> replaced_;  // HostOwners has views into them
  std::vector<AskingRoute> asking_;  // for TLS options
  HttpRouteLists lists_;
};

}  // namespace

void draft_ingresses(const TranslationParts& parts, std::vector<Problem>& problems) {
  for (std::size_t i = 0; i < parts.sources.size(); ++i) draft_source(parts.sources[i], i, problems);
}

IngressPart* draft_ingress_again(SourceParts& source, std::size_t index, const ObjectName& name) {
  const auto there = source.objects.ingresses.find(name);
  std::vector<Problem> of_other_classes;  // none: files are not translated by parts
  if (there == source.objects.ingresses.end() || !is_ours(*there->second, source, of_other_classes)) {
    source.state.ingresses.erase(name);
    return nullptr;
  }
  IngressPart& part = source.state.ingresses.try_emplace(name, IngressPart{.source = index}).first->second;
  if (!part.draft || part.draft->ingress != there->second) draft_anew(part, there->second, source);
  return &part;
}

std::vector<IngressPart*> by_name(std::vector<IngressPart*> ingresses) {
  std::sort(ingresses.begin(), ingresses.end(), [](const IngressPart* a, const IngressPart* b) {
    return std::tie(a->source, a->name()) < std::tie(b->source, b->name());
  });
  return ingresses;
}

std::vector<Turn> total_order(const std::vector<IngressPart*>& by_name) {
  std::vector<Turn> order;
  order.reserve(by_name.size());
  for (IngressPart* part : by_name) order.push_back({part->draft->age, part->source, order.size(), part});
  std::sort(order.begin(), order.end(), comes_before);
  return order;
}

void share_out_hosts(const TranslationParts& parts, const std::vector<Turn>& order) {
  const auto owned = [](const SourceParts& source) { return source.rights.owners != nullptr; };
  if (std::none_of(parts.sources.begin(), parts.sources.end(), owned)) return;
  parts.owners.reserve(order.size());
  for (const Turn& turn : order) take_hosts(parts.owners, *turn.part->draft, turn.source);
  for (const Turn& turn : order) narrow(*turn.part, parts.sources[turn.source]);
}

HttpRouteLists translate_ingresses(const TranslationParts& parts, const std::vector<Turn>& order,
                                   EntryPointSet claimed) {
  return Translating(parts, claimed).run(order);
}

}  // namespace gatehouse
