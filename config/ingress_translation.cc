#include "config/ingress_translation.h"

#include "config/claimant.h"
#include "config/problem_reasons.h"
#include "proxy/route/path_match.h"

#include <algorithm>
#include <memory_resource>
#include <tuple>
#include <unordered_map>

namespace gatehouse {
namespace {

using kubernetes::Ingress;

// A route with where it goes and whom to tell.
struct Placed {
  const DraftRoute* draft = nullptr;
  EntryPointSet set = 0;
  const Ingress* ingress = nullptr;
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
  return std::tuple(a.source, a.age, a.draft) < std::tuple(b.source, b.age, b.draft);
}

// Makes the drafts of all sources, in the total order, and finds out whose the hosts are.
class Gathering {
 public:
  explicit Gathering(const TranslationParts& parts) : parts_(parts) {}

  std::vector<Turn> run() {
    std::size_t count = 0;
    bool owned = false;
    for (SourceParts& source : parts_.sources) {
      make_drafts(source);
      count += source.next.drafts.size();
      owned = owned || source.rights.owners != nullptr;
    }
    auto order = total_order(count);
    if (!owned) return order;
    parts_.owners.reserve(count);
    for (const Turn& turn : order) take_hosts(**turn.draft, turn.source);
    for (Turn& turn : order) turn.draft = &own_part(turn, parts_.sources[turn.source]);
    return order;
  }

 private:
  void make_drafts(SourceParts& source) {
    Drafts& drafts = source.next.drafts;
    const auto& claims = source.next.claims = source.rules.host_claims;
    source.next.classes = source.classes;
    source.next.shared_hosts = source.rules.shared_hosts;
    const bool same_terms = claims == source.known.claims && source.classes == source.known.classes &&
                            source.rules.shared_hosts == source.known.shared_hosts;
    auto known = source.known.drafts.begin();
    const auto end = same_terms ? source.known.drafts.end() : known;
    drafts.reserve(source.objects.ingresses.size());
    for (const auto& [name, ingress] : source.objects.ingresses) {
      while (known != end && (*known)->ingress != ingress && (*known)->ingress->meta.name <= name) ++known;
      const bool is_known = known != end && (*known)->ingress == ingress;
      if (is_known)
        drafts.push_back(*known);
      else if (is_ours(*ingress, source))
        drafts.push_back(draft_ingress(ingress, terms_of(source)));
    }
  }

  std::vector<Turn> total_order(std::size_t count) {
    std::vector<Turn> order;
    order.reserve(count);
    for (std::size_t i = 0; i < parts_.sources.size(); ++i)
      for (IngressDraftPtr& draft : parts_.sources[i].next.drafts) order.push_back({draft->age, i, &draft});
    std::sort(order.begin(), order.end(), comes_before);
    return order;
  }

  // Other classes' Ingresses are spoken of in files only: in a cluster they are other controllers' business.
  bool is_ours(const Ingress& ingress, const SourceParts& source) const {
    if (source.classes.accepts(ingress)) return true;
    const std::string name = ClassFilter::class_of(ingress);
    if (ingress.meta.origin.file)
      Claimant("Ingress", ingress.meta, parts_.problems)
          .warn(0,
                name.empty() ? "left out: it has no class" : "left out: class " + quoted(name) + " is not one of ours");
    return false;
  }

  static DraftTerms terms_of(const SourceParts& source) {
    const auto* claims = source.rules.host_claims.get();
    return {{claims, nullptr, 0}, source.rules.shared_hosts || claims != nullptr};
  }

  void take_hosts(const IngressDraft& draft, std::size_t source) {
    const std::string* before = nullptr;
    for (const DraftRoute& at : draft.routes) {
      const std::string& host = at.route->host;
      if (at.route->creates_host && !host.empty() && (before == nullptr || *before != host))
        parts_.owners.take(host, source, draft.ingress->meta.name);
      before = &host;
    }
  }

  // Without others' hosts it is another draft. That one is remembered beside the first.
  IngressDraftPtr& own_part(const Turn& turn, SourceParts& source) {
    IngressDraftPtr& whole = *turn.draft;
    auto others = others_hosts(*whole, source.rights);
    if (others.empty()) return whole;
    const ObjectName& name = whole->ingress->meta.name;
    auto& narrowed = source.next.narrowed[name];
    const auto known = source.known.narrowed.find(name);
    if (known != source.known.narrowed.end() && known->second.ingress == whole->ingress &&
        known->second.others_hosts == others) {
      narrowed = known->second;
    } else {
      DraftTerms terms = terms_of(source);
      terms.rights = source.rights;
      narrowed = {whole->ingress, std::move(others), draft_ingress(whole->ingress, terms)};
    }
    return narrowed.draft;
  }

