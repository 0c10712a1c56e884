#include "acme/plan.h"

#include "acme/record_coding.h"
#include "acme/time_text.h"
#include "acme/wanted.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace gatehouse::acme {
namespace {

bool is_in(const RenewalWindow& window, WallTime now) { return window.start <= now && now <= window.end; }

// Why it has to be ordered; empty: what it has will do for now.
std::string need(const Wanted& set, WallTime now) {
  const HeldCertificate* own = set.own;
  if (own == nullptr) return "no certificate yet";
  if (now >= own->validity.not_after) return "the certificate has ended " + time_text(own->validity.not_after);
  if (!is_good(*own, set.rules, now)) return "the certificate is another CA's";
  if (own->renew_now) return "renewal was asked for";
  if (now < renew_at(own->validity, own->window, own->fingerprint)) return {};
  return own->window ? "the CA suggests to renew" : "a third of the lifetime is left";
}

OrderKind kind_at(const Wanted& set, const std::string& ca, WallTime now) {
  if (set.own == nullptr || set.own->ca != ca) return OrderKind::first;
  const auto& window = set.own->window;
  return window && is_in(*window, now) ? OrderKind::ari : OrderKind::renewal;
}

bool is_of_resolver(const std::string& ca_url, const ResolverRules& rules) {
  return std::any_of(rules.cas.begin(), rules.cas.end(), [&](const CaRules& ca) { return ca.url == ca_url; });
}

// In the wide sense: the names have, or had, a certificate of this resolver or an imported one.
bool is_renewal(const Wanted& set) {
  return set.own != nullptr && (set.own->ca.empty() || is_of_resolver(set.own->ca, *set.rules));
}

// An order that is older than the certificate is what it came from: the end was not written down.
bool is_under_way(const Wanted& set) {
  return set.pending != nullptr && is_of_resolver(set.pending->ca, *set.rules) &&
         (set.own == nullptr || set.pending->started > set.own->validity.obtained);
}

std::vector<const HeldCertificate*> by_record(const std::vector<HeldCertificate>& all) {
  std::vector<const HeldCertificate*> sorted;
  for (const auto& held : all) sorted.push_back(&held);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->record < b->record; });
  return sorted;
}

class Planner {
 public:
  Planner(const PlanInput& input, WallTime now) : input_(input), now_(now), wanted_(wanted_sets(input, now)) {
    plan_.made = now;
  }

  Plan make() {
    for (const auto& set : wanted_.sets)
      if (!set.gathered) add(set);
    std::stable_sort(to_order_.begin(), to_order_.end(), [](auto* a, auto* b) { return goes_before(*a, *b); });
    for (const Wanted* set : to_order_) order(*set);
    for (const auto& refused : wanted_.refused) add(refused);
    look_at_held();
    look_at_pending();
    std::stable_sort(plan_.certificates.begin(), plan_.certificates.end(),
                     [](const auto& a, const auto& b) { return a.state < b.state; });
    return std::move(plan_);
  }

 private:
  // Orders under way, important ones, renewals by their end, new ones by their age.
  static bool goes_before(const Wanted& a, const Wanted& b) {
    const auto rank = [](const Wanted& set) {
      const WallTime end = is_renewal(set) ? set.own->validity.not_after : WallTime::max();
      return std::tuple(!is_under_way(set), !set.important, end, set.since);
    };
    return std::tuple(rank(a), a.resolver, a.names) < std::tuple(rank(b), b.resolver, b.names);
  }

  PlannedCertificate entry(const Wanted& set, PlanState state) const {
    PlannedCertificate planned{record_name(set.resolver, set.names),
                               set.resolver,
                               set.names,
                               {set.asked_by.begin(), set.asked_by.end()},
                               state};
    if (set.own != nullptr) planned.expires = set.own->validity.not_after;
    return planned;
  }

