// The ledger: what was asked of one CA and what became of it, so that no restart makes Gatehouse forget how much of a
// limit is used up or how long a name has to be left alone. Plain values; one record per CA in storage.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

// What an order is to the CA, which is milder to renewals.
enum class OrderKind : std::uint8_t {
  first,    // a set of names that has no certificate of this CA
  renewal,  // exactly the names of one
  ari,      // the same, in the window the CA has suggested, with `replaces` (RFC 9773 §5)
};

enum class LedgerEventKind : std::uint8_t { account, order, renewal, ari_renewal, failed_validation };

// Times are whole seconds, rounded up.
struct LedgerEvent {
  LedgerEventKind kind{};
  WallTime at{};
  std::string set;                    // set_hash of an order's names; else empty
  std::vector<std::string> subjects;  // of an order its registered domains, of a failed validation the host

  bool operator==(const LedgerEvent&) const = default;
};

// How a set of names fares: failures since the last success.
struct Setback {
  unsigned failures = 0;
  std::string error;  // the last, one printable line
  WallTime last{};
  WallTime not_before{};  // of the next try

  bool operator==(const Setback&) const = default;
};

struct Ledger {
  // Beyond these the oldest are forgotten. A week of Let's Encrypt's 300 orders in three hours is 16,800.
  static constexpr std::size_t max_events = 17'000;
  static constexpr std::size_t max_setbacks = 2'000;
  static constexpr std::size_t max_error_bytes = 200;

  std::string ca;                  // the directory's URL
  std::deque<LedgerEvent> events = {};  // oldest first
  std::map<std::string, Setback, std::less<>> setbacks = {};  // by set_hash, or of accounts
  WallTime paused_until{};  // the CA as a whole: it is down
  std::string pause_reason = {};

  bool operator==(const Ledger&) const = default;
};

// Names a set: the same for any order of the names, 16 hex digits.
std::string set_hash(const std::vector<HostName>& names);

// Each is called before the request goes out: an answer that never comes must have counted.
void note_account(Ledger& ledger, WallTime now);
void note_order(Ledger& ledger, const std::vector<HostName>& names, OrderKind kind, WallTime now);

// The last order for these names has ended without a certificate, for sure: of it only the order counts, which is what
// CAs limit per account. Their limits per domain and per set are on certificates.
void note_no_certificate(Ledger& ledger, const std::vector<HostName>& names);

// The CA could not validate `host`. Also note_failure for the order's names, and for {host} alone where hosts are
// gathered: that keeps it out of the next gathering.
void note_failed_validation(Ledger& ledger, const HostName& host, WallTime now);

// An order for these names failed; `error` may hold untrusted text. `retry_after` is the CA's. `expiry` is that of the
// certificate these names still have, which is not waited out. Returns when the next try is.
WallTime note_failure(Ledger& ledger, const std::vector<HostName>& names, std::string_view error,
                      std::optional<Duration> retry_after, std::optional<WallTime> expiry, WallTime now);
// The same when the CA was not to be had, which is no fault of the names: an hour at most.
WallTime note_outage(Ledger& ledger, const std::vector<HostName>& names, std::string_view error, WallTime now);
// They have their certificate, or a person wants them tried at once.
void forgive(Ledger& ledger, const std::vector<HostName>& names);

// Nothing more is asked of this CA until then; `until` is held to a day from now.
void pause(Ledger& ledger, WallTime until, std::string_view reason, WallTime now);

// The CA refuses the account of one resolver, whose orders wait then; the others' go on. An hour at most, unless the CA
// says `retry_after`. Returns when the next try is. Kept among the setbacks.
// `account` stands for the resolver and its account's settings: under others it is tried at once.
WallTime note_account_failure(Ledger& ledger, std::string_view account, std::string_view error,
                              std::optional<Duration> retry_after, WallTime now);
void forgive_account(Ledger& ledger, std::string_view account);
const Setback* account_setback(const Ledger& ledger, std::string_view account);

// Null: no failure since the last success.
const Setback* setback(const Ledger& ledger, const std::vector<HostName>& names);

// Drops what no limit counts any more (`longest_window` is the longest of RateLimits) and what is beyond the bounds.
// What a wrong clock has dated into the future counts from now.
void forget_old(Ledger& ledger, Duration longest_window, WallTime now);

}  // namespace gatehouse::acme
