#include "config/translation.h"

#include "config/certificate_choice.h"
#include "config/contributions.h"
#include "config/entry_point_choice.h"
#include "config/ingress_index.h"
#include "config/ingress_translation.h"
#include "config/tcp_translation.h"

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

template <class T>
using Shared = std::shared_ptr<const T>;
using RouteTablePtr = Shared<RouteTable>;
using StorePtr = Shared<tls::CertificateStore>;

// Ingresses that hang together are translated on their own when they are not more than so many, or such a part of all.
constexpr std::size_t always_fine = 64, largest_part = 4;

}  // namespace

// What one translation leaves to the next.
class Translator::State {
 public:
  Translation translate(const std::vector<TranslationSource>& given, const TranslationInput& input,
                        const ResolvedNames& resolved);
  std::optional<Translation> amend(const std::vector<TranslationSource>& given, const TranslationInput& input,
                                   const ResolvedNames& resolved, kubernetes::TouchedObjects touched);

 private:
  // Of one translation.
  struct Round {
    Round(State& state, const std::vector<TranslationSource>& given, const TranslationInput& input,
          const ResolvedNames& resolved);

    const TranslationInput& input;
    HostOwners owners;
    std::deque<SourceParts> sources;
    const EntryPointChoice entry_points;
    CertificateChoice certificates;
    CertificateWishes wishes;
    const TranslationParts parts;
  };

  // What a change concerns.
  struct Reach {
    std::map<IngressPart*, Contribution> parts;  // with what each contributed before
    std::vector<Contribution> gone;  // by Ingresses of the last source that are no more
    std::set<std::string> hosts;
  };

  void note_base(const Round& round, const Contribution& of_settings, const TcpTranslation& tcp);
  void set_tables(const TranslationInput& input, HttpRouteLists http, std::vector<std::vector<TcpRoutePtr>> tcp);

  bool reaches_base(const kubernetes::TouchedObjects& touched) const;
  bool knows_too_many_services() const;
  void make_index();
  std::set<ObjectName> ingresses_to_look_at(const kubernetes::TouchedObjects& touched) const;
  Reach look_again(Round& round, const std::set<ObjectName>& names, const std::set<ObjectName>& secrets);
  bool extend(Reach& reach) const;
  std::size_t most_at_once() const;
  void change_tables(const std::vector<std::string>& hosts, HttpRouteLists lists);
  void change_store(const Reach& reach, tls::CertificateStore::Contents contents);
  Translation finish(Round& round);

  std::deque<SourceState> sources_;
  std::optional<ObtainedCertificates> obtained_;

  // What does not come from Ingresses, and what that depends on.
  EntryPointSet claimed_ = 0;
  std::unordered_set<std::string> base_hosts_;
  std::set<ObjectName> base_services_;
  bool base_on_oldest_ingress_ = false;

  std::vector<RouteTablePtr> http_;  // per entry point
  std::vector<Shared<TcpRouteTable>> tcp_;
  StorePtr store_;

  IngressIndex index_;  // of all Ingresses, when `indexed_`
  bool indexed_ = false;
  Contributions contributions_;
  bool whole_ = false;  // all this is of the last call
};

Translator::State::Round::Round(State& state, const std::vector<TranslationSource>& given,
                                const TranslationInput& translation_input, const ResolvedNames& resolved)
    : input(translation_input),
      entry_points(input.entry_points),
      certificates(input, *state.obtained_),
      wishes(input, certificates),
      parts{input, entry_points, sources, owners, certificates, wishes} {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& [objects, rules, awaited] = given[i];
    const HostRights rights{rules->host_claims.get(), rules->shared_hosts ? nullptr : &owners, i};
    SourceState& known = state.sources_[i];
    sources.push_back({*objects, *rules, known, ClassFilter(*objects, rules->classes), rights,
                       ServiceFinder(given[i], input, resolved, known.services),
                       SecretFinder(*objects, awaited, rights, known.secrets)});
  }
}

// ---- everything

