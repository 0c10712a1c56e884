#include "acme/gathering.h"

#include "acme/record_coding.h"
#include "acme/registered_domain.h"

#include <algorithm>
#include <tuple>

namespace gatehouse::acme {
namespace {

bool has_failed(const Wanted& set, const PlanInput& input) {
  return std::any_of(set.rules->cas.begin(), set.rules->cas.end(), [&](const CaRules& ca) {
    const auto ledger = input.ledgers.find(ca.url);
    if (ledger == input.ledgers.end()) return false;
    if (setback(ledger->second, set.names) != nullptr) return true;
    return std::any_of(set.names.begin(), set.names.end(),
                       [&](const HostName& name) { return setback(ledger->second, {name}) != nullptr; });
  });
}

bool may_gather(const Wanted& set, const PlanInput& input) {
  return set.kept() && set.rules->gather && set.own == nullptr && set.pending == nullptr && !has_failed(set, input);
}

// One set of all these, which are marked. Index by index: adding moves the vector.
Wanted& gather(std::vector<Wanted>& sets, const std::vector<std::size_t>& parts) {
  Wanted whole{sets[parts[0]].resolver, {}, {}, sets[parts[0]].since, sets[parts[0]].rules};
  std::set<HostName> seen;
  for (const std::size_t part : parts) {
    Wanted& set = sets[part];
    set.gathered = true;
    for (const HostName& name : set.names)
      if (seen.insert(name).second) whole.names.push_back(name);
    whole.asked_by.insert(set.asked_by.begin(), set.asked_by.end());
    whole.since = std::min(whole.since, set.since);
    whole.important = whole.important || set.important;
  }
  return sets.emplace_back(std::move(whole));
}

using SetsByName = std::map<std::pair<std::string, HostName>, std::vector<std::size_t>>;

SetsByName by_name(const std::vector<Wanted>& sets, const PlanInput& input) {
  SetsByName numbers;
  for (std::size_t i = 0; i < sets.size(); ++i)
    if (may_gather(sets[i], input))
      for (const HostName& name : sets[i].names) numbers[{sets[i].resolver, name}].push_back(i);
  return numbers;
}

// The sets that together are exactly `names`; none when something is missing.
std::vector<std::size_t> parts_of(const std::string& resolver, const std::vector<HostName>& names,
                                  const std::vector<Wanted>& sets, const SetsByName& numbers) {
  const std::set<HostName> whole(names.begin(), names.end());
  std::set<std::size_t> parts;
  std::set<HostName> found;
  for (const HostName& name : names) {
    const auto candidates = numbers.find({resolver, name});
    if (candidates == numbers.end()) return {};
    for (const std::size_t i : candidates->second) {
      const bool inside = std::all_of(sets[i].names.begin(), sets[i].names.end(),
                                      [&](const HostName& other) { return whole.contains(other); });
      if (!inside || sets[i].gathered) continue;
      parts.insert(i);
      found.insert(sets[i].names.begin(), sets[i].names.end());
    }
  }
  return found == whole ? std::vector<std::size_t>(parts.begin(), parts.end()) : std::vector<std::size_t>();
}

}  // namespace

void gather_held_and_pending(std::vector<Wanted>& sets, const PlanInput& input) {
  const SetsByName numbers = by_name(sets, input);
  std::vector<const HeldCertificate*> held;
  for (const auto& entry : input.held) held.push_back(&entry);
  std::sort(held.begin(), held.end(), [](auto* a, auto* b) {
    return std::tie(b->validity.not_after, a->record) < std::tie(a->validity.not_after, b->record);
  });
  for (const auto* entry : held) {
    const auto parts = parts_of(entry->resolver, entry->names, sets, numbers);
    if (parts.size() < 2) continue;
    Wanted& whole = gather(sets, parts);
    whole.names = entry->names;
    whole.own = entry;
    for (const auto& order : input.pending)
      if (order.resolver == whole.resolver && set_hash(order.names) == set_hash(whole.names)) whole.pending = &order;
  }
  for (const auto& order : input.pending) {
    const auto parts = parts_of(order.resolver, order.names, sets, numbers);
    if (parts.size() < 2) continue;
    Wanted& whole = gather(sets, parts);
    whole.names = order.names;
    whole.pending = &order;
  }
}

void gather_new(std::vector<Wanted>& sets, const PlanInput& input) {
  std::map<std::tuple<std::string, std::string, bool>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (!may_gather(sets[i], input)) continue;
    std::set<std::string> domains;
    for (const HostName& name : sets[i].names) domains.insert(registered_domain(name));
    if (domains.size() == 1) groups[{sets[i].resolver, *domains.begin(), !sets[i].important}].push_back(i);
  }
  for (auto& [key, group] : groups) {
    std::sort(group.begin(), group.end(), [&](std::size_t a, std::size_t b) {
      return std::tie(sets[a].since, sets[a].names) < std::tie(sets[b].since, sets[b].names);
    });
    const std::size_t most = std::min(sets[group[0]].rules->gather_up_to, max_names);
    std::vector<std::size_t> parts;
    std::size_t size = 0;
    const auto close = [&] {
      if (parts.size() > 1) gather(sets, parts);
      parts.clear();
      size = 0;
    };
    for (const std::size_t i : group) {
      if (size + sets[i].names.size() > most) close();
      parts.push_back(i);
      size += sets[i].names.size();
    }
    close();
  }
}

}  // namespace gatehouse::acme
