#include "config/quantities.h"

#include <array>
#include <charconv>
#include <cmath>

namespace gatehouse {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<Unit, 7> duration_units{
    {{"h", 3600e9}, {"ms", 1e6}, {"m", 60e9}, {"s", 1e9}, {"us", 1e3}, {"µs", 1e3}, {"ns", 1}}};
constexpr double longest_ns = 100.0 * 365 * 24 * 3600e9;

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 8> size_units{{{"B", 1},
                                              {"KiB", 1ULL << 10},
                                              {"MiB", 1ULL << 20},
                                              {"GiB", 1ULL << 30},
                                              {"kB", 1000},
                                              {"KB", 1000},
                                              {"MB", 1000 * 1000},
                                              {"GB", 1000 * 1000 * 1000}}};

// Takes `1.5` off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  const auto length = std::min(text.find_first_not_of("0123456789."), text.size());
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value, std::chars_format::fixed);
  if (length == 0 || error != std::errc() || end != text.data() + length) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

std::optional<double> take_unit(std::string_view& text) {
  for (const auto& unit : duration_units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.nanoseconds;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  if (const auto seconds = parse_number(text)) {
    total = static_cast<double>(*seconds) * 1e9;
    text = {};
  }
  while (!text.empty()) {
    const auto number = take_number(text);
    const auto unit = number ? take_unit(text) : std::nullopt;
    if (!unit) return std::nullopt;
    total += *number * *unit;
  }
  if (total > longest_ns) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(std::llround(total)));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, digits));
  if (!number || digits == text.size()) return number;
  for (const auto& unit : size_units)
    if (text.substr(digits) == unit.name && *number <= UINT64_MAX / unit.bytes) return *number * unit.bytes;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string duration_text(Duration duration) {
  static constexpr std::array<std::pair<const char*, std::int64_t>, 6> units{{{"h", 3600'000'000'000},
                                                                              {"m", 60'000'000'000},
                                                                              {"s", 1'000'000'000},
                                                                              {"ms", 1'000'000},
                                                                              {"us", 1'000},
                                                                              {"ns", 1}}};
  auto rest = std::chrono::nanoseconds(duration).count();
  if (rest == 0) return "0s";
  std::string text;
  for (const auto& [name, size] : units) {
    if (rest >= size) text += std::to_string(rest / size) + name;
    rest %= size;
  }
  return text;
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<const char*, 4> units{"", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && bytes > 0 && bytes % 1024 == 0; ++unit) bytes /= 1024;
  return std::to_string(bytes) + units[unit];
}

}  // namespace gatehouse