Translation Translator::State::translate(const std::vector<TranslationSource>& given, const TranslationInput& input,
                                         const ResolvedNames& resolved) {
  sources_.resize(given.size());
  obtained_.emplace(input);
  Round round(*this, given, input, resolved);

  Contribution of_settings;
  round.wishes.of_entry_points(of_settings);
  draft_ingresses(round.parts, of_settings.problems);
  std::vector<IngressPart*> all;
  for (SourceState& source : sources_)
    for (auto& [name, part] : source.ingresses) all.push_back(&part);
  const std::vector<Turn> order = total_order(all);
  share_out_hosts(round.parts, order);
  TcpTranslation tcp = translate_tcp(round.parts);
  note_base(round, of_settings, tcp);
  HttpRouteLists http = translate_ingresses(round.parts, order, claimed_);

  set_tables(input, std::move(http), std::move(tcp.lists));
  round.certificates.settle(of_settings.requests);
  for (const SourceState& source : sources_) round.certificates.settle(source.given.requests);
  for (const Turn& turn : order) round.certificates.settle(turn.part->given.requests);
  auto store = std::make_shared<const tls::CertificateStore>(round.certificates.contents());
  if (!store_ || !(*store_ == *store)) store_ = std::move(store);

  index_ = {};
  indexed_ = false;
  contributions_.take(sources_, std::move(of_settings));
  for (SourceParts& source : round.sources) source.services.forget_superseded();
  return finish(round);
}

// What does not come from Ingresses, and what it hangs on: where a change reaches that, everything is translated.
void Translator::State::note_base(const Round& round, const Contribution& of_settings, const TcpTranslation& tcp) {
  claimed_ = tcp.claimed;
  base_services_ = tcp.services;
  base_on_oldest_ingress_ = tcp.on_oldest_ingress;
  base_hosts_ = tcp.hosts;
  for (std::string& host : round.certificates.hosts()) base_hosts_.insert(std::move(host));
  const auto add = [&](const Contribution& given) {
    for (const CertificateRequest& request : given.requests)
      for (const HostName& name : request.names) base_hosts_.insert(name.text());
  };
  add(of_settings);
  for (const SourceState& source : sources_) {
    add(source.given);
    for (const ObjectName& name : source.given.secrets)
      if (const auto secret = source.secrets.known.find(name); secret != source.secrets.known.end())
        for (const std::string_view host : secret->second.names) base_hosts_.emplace(host);
  }
}

void Translator::State::set_tables(const TranslationInput& input, HttpRouteLists http,
                                   std::vector<std::vector<TcpRoutePtr>> tcp) {
  http.resize(input.entry_points.size());
  tcp.resize(input.entry_points.size());
  const auto known_http = std::exchange(http_, {});
  const auto known_tcp = std::exchange(tcp_, {});
  for (std::size_t i = 0; i < input.entry_points.size(); ++i) {
    const auto same_list = std::find(http.begin(), http.begin() + static_cast<std::ptrdiff_t>(i), http[i]);
    if (const auto j = static_cast<std::size_t>(same_list - http.begin()); j < i) {
      http_.push_back(http_[j]);
    } else {
      auto table = std::make_shared<const RouteTable>(http[i]);
      const auto known = std::find_if(known_http.begin(), known_http.end(),
                                      [&](const auto& before) { return before->same_routes(*table); });
      http_.push_back(known == known_http.end() ? std::move(table) : *known);
    }
    auto table = std::make_shared<const TcpRouteTable>(std::move(tcp[i]));
    const auto is_same = [&](const auto& other) { return other->routes() == table->routes(); };
    const auto same = std::find_if(tcp_.begin(), tcp_.end(), is_same);
    const auto known = std::find_if(known_tcp.begin(), known_tcp.end(), is_same);
    tcp_.push_back(same != tcp_.end() ? *same : known != known_tcp.end() ? *known : std::move(table));
  }
}

// ---- what a change reaches

