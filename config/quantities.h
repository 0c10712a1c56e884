// Durations, sizes and numbers as people write them. Plain functions; nothing means "not one".
#pragma once

#include "base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

// `10s`, `1m30s`, `1h`, `500ms`, `1.5h`; units h, m, s, ms, us, ns in any order, as Go writes them; a bare number
// is seconds, as in Traefik. At most 100 years; never negative.
std::optional<Duration> parse_duration(std::string_view text);

// `64KiB`, `1MiB`, `1MB`, `4096`, `512B`: powers of 1024 with an i, of 1000 without.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Decimal digits only.
std::optional<std::uint64_t> parse_number(std::string_view text);

// The shortest text that parses to the same value: `1h30m`, `64KiB`.
std::string duration_text(Duration duration);
std::string size_text(std::uint64_t bytes);

}  // namespace gatehouse
