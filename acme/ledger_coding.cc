// The ledger's half of record_coding.h: one line an event, one line a setback, times in seconds since 1970.
#include "acme/record_coding.h"
#include "acme/record_fields.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatehouse::acme {
namespace {

constexpr std::array<std::string_view, 5> event_words{"account", "order", "renewal", "ari", "failed"};
constexpr std::size_t max_text = 700 * 1024;  // of events; the oldest are left out, so that a Secret can hold it
constexpr std::size_t max_line = 32 * 1024;   // 100 names of 253 bytes

std::string seconds_text(WallTime time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count());
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<WallTime> time_of(std::string_view text) {
  const auto seconds = number<std::uint32_t>(text);  // until 2106
  if (!seconds) return std::nullopt;
  return WallTime(std::chrono::seconds(*seconds));
}

bool is_set(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string line_of(const LedgerEvent& event) {
  std::string line(event_words[static_cast<std::size_t>(event.kind)]);
  line.append(" ").append(seconds_text(event.at)).append(" ").append(event.set.empty() ? "-" : event.set).append(" ");
  for (std::size_t i = 0; i < event.subjects.size(); ++i) line.append(i == 0 ? "" : ",").append(event.subjects[i]);
  return line + "\n";
}

std::optional<LedgerEvent> event_of(std::string_view line) {
  const auto parts = split(line, ' ');
  if (line.size() > max_line || parts.size() < 3 || parts.size() > 4) return std::nullopt;
  const auto word = std::find(event_words.begin(), event_words.end(), parts[0]);
  const auto at = time_of(parts[1]);
  if (word == event_words.end() || !at || (parts[2] != "-" && !is_set(parts[2]))) return std::nullopt;
  LedgerEvent event{
      static_cast<LedgerEventKind>(word - event_words.begin()), *at, parts[2] == "-" ? "" : std::string(parts[2]), {}};
  for (const auto subject : split(parts.size() > 3 ? parts[3] : "", ',')) {
    auto name = HostName::parse(subject);
    if (!name) return std::nullopt;
    event.subjects.push_back(name->text());
  }
  return event;
}

std::string line_of(const std::string& set, const Setback& setback) {
  return set + " " + std::to_string(setback.failures) + " " + seconds_text(setback.last) + " " +
         seconds_text(setback.not_before) + " " + setback.error + "\n";
}

// Whether the line was one.
bool take_setback(std::string_view line, Ledger& ledger) {
  std::array<std::string_view, 4> parts;
  for (auto& part : parts) {
    const auto end = line.find(' ');
    if (end == std::string_view::npos) return false;
    part = line.substr(0, end);
    line.remove_prefix(end + 1);
  }
  const auto failures = number<unsigned>(parts[1]);
  const auto last = time_of(parts[2]), not_before = time_of(parts[3]);
  if (!is_set(parts[0]) || !failures || !last || !not_before || line.size() > Ledger::max_error_bytes) return false;
  ledger.setbacks[std::string(parts[0])] = {*failures, std::string(line), *last, *not_before};
  return true;
}

std::string events_text(const Ledger& ledger) {
  std::vector<std::string> newest_first;
  std::size_t size = 0;
  for (auto event = ledger.events.rbegin(); event != ledger.events.rend(); ++event) {
    newest_first.push_back(line_of(*event));
    size += newest_first.back().size();
    if (size > max_text) break;
  }
  std::string text;
  for (auto line = newest_first.rbegin(); line != newest_first.rend(); ++line) text += *line;
  return text;
}

}  // namespace

Record to_record(const Ledger& ledger) {
  Record record{RecordKind::ledger, ledger_record_name(ledger.ca), {}};
  FieldWriter out(record);
  out.text("ca", ledger.ca);
  out.text("events", events_text(ledger));
  std::string setbacks;
  for (const auto& [set, setback] : ledger.setbacks) setbacks += line_of(set, setback);
  out.text("setbacks", std::move(setbacks));
  if (ledger.paused_until > WallTime()) out.text("paused_until", seconds_text(ledger.paused_until));
  out.text("pause_reason", ledger.pause_reason);
  return record;
}

Result<Ledger> ledger(const Record& record) {
  FieldReader in(record, RecordKind::ledger);
  Ledger ledger;
  ledger.ca = in.word("ca", 4096);
  const std::string events = in.text("events", max_text + max_line);
  for (const auto line : split(events, '\n')) {
    auto event = event_of(line);
    if (!event) in.complain("events", "has a malformed line");
    if (event) ledger.events.push_back(std::move(*event));
    if (ledger.events.size() > Ledger::max_events) ledger.events.pop_front();
  }
  const std::string setbacks = in.text("setbacks", Ledger::max_setbacks * (Ledger::max_error_bytes + 64));
  for (const auto line : split(setbacks, '\n'))
    if (!take_setback(line, ledger)) in.complain("setbacks", "has a malformed line");
  if (in.has("paused_until")) {
    const auto until = time_of(in.text("paused_until", 16));
    if (!until) in.complain("paused_until", "is not a number of seconds");
    ledger.paused_until = until.value_or(WallTime());
  }
  ledger.pause_reason = in.text("pause_reason", Ledger::max_error_bytes);
  return in.checked(std::move(ledger));
}

}  // namespace gatehouse::acme
