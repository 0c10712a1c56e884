// Instants as people and records have them: `2026-01-31T10:20:30Z`, to the second (RFC 3339, UTC).
#pragma once

#include "base/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::acme {

// Rounded down. Any instant of the years 1 to 9999; the clock's own type ends in 2262.
std::string time_text(WallTime time);
// Exactly that form, from 1970 to 2261; nothing for another text or a date that is none.
std::optional<WallTime> parse_time(std::string_view text);

}  // namespace gatehouse::acme