  void add(const Wanted& set) {
    if (set.kept()) {
      if (set.own != nullptr) established_.insert(set.own);
      if (set.own != nullptr) of_a_set_.insert(set.own);
      if (is_under_way(set) || !need(set, now_).empty())
        to_order_.push_back(&set);
      else
        add_valid(set);
      return;
    }
    PlannedCertificate planned = entry(set, PlanState::covered);
    const auto& by = set.cover != nullptr ? set.cover->names : wanted_.sets[set.coverer].names;
    planned.words = "by the one for " + by.front().text();
    if (set.cover != nullptr) {
      established_.insert(set.cover);
      planned.at = renew_at(set.cover->validity, set.cover->window, set.cover->fingerprint);
      planned.words += ", which is not renewed";
    }
    plan_.certificates.push_back(std::move(planned));
  }

  void add(const RefusedNames& refused) {
    PlannedCertificate planned{record_name(refused.resolver, refused.names),
                               refused.resolver,
                               refused.names,
                               {refused.asked_by.begin(), refused.asked_by.end()},
                               PlanState::refused};
    planned.words = refused.words;
    plan_.certificates.push_back(std::move(planned));
  }

  void add_valid(const Wanted& set) {
    PlannedCertificate planned = entry(set, PlanState::valid);
    planned.at = renew_at(set.own->validity, set.own->window, set.own->fingerprint);
    planned.words = "ends " + time_text(set.own->validity.not_after);
    if (set.own->ca != set.rules->cas.front().url && !set.own->ca.empty())
      planned.words += "; from another CA of the resolver";
    plan_.certificates.push_back(std::move(planned));
  }

  const Ledger& ledger_of(const std::string& ca) const {
    static const Ledger empty;
    const auto found = input_.ledgers.find(ca);
    return found == input_.ledgers.end() ? empty : found->second;
  }

  Budget& budget_of(const CaRules& ca) {
    return budgets_.try_emplace(ca.url, ledger_of(ca.url), ca.limits, now_).first->second;
  }

  // What keeps us from asking this CA at all.
  std::optional<Wait> back_off(const Wanted& set, const std::string& ca) const {
    const Ledger& ledger = ledger_of(ca);
    std::optional<Wait> wait;
    if (ledger.paused_until > now_) wait = Wait{ledger.paused_until, "the CA is left alone: " + ledger.pause_reason};
    const auto consider = [&](const Setback* failures, const std::string& whose) {
      if (failures == nullptr || failures->not_before <= std::max(now_, wait ? wait->until : now_)) return;
      wait = Wait{failures->not_before, whose + std::to_string(failures->failures) +
                                            (failures->failures == 1 ? " failure: " : " failures: ") + failures->error};
    };
    consider(account_setback(ledger, set.rules->account), "the account: ");
    consider(setback(ledger, set.names), "");
    return wait;
  }

  void order(const Wanted& set) {
    PlannedCertificate planned = entry(set, PlanState::due);
    if (is_under_way(set))
      go_on(set, planned);
    else
      choose_ca(set, planned);
    if (planned.expires && *planned.expires > now_ && planned.state == PlanState::waiting)
      planned.words += "; the present one ends " + time_text(*planned.expires);
    plan_.certificates.push_back(std::move(planned));
  }

  // It has been paid for already.
  void go_on(const Wanted& set, PlannedCertificate& planned) {
    resumed_.insert(set.pending);
    planned.ca = set.pending->ca;
    planned.kind = kind_at(set, planned.ca, now_);
    planned.words = "order under way since " + time_text(set.pending->started);
    if (const auto wait = back_off(set, planned.ca)) hold(planned, *wait);
  }

  void choose_ca(const Wanted& set, PlannedCertificate& planned) {
    std::optional<Wait> shortest;
    bool within_limits = false;  // then what it takes, or waits for, is taken
    for (const CaRules& ca : set.rules->cas) {
      const OrderKind kind = kind_at(set, ca.url, now_);
      const bool first_in_line = set.important || is_renewal(set);
      const std::size_t reserve =
          first_in_line ? 0
                        : ca.limits.certificates_per_domain.count * std::min(set.rules->reserve_percent, 100u) / 100;
      auto wait = back_off(set, ca.url);
      const bool by_limits = !wait;
      if (by_limits) wait = budget_of(ca).wait_for(set.names, kind, reserve);
      if (!wait || !shortest || wait->until < shortest->until) {
        planned.ca = ca.url;
        planned.kind = kind;
        within_limits = by_limits;
        shortest = wait;
      }
      if (!wait) break;
    }
    planned.words = need(set, now_);
    if (shortest) hold(planned, *shortest);
    // Those that come later in line must not take what this one waits for.
    if (within_limits) budgets_.at(planned.ca).spend(set.names, planned.kind, shortest ? shortest->until : now_);
  }