  const TranslationParts& parts_;
};

class Translating {
 public:
  Translating(const TranslationParts& parts, EntryPointSet claimed)
      : parts_(parts), everywhere_(parts.entry_points.everywhere() & ~claimed) {
    unnamed_ = parts.entry_points.as_default() != 0 ? parts.entry_points.as_default() : everywhere_;
    for (std::size_t i = 0; i < parts.entry_points.size(); ++i)
      if (parts.input.internal_resolvers.contains(parts.input.entry_points[i].cert_resolver))
        internal_ |= EntryPointSet{1} << i;
    result_.lists.resize(parts.entry_points.size());
  }

  IngressTranslation run(const std::vector<Turn>& order) {
    claims_.reserve(order.size());
    for (const Turn& turn : order) translate(turn);
    for (const Placed& placed : defaults_) place(placed);
    return std::move(result_);
  }

 private:
  void translate(const Turn& turn) {
    SourceParts& source = parts_.sources[turn.source];
    IngressDraftPtr& draft = *turn.draft;
    const Claimant claimant("Ingress", draft->ingress->meta, parts_.problems);
    bind(draft, claimant, source.services);
    parts_.problems.insert(parts_.problems.end(), draft->problems.begin(), draft->problems.end());
    const EntryPointSet set = entry_points_of(*draft, claimant);
    for (const DraftRoute& route : draft->routes) {
      const EntryPointSet everywhere = route.route->creates_host ? set : set | everywhere_;
      const Placed placed{&route, everywhere, draft->ingress.get()};
      if (route.is_default)
        defaults_.push_back(placed);
      else
        place(placed);
    }
    parts_.wishes.of_ingress(*draft, set, claimant, source.secrets);
  }

  // Leaves the draft as it is when every route already has the right service. One that was just made, and so is known
  // to nobody yet, is bound where it stands.
  void bind(IngressDraftPtr& draft, const Claimant& claimant, ServiceFinder& services) {
    const bool is_new = draft.use_count() == 1;
    std::shared_ptr<IngressDraft> changed;
    for (std::size_t i = 0; i < draft->routes.size(); ++i) {
      const DraftRoute& at = draft->routes[i];
      if (services.still_holds(at.bound_to)) continue;
      const FoundService& found = service_of(*draft, at, claimant, services);
      const bool same = at.route->service == found.service && at.route->missing == found.missing;
      if (same && at.bound_to == found.source) continue;
      if (!changed)
        changed = is_new ? std::const_pointer_cast<IngressDraft>(draft) : std::make_shared<IngressDraft>(*draft);
      changed->routes[i].bound_to = found.source;
      if (same) continue;
      auto route = is_new ? std::const_pointer_cast<HttpRoute>(at.route) : std::make_shared<HttpRoute>(*at.route);
      route->service = found.service;
      route->missing = found.missing;
      changed->routes[i].route = std::move(route);
    }
    if (changed) draft = std::move(changed);
  }

  const FoundService& service_of(const IngressDraft& draft, const DraftRoute& at, const Claimant& claimant,
                                 ServiceFinder& services) {
    missing_.missing = draft.annotations().refusal;
    if (!missing_.missing.empty()) return missing_;
    const auto& backend = *at.backend;
    if (backend.is_resource) missing_.missing = "resource backend " + backend.name + " is not supported";
    missing_.reason = reasons::unsupported_backend;
    const FoundService& found = backend.is_resource ? missing_
                                                    : services.find(draft.ingress->meta.name.ns, backend.name,
                                                                    backend.port, ServiceFinder::Use::http);
    if (!found.service)
      claimant.warn(at.line,
                    found.missing + ": " + (at.is_default ? "the defaultBackend" : "path " + quoted(at.route->path)) +
                        " answers 503",
                    found.reason);
    return found;
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
    for (std::size_t i = 0; i < result_.lists.size(); ++i)
      if ((kept >> i & 1U) != 0) result_.lists[i].push_back(shared);
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
    Claimant("Ingress", placed.ingress->meta, parts_.problems)
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
  IngressTranslation result_;
};

}  // namespace

std::vector<Turn> draft_ingresses(const TranslationParts& parts) { return Gathering(parts).run(); }

IngressTranslation translate_ingresses(const TranslationParts& parts, const std::vector<Turn>& order,
                                       EntryPointSet claimed) {
  return Translating(parts, claimed).run(order);
}

}  // namespace gatehouse
