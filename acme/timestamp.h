// Points in time as certificate authorities write them. ◦
#pragma once

#include "base/clock.h"

#include <optional>
#include <string_view>

namespace gatehouse::acme {

// 2026-01-02T03:04:05.678Z or with an offset (RFC 3339 §5.6); fractions are dropped.
std::optional<WallTime> parse_rfc3339(std::string_view text);

// The value of a Retry-After field: seconds, or a date in the one form that may still be sent (RFC 9110 §5.6.7 and
// §10.2.3). Never before `now`, and at most 31 days after it.
std::optional<WallTime> parse_retry_after(std::string_view text, WallTime now);

}  // namespace gatehouse::acme