  static void hold(PlannedCertificate& planned, const Wait& wait) {
    planned.state = PlanState::waiting;
    planned.at = wait.until;
    planned.words = wait.why;
  }

  // Certificates that are not one of the sets: still good for something, or unwanted.
  void look_at_held() {
    const std::set<std::string> missing = missing_names();
    const auto is_needed = [&](const HeldCertificate& held) {
      return now_ < held.validity.not_after && std::any_of(held.names.begin(), held.names.end(), [&](const auto& name) {
               return missing.contains(name.text());
             });
    };
    for (const HeldCertificate* entry : by_record(input_.held)) {
      const HeldCertificate& held = *entry;
      const bool in_use = established_.contains(&held) || is_needed(held);
      if (in_use && held.unwanted_since) plan_.wanted_again.push_back(held.record);
      if (!in_use) add_unwanted(held);
      if (in_use && !of_a_set_.contains(&held)) add_not_renewed(held);
    }
  }

  const ResolverRules* rules_of(const HeldCertificate& held) const {
    const auto found = input_.resolvers.find(held.resolver);
    return found == input_.resolvers.end() ? nullptr : &found->second;
  }

  // The names that would serve a host somebody asks for and no established certificate serves.
  std::set<std::string> missing_names() const {
    std::set<std::string> served, missing;
    for (const HeldCertificate* held : established_)
      if (is_good(*held, rules_of(*held), now_))
        for (const HostName& name : held->names) served.insert(name.text());
    for (const Wanted& set : wanted_.sets)
      for (const HostName& name : set.names)
        if (!served.contains(name.text()) && !served.contains(wildcard_over(name)))
          missing.insert({name.text(), wildcard_over(name)});
    missing.erase("");
    return missing;
  }

  void add_not_renewed(const HeldCertificate& held) {
    PlannedCertificate planned{held.record, held.resolver, held.names, {}, PlanState::valid};
    planned.expires = held.validity.not_after;
    planned.words = "ends " + time_text(held.validity.not_after) + "; not renewed: kept while it is needed";
    plan_.certificates.push_back(std::move(planned));
  }

  void add_unwanted(const HeldCertificate& held) {
    const ResolverRules* rules = rules_of(held);
    const WallTime since = std::min(held.unwanted_since.value_or(now_), now_);
    PlannedCertificate planned{held.record, held.resolver, held.names, {}, PlanState::unwanted};
    planned.at = since + (rules != nullptr ? rules->grace : ResolverRules().grace);
    planned.expires = held.validity.not_after;
    planned.words = "nobody asks for it since " + time_text(since);
    if (!held.unwanted_since) plan_.now_unwanted.push_back(held.record);
    if (*planned.at <= now_) plan_.to_prune.push_back(held.record);
    plan_.certificates.push_back(std::move(planned));
  }

  void look_at_pending() {
    for (const PendingOrder& order : input_.pending)
      if (!resumed_.contains(&order)) plan_.to_abandon.push_back(record_name(order.resolver, order.names));
    std::sort(plan_.to_abandon.begin(), plan_.to_abandon.end());
  }

  const PlanInput& input_;
  WallTime now_;
  WantedSets wanted_;
  Plan plan_;
  std::vector<const Wanted*> to_order_;
  std::set<const HeldCertificate*> established_;  // of a set, or covering one
  std::set<const HeldCertificate*> of_a_set_;
  std::set<const PendingOrder*> resumed_;
  std::map<std::string, Budget> budgets_;
};

}  // namespace

Plan plan(const PlanInput& input, WallTime now) { return Planner(input, now).make(); }

std::optional<WallTime> next_change(const Plan& plan) {
  std::optional<WallTime> next;
  for (const auto& certificate : plan.certificates)
    if (certificate.at && *certificate.at > plan.made && (!next || *certificate.at < *next)) next = certificate.at;
  return next;
}

}  // namespace gatehouse::acme
