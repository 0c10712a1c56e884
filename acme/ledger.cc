#include "acme/ledger.h"

#include "acme/registered_domain.h"
#include "acme/renewal_policy.h"
#include "base/escape.h"
#include "tls/digest.h"

#include <algorithm>
#include <set>

namespace gatehouse::acme {
namespace {

constexpr Duration setback_memory = std::chrono::hours(24 * 30);  // nobody tries these names any more
constexpr Duration longest_outage_wait = std::chrono::hours(1);
constexpr Duration longest_pause = std::chrono::hours(24);

LedgerEventKind event_of(OrderKind kind) {
  switch (kind) {
    case OrderKind::first: return LedgerEventKind::order;
    case OrderKind::renewal: return LedgerEventKind::renewal;
    case OrderKind::ari: break;
  }
  return LedgerEventKind::ari_renewal;
}

// An event must not look older than it is.
WallTime whole_seconds(WallTime time) { return std::chrono::ceil<std::chrono::seconds>(time); }

std::string one_line(std::string_view text) {
  std::string line = printable(text.substr(0, Ledger::max_error_bytes));
  if (line.size() > Ledger::max_error_bytes) line.resize(Ledger::max_error_bytes);
  return line;
}

std::vector<std::string> registered_domains(const std::vector<HostName>& names) {
  std::set<std::string> domains;
  for (const HostName& name : names) domains.insert(registered_domain(name));
  return {domains.begin(), domains.end()};
}

void forget_oldest_setbacks(Ledger& ledger) {
  while (ledger.setbacks.size() > Ledger::max_setbacks)
    ledger.setbacks.erase(std::min_element(ledger.setbacks.begin(), ledger.setbacks.end(),
                                           [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
}

// No set of names has it: there is no space in a name.
std::string account_hash(std::string_view account) {
  return tls::hex(tls::digest(tls::Hash::sha256, "account of " + std::string(account)).substr(0, 8));
}

// Of what did not fail by itself.
Duration short_wait(unsigned failures, const std::string& seed, WallTime now) {
  return std::min(retry_wait(failures, seed, {}, {}, now), longest_outage_wait);
}

// Notes one more failure, of what is next tried after `wait`.
template <class WaitAfter>
WallTime note_setback(Ledger& ledger, const std::string& key, std::string_view error, WaitAfter wait_after,
                      WallTime now) {
  Setback& entry = ledger.setbacks[key];
  ++entry.failures;
  entry.error = one_line(error);
  entry.last = whole_seconds(now);
  const Duration wait = wait_after(entry.failures);
  const WallTime next = whole_seconds(now + std::chrono::duration_cast<WallTime::duration>(wait));
  entry.not_before = next;
  forget_oldest_setbacks(ledger);
  return next;
}

}  // namespace

std::string set_hash(const std::vector<HostName>& names) {
  std::set<std::string_view> sorted;
  for (const HostName& name : names) sorted.insert(name.text());
  std::string text;
  for (const auto name : sorted) text.append(name).append("\n");
  return tls::hex(tls::digest(tls::Hash::sha256, text).substr(0, 8));
}

void note_account(Ledger& ledger, WallTime now) {
  ledger.events.push_back({LedgerEventKind::account, whole_seconds(now), {}, {}});
}

void note_order(Ledger& ledger, const std::vector<HostName>& names, OrderKind kind, WallTime now) {
  ledger.events.push_back({event_of(kind), whole_seconds(now), set_hash(names), registered_domains(names)});
}

void note_no_certificate(Ledger& ledger, const std::vector<HostName>& names) {
  const std::string set = set_hash(names);
  const auto last = std::find_if(ledger.events.rbegin(), ledger.events.rend(),
                                 [&](const LedgerEvent& event) { return event.set == set; });
  if (last == ledger.events.rend()) return;
  last->set.clear();
  last->subjects.clear();
}

void note_failed_validation(Ledger& ledger, const HostName& host, WallTime now) {
  const bool wildcard = host.is_wildcard();  // the CA validates its base domain (RFC 8555 §7.1.3)
  ledger.events.push_back(
      {LedgerEventKind::failed_validation, whole_seconds(now), {}, {wildcard ? host.text().substr(2) : host.text()}});
}

WallTime note_failure(Ledger& ledger, const std::vector<HostName>& names, std::string_view error,
                      std::optional<Duration> retry_after, std::optional<WallTime> expiry, WallTime now) {
  const std::string set = set_hash(names);
  const auto wait_after = [&](unsigned failures) { return retry_wait(failures, set, retry_after, expiry, now); };
  return note_setback(ledger, set, error, wait_after, now);
}

WallTime note_outage(Ledger& ledger, const std::vector<HostName>& names, std::string_view error, WallTime now) {
  const std::string set = set_hash(names);
  const auto wait_after = [&](unsigned failures) { return short_wait(failures, set, now); };
  return note_setback(ledger, set, error, wait_after, now);
}

WallTime note_account_failure(Ledger& ledger, std::string_view account, std::string_view error,
                              std::optional<Duration> retry_after, WallTime now) {
  const std::string key = account_hash(account);
  const auto wait_after = [&](unsigned failures) {
    const Duration ours = short_wait(failures, key, now);
    return std::max(ours, std::min(retry_after.value_or(ours), longest_retry_after));
  };
  return note_setback(ledger, key, error, wait_after, now);
}

void forgive_account(Ledger& ledger, std::string_view account) { ledger.setbacks.erase(account_hash(account)); }

const Setback* account_setback(const Ledger& ledger, std::string_view account) {
  const auto found = ledger.setbacks.find(account_hash(account));
  return found == ledger.setbacks.end() ? nullptr : &found->second;
}

void forgive(Ledger& ledger, const std::vector<HostName>& names) { ledger.setbacks.erase(set_hash(names)); }

void pause(Ledger& ledger, WallTime until, std::string_view reason, WallTime now) {
  const WallTime held = whole_seconds(std::min<WallTime>(until, now + longest_pause));
  if (held < ledger.paused_until) return;
  ledger.paused_until = held;
  ledger.pause_reason = one_line(reason);
}

const Setback* setback(const Ledger& ledger, const std::vector<HostName>& names) {
  const auto found = ledger.setbacks.find(set_hash(names));
  return found == ledger.setbacks.end() ? nullptr : &found->second;
}

void forget_old(Ledger& ledger, Duration longest_window, WallTime now) {
  for (auto& event : ledger.events) event.at = std::min(event.at, now);
  for (auto& [set, entry] : ledger.setbacks) {
    entry.last = std::min(entry.last, now);
    entry.not_before = std::min<WallTime>(entry.not_before, now + longest_retry_after);
  }
  ledger.paused_until = std::min<WallTime>(ledger.paused_until, now + longest_pause);
  std::erase_if(ledger.events, [&](const LedgerEvent& event) { return now - event.at >= longest_window; });
  std::erase_if(ledger.setbacks, [&](const auto& entry) { return now - entry.second.last >= setback_memory; });
  while (ledger.events.size() > Ledger::max_events) ledger.events.pop_front();
  forget_oldest_setbacks(ledger);
}

}  // namespace gatehouse::acme
