// A readable difference of two texts, line by line: `- ` only in the first, `+ ` only in the second, with two lines of
// what is common around. For golden tests; the texts are small.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace gatehouse {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::string difference(const std::string& expected, const std::string& actual) {
  const auto a = lines_of(expected), b = lines_of(actual);
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<std::string> marked;
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j])
      marked.push_back("  " + a[i++]), ++j;
    else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1]))
      marked.push_back("- " + a[i++]);
    else
      marked.push_back("+ " + b[j++]);
  }
  constexpr std::ptrdiff_t around = 2;
  const auto is_change = [](const std::string& line) { return line[0] != ' '; };
  std::string text;
  for (auto line = marked.begin(); line != marked.end(); ++line) {
    const auto from = line - std::min(around, line - marked.begin());
    const auto to = line + std::min(around + 1, marked.end() - line);
    if (std::any_of(from, to, is_change)) text += *line + "\n";
  }
  return text;
}

}  // namespace gatehouse
