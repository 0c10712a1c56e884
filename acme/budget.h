// Budget: what a CA's rate limits leave, computed from the ledger.
//
// The limits are read as "at most N in any window of this length". A CA that refills a bucket of N over the window, as
// Let's Encrypt does, allows everything that this allows.
#pragma once

#include "acme/ledger.h"

#include <unordered_map>

namespace gatehouse::acme {

struct RateLimit {
  std::size_t count = 0;  // 0: no limit
  std::chrono::seconds window{};

  bool operator==(const RateLimit&) const = default;
};

// The defaults are Let's Encrypt's (letsencrypt.org/docs/rate-limits, of June 2025). Its limit on consecutive failed
// validations (1,152 per host, one regained a day) is never met: after eleven failures a name is tried once a day.
struct RateLimits {
  RateLimit accounts{10, std::chrono::hours(3)};
  RateLimit orders{300, std::chrono::hours(3)};                   // of the account
  RateLimit certificates_per_domain{50, std::chrono::hours(168)};  // per registered domain, whoever asks
  RateLimit certificates_per_set{5, std::chrono::hours(168)};      // for exactly the same names
  RateLimit failed_validations{5, std::chrono::hours(1)};          // per host and account
  // Let's Encrypt counts renewals for the set alone (we count them as orders as well, to be safe), and for nothing
  // those that ARI has asked for.
  bool renewals_exempt = true;

  bool operator==(const RateLimits&) const = default;
};

Duration longest_window(const RateLimits& limits);

// Why an order has to wait.
struct Wait {
  WallTime until;
  std::string why;

  bool operator==(const Wait&) const = default;
};

class Budget {
 public:
  Budget(const Ledger& ledger, const RateLimits& limits, WallTime now);

  // Until when this order has to wait, nothing when it may be made now. Of certificates_per_domain it leaves `reserve`
  // unused (at least one is always had), for orders that matter more.
  std::optional<Wait> wait_for(const std::vector<HostName>& names, OrderKind kind, std::size_t reserve) const;
  // Counts an order that will be made at `at`, so that the next question takes it into account.
  void spend(const std::vector<HostName>& names, OrderKind kind, WallTime at);
  std::optional<Wait> wait_for_account() const;

 private:
  using Times = std::vector<WallTime>;  // sorted
  using TimesOf = std::unordered_map<std::string, Times>;

  void add(const LedgerEvent& event);

  RateLimits limits_;
  WallTime now_;
  Times accounts_, orders_;
  TimesOf domains_, sets_, failures_;
};

// The same for one order, now.
std::optional<Wait> may_order(const Ledger& ledger, const RateLimits& limits, const std::vector<HostName>& names,
                              OrderKind kind, WallTime now);

}  // namespace gatehouse::acme
