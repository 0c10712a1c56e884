#include "acme/status.h"

#include "acme/time_text.h"
#include "base/escape.h"

#include <boost/json.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr std::size_t most_lines = 100;
constexpr std::size_t most_shown_names = 3;
constexpr auto warn_again = std::chrono::hours(24);

std::string listed(const std::vector<HostName>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most_shown_names); ++i)
    text += (i == 0 ? "" : ", ") + names[i].text();
  if (names.size() > most_shown_names) text += " and " + std::to_string(names.size() - most_shown_names) + " more";
  return text;
}

void add_setback(CertificateStatus& status, const PlanInput& input) {
  for (const auto& [ca, ledger] : input.ledgers) {
    const Setback* failures = setback(ledger, status.names);
    if (failures == nullptr || failures->failures < status.failures) continue;
    status.failures = failures->failures;
    status.error = failures->error;
  }
}

std::string when(const std::optional<WallTime>& time) { return time ? time_text(*time) : "-"; }

// What of it is worth a line when it changes; instants that move at every plan are not.
std::string essence(const CertificateStatus& status) {
  std::string text(state_name(status.state));
  if (status.state == PlanState::waiting || status.state == PlanState::refused) text += ": " + status.words;
  return text;
}

void say(const CertificateStatus& status, spdlog::logger& log) {
  const std::string names = listed(status.names);
  switch (status.state) {
    case PlanState::waiting:
      return log.warn("certificate for {}: waits until {}: {}", names, when(status.next_try), status.words);
    case PlanState::refused: return log.warn("certificate for {}: not ordered: {}", names, status.words);
    case PlanState::unwanted:
      return log.info("certificate for {}: {}; removed {}", names, status.words, when(status.renew_at));
    case PlanState::due: return log.info("certificate for {}: {}", names, status.words);
    default: return log.debug("certificate for {}: {}: {}", names, state_name(status.state), status.words);
  }
}

boost::json::value json_time(const std::optional<WallTime>& time) {
  return time ? boost::json::value(time_text(*time)) : boost::json::value(nullptr);
}

}  // namespace

std::vector<CertificateStatus> certificate_statuses(const Plan& plan, const PlanInput& input) {
  std::map<std::string, const HeldCertificate*> held;
  for (const auto& one : input.held) held[one.record] = &one;
  std::vector<CertificateStatus> all;
  for (const PlannedCertificate& planned : plan.certificates) {
    CertificateStatus status{planned.record,
                             planned.resolver,
                             planned.ca,
                             planned.names,
                             planned.state,
                             planned.words,
                             planned.expires,
                             {},
                             {},
                             {},
                             0,
                             {}};
    (planned.state == PlanState::waiting ? status.next_try : status.renew_at) = planned.at;
    if (const auto found = held.find(planned.record); found != held.end()) {
      status.ca = found->second->ca;
      status.expires = found->second->validity.not_after;
      status.warn_from = warn_from(found->second->validity);
    }
    add_setback(status, input);
    all.push_back(std::move(status));
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return std::tie(a.resolver, a.names) < std::tie(b.resolver, b.names); });
  return all;
}

std::string status_table(const std::vector<CertificateStatus>& certificates) {
  std::vector<std::array<std::string, 7>> rows{{"NAMES", "RESOLVER", "CA", "STATE", "EXPIRES", "NEXT", "WHY"}};
  for (const auto& one : certificates) {
    std::string why = one.words;
    if (!one.error.empty() && why.find(one.error) == std::string::npos)
      why += "; " + std::to_string(one.failures) + " failed, last: " + one.error;
    rows.push_back({listed(one.names), printable(one.resolver), one.ca.empty() ? "-" : printable(one.ca),
                    std::string(state_name(one.state)), when(one.expires),
                    when(one.next_try ? one.next_try : one.renew_at), why});
  }
  std::array<std::size_t, 7> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += row.back() + "\n";
  }
  return text;
}

std::string status_json(const std::vector<CertificateStatus>& certificates) {
  boost::json::array list;
  for (const auto& one : certificates) {
    boost::json::array names;
    for (const HostName& name : one.names) names.emplace_back(name.text());
    list.push_back(boost::json::object{{"name", one.record},
                                       {"names", std::move(names)},
                                       {"resolver", one.resolver},
                                       {"ca", one.ca},
                                       {"state", state_name(one.state)},
                                       {"why", one.words},
                                       {"expires", json_time(one.expires)},
                                       {"renewAt", json_time(one.renew_at)},
                                       {"nextTry", json_time(one.next_try)},
                                       {"failures", one.failures},
                                       {"lastError", one.error}});
  }
  return boost::json::serialize(list) + "\n";
}

void StatusLog::tell(const RenewalStatus& status, WallTime now, spdlog::logger& log) {
  std::map<std::string, std::string> now_told;
  std::size_t lines = 0;
  for (const auto& one : status.certificates) {
    std::string text = essence(one);
    const auto before = told_.find(one.record);
    if ((before == told_.end() || before->second != text) && ++lines <= most_lines) say(one, log);
    now_told[one.record] = std::move(text);
    const bool ends_soon = one.warn_from && now >= *one.warn_from && one.state != PlanState::unwanted;
    if (!ends_soon) {
      warned_.erase(one.record);
    } else if (auto& last = warned_[one.record]; now - last >= warn_again) {
      last = now;
      log.warn("certificate for {}: {} {}, and it is not renewed yet{}{}", listed(one.names),
               now < *one.expires ? "ends" : "has ended", when(one.expires), one.error.empty() ? "" : ": ", one.error);
    }
  }
  if (lines > most_lines) log.info("and {} more; `gatehouse certs list` tells all", lines - most_lines);
  told_ = std::move(now_told);
}

}  // namespace gatehouse::acme