std::optional<Translation> Translator::State::amend(const std::vector<TranslationSource>& given,
                                                    const TranslationInput& input, const ResolvedNames& resolved,
                                                    kubernetes::TouchedObjects touched) {
  const bool whole = std::exchange(whole_, false);  // who gives up has to begin anew
  if (!whole || touched.beyond || given.size() != sources_.size()) return std::nullopt;
  for (const ObjectName& name : sources_.back().secrets.awaited)
    if (!given.back().secret_awaited || !given.back().secret_awaited(name)) touched.secrets.insert(name);
  if (reaches_base(touched) || knows_too_many_services()) return std::nullopt;
  if (!std::exchange(indexed_, true)) make_index();
  const std::set<ObjectName> names = ingresses_to_look_at(touched);
  if (names.size() > most_at_once()) return std::nullopt;

  Round round(*this, given, input, resolved);
  Reach reach = look_again(round, names, touched.secrets);
  if (!extend(reach)) return std::nullopt;

  std::vector<IngressPart*> parts;
  for (const auto& [part, before] : reach.parts) parts.push_back(part);
  const std::vector<Turn> order = total_order(by_name(std::move(parts)));
  share_out_hosts(round.parts, order);
  change_tables({reach.hosts.begin(), reach.hosts.end()}, translate_ingresses(round.parts, order, claimed_));
  for (const Turn& turn : order) round.certificates.settle(turn.part->given.requests);
  change_store(reach, round.certificates.contents());

  for (const auto& [part, before] : reach.parts) contributions_.replace(sources_, *part, before);
  for (const Contribution& before : reach.gone) contributions_.remove(sources_.back(), before);
  return finish(round);
}

bool Translator::State::reaches_base(const kubernetes::TouchedObjects& touched) const {
  const auto& secrets = sources_.back().given.secrets;
  return (base_on_oldest_ingress_ && !touched.ingresses.empty()) ||
         std::any_of(base_services_.begin(), base_services_.end(),
                     [&](const ObjectName& name) { return touched.services.contains(name); }) ||
         std::any_of(secrets.begin(), secrets.end(),
                     [&](const ObjectName& name) { return touched.secrets.contains(name); });
}

// Time to forget some, which translate() does.
bool Translator::State::knows_too_many_services() const {
  return std::any_of(sources_.begin(), sources_.end(), [](const SourceState& source) {
    return source.services.found.size() > 2 * source.services.kept + 1000;
  });
}

void Translator::State::make_index() {
  for (SourceState& source : sources_) {
    for (auto& [name, part] : source.ingresses) {
      part.hosts = hosts_of(*part.draft, source.secrets);
      index_.add(part);
    }
  }
}

// Of the last source: those that were touched themselves, and those that name what was.
std::set<ObjectName> Translator::State::ingresses_to_look_at(const kubernetes::TouchedObjects& touched) const {
  const std::size_t last = sources_.size() - 1;
  std::set<ObjectName> names = touched.ingresses;
  const auto add = [&](const std::vector<IngressPart*>& parts) {
    for (const IngressPart* part : parts)
      if (part->source == last) names.insert(part->name());
  };
  for (const ObjectName& service : touched.services) add(index_.of_service(last, service));
  for (const ObjectName& secret : touched.secrets) add(index_.of_secret(last, secret));
  return names;
}

// At these Ingresses, as they are now. Reached are the hosts they had and those they have.
Translator::State::Reach Translator::State::look_again(Round& round, const std::set<ObjectName>& names,
                                                       const std::set<ObjectName>& secrets) {
  SourceState& state = sources_.back();
  SourceParts& source = round.sources.back();
  for (const ObjectName& secret : secrets)
    if (state.secrets.known.contains(secret)) source.secrets.find(secret);

  Reach reach;
  for (const ObjectName& name : names) {
    Contribution before;
    if (const auto found = state.ingresses.find(name); found != state.ingresses.end()) {
      IngressPart& part = found->second;
      reach.hosts.insert(part.hosts.begin(), part.hosts.end());
      index_.remove(part);
      contributions_.leave(part);
      before = std::move(part.given);
    }
    IngressPart* const part = draft_ingress_again(source, sources_.size() - 1, name);
    if (part == nullptr) {
      reach.gone.push_back(std::move(before));
      continue;
    }
    for (const auto& tls : part->draft->ingress->tls)
      if (tls.hosts.empty() && !tls.secret.empty()) source.secrets.find({name.ns, tls.secret});
    part->hosts = hosts_of(*part->draft, state.secrets);
    index_.add(*part);
    reach.hosts.insert(part->hosts.begin(), part->hosts.end());
    reach.parts.emplace(part, std::move(before));
  }
  return reach;
}

