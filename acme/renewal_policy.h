// When to renew, when to ask for renewal information again, when to warn, when to try again after a failure. Pure: the
// same certificate gets the same answer after every restart, and different ones get different answers, so that a
// thousand certificates made in a minute are not renewed in one.
#pragma once

#include "acme/records.h"
#include "base/clock.h"

#include <optional>
#include <string_view>

namespace gatehouse::acme {

struct Validity {
  WallTime not_before, not_after;
  WallTime obtained{};  // when we stored it; the epoch for one that came from elsewhere
  bool hurried = false;  // it replaced one whose replacement hurries(); the CA is believed less
};

// By renewal information (RFC 9773 §4.2) an instant in the suggested window, picked by `seed` (the fingerprint); one
// that is past means at once, but not within an hour of getting the certificate, not in the first third of the lifetime
// of a hurried one, and never in the last tenth. So a CA that revokes many is obeyed at once, and a mad one whose
// windows are always past gets two orders in a third of a lifetime. A window that ends before it starts is ignored
// (§4.2). Without: when a third of the lifetime is left, or up to a tenth of that earlier.
WallTime renew_at(const Validity& validity, const std::optional<RenewalWindow>& window, std::string_view seed);

// Whether it is by the CA's wish, and in the first third of its lifetime, that this certificate is replaced now.
bool hurries(const Validity& validity, const std::optional<RenewalWindow>& window, WallTime now);

// When to ask for renewal information next: the CA's Retry-After held to 1 min … 24 h, without one 6 h (§4.3).
WallTime ask_again_at(WallTime now, std::optional<Duration> retry_after);

// From here on somebody should look: 14 days or a fifth of the lifetime before the end, whichever is less.
WallTime warn_from(const Validity& validity);

constexpr Duration longest_retry_after = std::chrono::hours(24 * 7);

// How long to wait after the n-th failure in a row (from 1): a minute, doubled up to a day, up to a fifth longer by
// `seed`. While a certificate is left, no more than a tenth of what is left of it (and a minute), so that there are
// several tries before it ends. The CA's Retry-After wins when it is longer, up to a week.
Duration retry_wait(unsigned failures, std::string_view seed, std::optional<Duration> retry_after,
                    std::optional<WallTime> expiry, WallTime now);

}  // namespace gatehouse::acme
