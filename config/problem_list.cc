#include "config/problem_list.h"

#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace gatehouse {
namespace {

constexpr std::size_t most_of_one = 20;

bool comes_before(const Problem& a, const Problem& b) {
  return std::tie(a.file, a.line, a.object, a.column, a.words, a.reason, a.severity) <
         std::tie(b.file, b.line, b.object, b.column, b.words, b.reason, b.severity);
}

Problem more_of(const std::string& object, std::size_t count) {
  return {"", 0, 0, Severity::warning, object, "and " + std::to_string(count) + " problems more", {}};
}

}  // namespace

std::vector<Problem> in_order(std::vector<Problem> problems) {
  std::sort(problems.begin(), problems.end(), comes_before);
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
  std::unordered_map<std::string, std::size_t> counts;
  std::vector<Problem> kept;
  kept.reserve(problems.size());
  for (Problem& problem : problems) {
    const bool limited = problem.file.empty() && !problem.object.empty();
    if (!limited || ++counts[problem.object] <= most_of_one) kept.push_back(std::move(problem));
  }
  const auto end_of_first = static_cast<std::ptrdiff_t>(kept.size());
  for (const auto& [object, count] : counts)
    if (count > most_of_one) kept.push_back(more_of(object, count - most_of_one));
  std::sort(kept.begin() + end_of_first, kept.end(), comes_before);
  return kept;
}

std::vector<Problem> difference(const std::vector<Problem>& some, const std::vector<Problem>& others) {
  std::unordered_set<std::string> known;
  for (const Problem& problem : others) known.insert(problem.text());
  std::vector<Problem> rest;
  for (const Problem& problem : some)
    if (!known.contains(problem.text())) rest.push_back(problem);
  return rest;
}

}  // namespace gatehouse