// By all others that name one of the hosts, and their hosts, and so on. False: that is too much, or not only theirs.
bool Translator::State::extend(Reach& reach) const {
  const std::size_t most = most_at_once();
  std::vector<std::string> next(reach.hosts.begin(), reach.hosts.end());
  while (!next.empty()) {
    const std::string host = std::move(next.back());
    next.pop_back();
    const auto& naming = index_.of_host(host);
    if (base_hosts_.contains(host) || naming.size() > most) return false;
    for (IngressPart* part : naming) {
      const auto [entry, added] = reach.parts.try_emplace(part);
      if (!added) continue;
      entry->second = part->given;
      for (const std::string& another : part->hosts)
        if (reach.hosts.insert(another).second) next.push_back(another);
    }
  }
  return reach.parts.size() <= most;
}

std::size_t Translator::State::most_at_once() const {
  std::size_t all = 0;
  for (const SourceState& source : sources_) all += source.ingresses.size();
  return std::max(always_fine, all / largest_part);
}

void Translator::State::change_tables(const std::vector<std::string>& hosts, HttpRouteLists lists) {
  const std::vector<RouteTablePtr> before = http_;
  lists.resize(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    std::size_t same = 0;
    while (same < i && (before[same] != before[i] || lists[same] != lists[i])) ++same;
    http_[i] = same < i ? http_[same] : RouteTable::changed(before[i], hosts, lists[i]);
  }
}

void Translator::State::change_store(const Reach& reach, tls::CertificateStore::Contents contents) {
  const auto is_elsewhere = [&](const HostName& host) { return !reach.hosts.contains(host.text()); };
  std::erase_if(contents.entries, [&](const auto& entry) { return is_elsewhere(entry.host); });  // of the settings
  store_ = tls::CertificateStore::changed(store_, {reach.hosts.begin(), reach.hosts.end()}, std::move(contents));
}

// ---- the result

Translation Translator::State::finish(Round& round) {
  contributions_.gather(sources_);
  whole_ = true;
  const TranslationInput& input = round.input;
  auto snapshot = std::make_shared<Snapshot>();
  for (std::size_t i = 0; i < input.entry_points.size(); ++i) {
    auto entry_point = std::make_shared<EntryPoint>(input.entry_points[i].entry_point);
    entry_point->http = http_[i];
    entry_point->tcp = tcp_[i];
    snapshot->entry_points.push_back(std::move(entry_point));
  }
  snapshot->certificates = store_;
  if (input.challenges) snapshot->challenges = input.challenges;
  return {std::move(snapshot), contributions_.problems(), contributions_.requests(), contributions_.names_to_resolve(),
          contributions_.secrets_in_use()};
}

// ---- Translator

Translator::Translator() : state_(std::make_unique<State>()) {}
Translator::~Translator() = default;
Translator::Translator(Translator&&) noexcept = default;
Translator& Translator::operator=(Translator&&) noexcept = default;

Translation Translator::translate(const std::vector<TranslationSource>& sources, const TranslationInput& input,
                                  const ResolvedNames& resolved) {
  return state_->translate(sources, input, resolved);
}

std::optional<Translation> Translator::amend(const std::vector<TranslationSource>& sources,
                                             const TranslationInput& input, const ResolvedNames& resolved,
                                             const kubernetes::TouchedObjects& touched) {
  return state_->amend(sources, input, resolved, touched);
}

Translation translate(const std::vector<TranslationSource>& sources, const TranslationInput& input,
                      const ResolvedNames& resolved) {
  return Translator().translate(sources, input, resolved);
}

}  // namespace gatehouse
