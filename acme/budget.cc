#include "acme/budget.h"

#include "acme/registered_domain.h"

#include <algorithm>
#include <array>
#include <set>

namespace gatehouse::acme {
namespace {

using Times = std::vector<WallTime>;

const Times* find(const std::unordered_map<std::string, Times>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

void insert(Times& times, WallTime at) { times.insert(std::upper_bound(times.begin(), times.end(), at), at); }

// The earliest instant from `from` on at which one more event leaves no window with more than `limit.count` of them.
WallTime earliest(const RateLimit& limit, const Times& times, WallTime from) {
  WallTime at = from;
  auto first = std::lower_bound(times.begin(), times.end(), from - limit.window);
  // Behind a full window there may be the next one, of orders that wait themselves.
  for (; static_cast<std::size_t>(times.end() - first) >= limit.count; ++first) {
    const WallTime last = *(first + static_cast<std::ptrdiff_t>(limit.count) - 1);
    const bool full = std::max(last, at) - std::min(*first, at) < limit.window;
    if (full) at = std::max<WallTime>(at, *first + limit.window);
    if (!full && *first >= at) break;
  }
  return at;
}

std::string in_words(std::chrono::seconds window) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(window).count();
  if (hours >= 48 && hours % 24 == 0) return std::to_string(hours / 24) + " days";
  if (hours == 1) return "an hour";
  if (hours > 0) return std::to_string(hours) + " hours";
  return std::to_string(window.count()) + " seconds";
}

std::string used_up(std::size_t count, const char* what, const std::string& whose, const RateLimit& limit) {
  return std::to_string(count) + " " + what + whose + " in " + in_words(limit.window) + " are used up";
}

}  // namespace

Duration longest_window(const RateLimits& limits) {
  const std::array windows{limits.accounts.window, limits.orders.window, limits.certificates_per_domain.window,
                           limits.certificates_per_set.window, limits.failed_validations.window};
  return *std::max_element(windows.begin(), windows.end());
}

Budget::Budget(const Ledger& ledger, const RateLimits& limits, WallTime now) : limits_(limits), now_(now) {
  for (LedgerEvent event : ledger.events) {
    event.at = std::min(event.at, now);  // the clock was wrong then
    add(event);
  }
}

void Budget::add(const LedgerEvent& event) {
  using enum LedgerEventKind;
  if (event.kind == account) insert(accounts_, event.at);
  if (event.kind == failed_validation)
    for (const auto& host : event.subjects) insert(failures_[host], event.at);
  const bool renewed = event.kind == renewal || event.kind == ari_renewal;
  if (event.kind != order && !renewed) return;
  const bool exempt = limits_.renewals_exempt;
  if (!exempt || event.kind != ari_renewal) insert(orders_, event.at);
  if (!exempt || event.kind != ari_renewal) insert(sets_[event.set], event.at);
  if (!exempt || !renewed)
    for (const auto& domain : event.subjects) insert(domains_[domain], event.at);
}

std::optional<Wait> Budget::wait_for(const std::vector<HostName>& names, OrderKind kind, std::size_t reserve) const {
  Wait wait{now_, {}};
  const auto obey = [&](const RateLimit& limit, const Times* times, const char* what, const std::string& whose) {
    const WallTime at = limit.count == 0 || times == nullptr ? wait.until : earliest(limit, *times, wait.until);
    const bool pushed = at > wait.until;
    if (pushed) wait = {at, used_up(limit.count, what, whose, limit)};
    return pushed;
  };
  const bool by_ari = limits_.renewals_exempt && kind == OrderKind::ari;
  const bool per_domain = !limits_.renewals_exempt || kind == OrderKind::first;
  RateLimit of_domain = limits_.certificates_per_domain;
  if (of_domain.count > 0) of_domain.count -= std::min(reserve, of_domain.count - 1);
  const std::size_t kept = limits_.certificates_per_domain.count - of_domain.count;
  std::set<std::string> domains;
  for (const HostName& name : names) domains.insert(registered_domain(name));
  const std::string set = set_hash(names);
  // Leaving one limit's window may lead into another's.
  for (bool moved = true; moved;) {
    moved = !by_ari && obey(limits_.orders, &orders_, "orders of the account", "");
    if (!by_ari) moved |= obey(limits_.certificates_per_set, find(sets_, set), "certificates for these names", "");
    if (per_domain)
      for (const auto& domain : domains)
        if (obey(of_domain, find(domains_, domain), "certificates for ", domain)) {
          moved = true;
          if (kept > 0) wait.why += " (" + std::to_string(kept) + " more are kept for what matters more)";
        }
    for (const HostName& name : names) {
      const std::string host = name.is_wildcard() ? name.text().substr(2) : name.text();
      moved |= obey(limits_.failed_validations, find(failures_, host), "failed validations of ", host);
    }
  }
  return wait.until > now_ ? std::optional(wait) : std::nullopt;
}

void Budget::spend(const std::vector<HostName>& names, OrderKind kind, WallTime at) {
  Ledger spent;
  note_order(spent, names, kind, at);
  add(spent.events.front());
}

std::optional<Wait> Budget::wait_for_account() const {
  const WallTime at = limits_.accounts.count == 0 ? now_ : earliest(limits_.accounts, accounts_, now_);
  if (at == now_) return std::nullopt;
  return Wait{at, used_up(limits_.accounts.count, "new accounts", "", limits_.accounts)};
}

std::optional<Wait> may_order(const Ledger& ledger, const RateLimits& limits, const std::vector<HostName>& names,
                              OrderKind kind, WallTime now) {
  return Budget(ledger, limits, now).wait_for(names, kind, 0);
}

}  // namespace gatehouse::acme
