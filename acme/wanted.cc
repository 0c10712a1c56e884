#include "acme/wanted.h"

#include "acme/gathering.h"
#include "acme/name_rules.h"
#include "acme/record_coding.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace gatehouse::acme {
namespace {

using SetKey = std::pair<std::string, std::string>;  // resolver, set_hash

// The earliest object that asks decides on the main name.
std::vector<const CertificateRequest*> sorted(const std::vector<CertificateRequest>& requests) {
  std::vector<const CertificateRequest*> order;
  for (const auto& request : requests) order.push_back(&request);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) {
    return std::tie(a->since, a->asked_by, a->resolver, a->names) <
           std::tie(b->since, b->asked_by, b->resolver, b->names);
  });
  return order;
}

std::vector<HostName> without_repetition(const std::vector<HostName>& names) {
  std::vector<HostName> once;
  std::set<HostName> seen;
  for (const HostName& name : names)
    if (seen.insert(name).second) once.push_back(name);
  return once;
}

class Collection {
 public:
  explicit Collection(const PlanInput& input) : input_(input) {}

  void add(const CertificateRequest& request) {
    const auto rules = input_.resolvers.find(request.resolver);
    std::vector<HostName> names = without_repetition(request.names);
    if (rules == input_.resolvers.end() || rules->second.cas.empty())
      return refuse(request, names, "there is no such resolver for ACME");
    names = take_out_refused(request, std::move(names), rules->second);
    if (names.size() > max_names)
      return refuse(request, names, "more than " + std::to_string(max_names) + " names; no CA takes so many");
    if (names.empty()) return;
    auto [entry, fresh] = sets_.try_emplace(SetKey(request.resolver, set_hash(names)));
    if (fresh) entry->second = {request.resolver, names, {}, request.since, &rules->second};
    entry->second.asked_by.insert(request.asked_by);
  }

  WantedSets take() {
    WantedSets wanted;
    for (auto& [key, set] : sets_) wanted.sets.push_back(std::move(set));
    for (auto& [key, refused] : refused_) wanted.refused.push_back(std::move(refused));
    std::sort(wanted.sets.begin(), wanted.sets.end(), [](const Wanted& a, const Wanted& b) {
      return std::tie(a.resolver, a.names) < std::tie(b.resolver, b.names);
    });
    return wanted;
  }

 private:
  std::vector<HostName> take_out_refused(const CertificateRequest& request, std::vector<HostName> names,
                                         const ResolverRules& rules) {
    const bool public_ca =
        std::any_of(rules.cas.begin(), rules.cas.end(), [](const CaRules& ca) { return is_public_ca(ca.url); });
    std::erase_if(names, [&](const HostName& name) {
      const std::string words = refusal(name, rules.wildcards, public_ca);
      if (!words.empty()) refuse(request, {name}, name.text() + " " + words);
      return !words.empty();
    });
    return names;
  }

  void refuse(const CertificateRequest& request, const std::vector<HostName>& names, std::string words) {
    auto& entry = refused_[{request.resolver, names}];
    entry.resolver = request.resolver;
    entry.names = names;
    entry.asked_by.insert(request.asked_by);
    entry.words = std::move(words);
  }

  const PlanInput& input_;
  std::map<SetKey, Wanted> sets_;
  std::map<std::pair<std::string, std::vector<HostName>>, RefusedNames> refused_;
};

void attach(WantedSets& wanted, const PlanInput& input) {
  std::map<SetKey, const HeldCertificate*> held;
  std::map<SetKey, const PendingOrder*> pending;
  for (const auto& entry : input.held) held[{entry.resolver, set_hash(entry.names)}] = &entry;
  for (const auto& order : input.pending) pending[{order.resolver, set_hash(order.names)}] = &order;
  for (Wanted& set : wanted.sets) {
    const SetKey key(set.resolver, set_hash(set.names));
    if (const auto own = held.find(key); own != held.end()) set.own = own->second;
    if (const auto order = pending.find(key); order != pending.end()) set.pending = order->second;
  }
}

bool has_important_name(const Wanted& wanted) {
  return std::any_of(wanted.names.begin(), wanted.names.end(),
                     [&](const HostName& name) { return covered_by(name, wanted.rules->important); });
}

bool all_covered(const std::vector<HostName>& names, const std::vector<HostName>& by) {
  return std::all_of(names.begin(), names.end(), [&](const HostName& name) { return covered_by(name, by); });
}

