#include "acme/renewal_policy.h"

#include "tls/digest.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_wait = 1min;
constexpr Duration longest_wait = 24h;
constexpr WallTime::duration settling = 1h;  // after getting a certificate, before believing that it is to be replaced

// [0, 1), the same for the same seed.
double fraction(std::string_view seed) {
  std::uint64_t number = 0;
  for (const char byte : tls::digest(tls::Hash::sha256, seed).substr(0, 8))
    number = number << 8 | static_cast<unsigned char>(byte);
  return static_cast<double>(number >> 11) / static_cast<double>(std::uint64_t{1} << 53);
}

template <class D>
D part(D whole, double share) {
  return D(static_cast<typename D::rep>(static_cast<double>(whole.count()) * share));
}

WallTime::duration lifetime_of(const Validity& validity) {
  return std::max(validity.not_after - validity.not_before, WallTime::duration::zero());
}

bool is_usable(const std::optional<RenewalWindow>& window) { return window && window->start < window->end; }

WallTime end_of_first_third(const Validity& validity) { return validity.not_before + lifetime_of(validity) / 3; }

}  // namespace

WallTime renew_at(const Validity& validity, const std::optional<RenewalWindow>& window, std::string_view seed) {
  const auto lifetime = lifetime_of(validity);
  if (is_usable(window)) {
    const WallTime picked = window->start + part(window->end - window->start, fraction(seed));
    const WallTime latest = validity.not_after - lifetime / 10;
    WallTime earliest = validity.obtained + settling;
    if (validity.hurried) earliest = std::max(earliest, end_of_first_third(validity));
    return std::min(std::max(picked, earliest), latest);
  }
  return validity.not_after - lifetime / 3 - part(lifetime / 30, fraction(seed));
}

bool hurries(const Validity& validity, const std::optional<RenewalWindow>& window, WallTime now) {
  return is_usable(window) && window->start <= now && now < end_of_first_third(validity);
}

WallTime ask_again_at(WallTime now, std::optional<Duration> retry_after) {
  const Duration wait = std::clamp<Duration>(retry_after.value_or(6h), 1min, 24h);
  return now + std::chrono::duration_cast<WallTime::duration>(wait);
}

WallTime warn_from(const Validity& validity) {
  const auto lifetime = lifetime_of(validity);
  return validity.not_after - std::min<WallTime::duration>(lifetime / 5, 14 * 24h);
}

Duration retry_wait(unsigned failures, std::string_view seed, std::optional<Duration> retry_after,
                    std::optional<WallTime> expiry, WallTime now) {
  Duration wait = first_wait;
  for (unsigned n = 1; n < failures && wait < longest_wait; ++n) wait *= 2;
  wait = std::min(wait, longest_wait);
  wait += part(wait / 5, fraction(std::string(seed) + std::to_string(failures)));
  if (expiry && *expiry > now) wait = std::min<Duration>(wait, std::max<Duration>((*expiry - now) / 10, first_wait));
  const Duration asked = std::min(retry_after.value_or(Duration::zero()), longest_retry_after);
  return std::max(wait, asked);
}

}  // namespace gatehouse::acme
