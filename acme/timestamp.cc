#include "acme/timestamp.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatehouse::acme {
namespace {

constexpr auto longest_wait = std::chrono::hours(24 * 31);

// Takes texts of fixed width off the front of a text; fails for good with the first that does not fit.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    const std::string_view text = take(digits);
    for (const char c : text) {
      good_ = good_ && c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    return good_ ? value : 0;
  }
  void literal(std::string_view expected) { good_ = take(expected.size()) == expected && good_; }
  template <std::size_t n>
  int one_of(const std::array<std::string_view, n>& words) {
    const auto found = std::find(words.begin(), words.end(), take(3));
    good_ = good_ && found != words.end();
    return static_cast<int>(found - words.begin());
  }
  void skip_fraction() {
    if (!rest_.starts_with('.')) return;
    const std::size_t end = std::min(rest_.find_first_not_of("0123456789", 1), rest_.size());
    good_ = good_ && end > 1;
    rest_.remove_prefix(end);
  }
  char any(std::string_view of) {
    const std::string_view c = take(1);
    good_ = good_ && of.find(c) != std::string_view::npos;
    return good_ ? c.front() : '\0';
  }
  bool done() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

 private:
  std::string_view take(std::size_t size) {
    good_ = good_ && rest_.size() >= size;
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(text.size());
    return text;
  }

  std::string_view rest_;
  bool good_ = true;
};

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Years beyond 2200 do not fit the clock's type.
std::optional<WallTime> time_of(const Parts& parts) {
  using namespace std::chrono;
  const year_month_day date{year(parts.year), month(static_cast<unsigned>(parts.month)),
                            day(static_cast<unsigned>(parts.day))};
  const bool sane = date.ok() && parts.year >= 1970 && parts.year <= 2200 && parts.hour < 24 && parts.minute < 60 &&
                    parts.second <= 60;
  if (!sane) return std::nullopt;
  return WallTime(sys_days(date)) + hours(parts.hour) + minutes(parts.minute) + seconds(parts.second);
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Reader reader(text);
  Parts parts;
  reader.one_of(days);
  reader.literal(", ");
  parts.day = reader.number(2);
  reader.literal(" ");
  parts.month = reader.one_of(months) + 1;
  reader.literal(" ");
  parts.year = reader.number(4);
  reader.literal(" ");
  parts.hour = reader.number(2);
  reader.literal(":");
  parts.minute = reader.number(2);
  reader.literal(":");
  parts.second = reader.number(2);
  reader.literal(" GMT");
  return reader.done() ? time_of(parts) : std::nullopt;
}

std::optional<std::chrono::seconds> parse_seconds(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return longest_wait;
  return error == std::errc() ? std::optional(std::chrono::seconds(seconds)) : std::nullopt;
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  Parts parts;
  parts.year = reader.number(4);
  reader.literal("-");
  parts.month = reader.number(2);
  reader.literal("-");
  parts.day = reader.number(2);
  reader.any("Tt");
  parts.hour = reader.number(2);
  reader.literal(":");
  parts.minute = reader.number(2);
  reader.literal(":");
  parts.second = reader.number(2);
  reader.skip_fraction();
  const char zone = reader.any("Zz+-");
  std::chrono::minutes offset(0);
  if (zone == '+' || zone == '-') {
    const int hours = reader.number(2);
    reader.literal(":");
    offset = std::chrono::minutes(hours * 60 + reader.number(2)) * (zone == '+' ? -1 : 1);
  }
  if (!reader.done()) return std::nullopt;
  const auto local = time_of(parts);
  return local ? std::optional(*local + offset) : std::nullopt;
}

std::optional<WallTime> parse_retry_after(std::string_view text, WallTime now) {
  std::optional<WallTime> when = parse_http_date(text);
  if (const auto seconds = parse_seconds(text)) when = now + *seconds;
  if (!when) return std::nullopt;
  return std::clamp<WallTime>(*when, now, now + longest_wait);
}

}  // namespace gatehouse::acme
