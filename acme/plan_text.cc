// The plan as a table for people: describe() and state_name() of plan.h.
#include "acme/plan.h"
#include "acme/time_text.h"
#include "base/escape.h"

#include <algorithm>
#include <array>

namespace gatehouse::acme {
namespace {

constexpr std::array<std::string_view, 6> state_names{"due", "waiting", "valid", "covered", "refused", "unwanted"};
constexpr std::size_t max_shown = 3;

using Row = std::array<std::string, 6>;

template <class Texts, class Text>
std::string listed(const Texts& texts, Text text) {
  std::string list;
  for (std::size_t i = 0; i < std::min(texts.size(), max_shown); ++i)
    list.append(i == 0 ? "" : ", ").append(text(texts[i]));
  if (texts.empty()) return "-";
  if (texts.size() > max_shown) list += " and " + std::to_string(texts.size() - max_shown) + " more";
  return list;
}

Row row_of(const PlannedCertificate& planned) {
  return {std::string(state_name(planned.state)),
          listed(planned.names, [](const HostName& name) { return name.text(); }),
          printable(planned.resolver),
          planned.state == PlanState::due ? "now"
          : planned.at                    ? time_text(*planned.at)
                                          : "-",
          listed(planned.asked_by, [](const std::string& object) { return printable(object); }),
          planned.words};
}

std::string line_of(const Row& row, const std::array<std::size_t, 6>& widths) {
  std::string line;
  for (std::size_t i = 0; i + 1 < row.size(); ++i) {
    line += row[i];
    line.append(widths[i] - row[i].size() + 2, ' ');
  }
  line += row.back();
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string totals(const Plan& plan) {
  std::array<std::size_t, state_names.size()> counts{};
  for (const auto& planned : plan.certificates) ++counts[static_cast<std::size_t>(planned.state)];
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      text.append(text.empty() ? "" : ", ").append(std::to_string(counts[i])).append(" ").append(state_names[i]);
  return text.empty() ? "no certificates" : text;
}

}  // namespace

std::string_view state_name(PlanState state) { return state_names[static_cast<std::size_t>(state)]; }

std::string describe(const Plan& plan) {
  std::vector<Row> rows{{"STATE", "NAMES", "RESOLVER", "WHEN", "FOR", "WHY"}};
  for (const auto& planned : plan.certificates) rows.push_back(row_of(planned));
  std::array<std::size_t, 6> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text = "Plan of " + time_text(plan.made) + ": " + totals(plan) + "\n";
  if (plan.certificates.empty()) return text;
  for (const Row& row : rows) text += line_of(row, widths);
  return text;
}

}  // namespace gatehouse::acme