// Things with names, found by a name or by the wildcard that covers it.
class NameIndex {
 public:
  void add(const std::string& resolver, const std::vector<HostName>& names, std::size_t number) {
    for (const HostName& name : names) numbers_[resolver + " " + name.text()].push_back(number);
  }
  // What may cover a set that has this name.
  std::vector<std::size_t> candidates(const std::string& resolver, const HostName& name) const {
    std::vector<std::size_t> found;
    for (const std::string& text : {name.text(), wildcard_over(name)}) {
      const auto entry = numbers_.find(resolver + " " + text);
      if (entry != numbers_.end()) found.insert(found.end(), entry->second.begin(), entry->second.end());
    }
    return found;
  }

 private:
  std::unordered_map<std::string, std::vector<std::size_t>> numbers_;
};

// Of two that cover each other the one with more wildcards stays, then the larger, then the first.
bool preferred(const Wanted& a, const Wanted& b) {
  const auto wildcards = [](const Wanted& set) {
    return std::count_if(set.names.begin(), set.names.end(), [](const HostName& name) { return name.is_wildcard(); });
  };
  return std::tuple(-wildcards(a), -static_cast<long>(a.names.size()), a.names) <
         std::tuple(-wildcards(b), -static_cast<long>(b.names.size()), b.names);
}

void cover_by_each_other(std::vector<Wanted>& sets, WallTime now) {
  NameIndex index;
  for (std::size_t i = 0; i < sets.size(); ++i) index.add(sets[i].resolver, sets[i].names, i);
  const auto has_good = [now](const Wanted& set) { return set.own != nullptr && is_good(*set.own, set.rules, now); };
  std::vector<bool> covered(sets.size(), false);
  const auto covers = [&](std::size_t j, std::size_t i) {
    if (i == j || !all_covered(sets[i].names, sets[j].names)) return false;
    if (all_covered(sets[j].names, sets[i].names) && preferred(sets[i], sets[j])) return false;
    // What it has or is about to get stays in force until the other one is there.
    return has_good(sets[j]) || !(has_good(sets[i]) || sets[i].pending != nullptr);
  };
  for (std::size_t i = 0; i < sets.size(); ++i)
    for (const std::size_t j : index.candidates(sets[i].resolver, sets[i].names.front()))
      covered[i] = covered[i] || covers(j, i);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (!covered[i]) continue;
    for (const std::size_t j : index.candidates(sets[i].resolver, sets[i].names.front()))
      if (!covered[j] && covers(j, i) && (sets[i].coverer == Wanted::npos || j < sets[i].coverer)) sets[i].coverer = j;
    Wanted& coverer = sets[sets[i].coverer];
    coverer.important = coverer.important || sets[i].important;
  }
}

void cover_by_held(std::vector<Wanted>& sets, const PlanInput& input, WallTime now) {
  NameIndex index;
  for (std::size_t i = 0; i < input.held.size(); ++i) index.add(input.held[i].resolver, input.held[i].names, i);
  for (Wanted& set : sets) {
    if (!set.kept() || set.pending != nullptr || (set.own != nullptr && is_good(*set.own, set.rules, now))) continue;
    for (const std::size_t i : index.candidates(set.resolver, set.names.front())) {
      const HeldCertificate& held = input.held[i];
      if (&held == set.own || held.renew_now || !is_good(held, set.rules, now)) continue;
      if (now >= renew_at(held.validity, held.window, held.fingerprint) || !all_covered(set.names, held.names))
        continue;
      const auto rank = [](const HeldCertificate& c) { return std::tuple(c.validity.not_after, c.record); };
      if (set.cover == nullptr || rank(*set.cover) < rank(held)) set.cover = &held;
    }
  }
}

}  // namespace

bool is_good(const HeldCertificate& held, const ResolverRules* rules, WallTime now) {
  if (now >= held.validity.not_after) return false;
  if (rules == nullptr || held.ca.empty()) return true;
  return std::any_of(rules->cas.begin(), rules->cas.end(), [&](const CaRules& ca) { return ca.url == held.ca; });
}

WantedSets wanted_sets(const PlanInput& input, WallTime now) {
  Collection collection(input);
  for (const auto* request : sorted(input.requests)) collection.add(*request);
  WantedSets wanted = collection.take();
  attach(wanted, input);
  for (Wanted& set : wanted.sets) set.important = has_important_name(set);
  cover_by_each_other(wanted.sets, now);
  gather_held_and_pending(wanted.sets, input);
  cover_by_held(wanted.sets, input, now);
  gather_new(wanted.sets, input);
  return wanted;
}

}  // namespace gatehouse::acme
