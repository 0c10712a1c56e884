#include "proxy/route/rule.h"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse {
namespace {

constexpr RuleMatcher matchers[] = {{"HostSNI"}, {"HostSNIRegexp"}, {"ClientIP"}, {"Header", 2, 2}, {"Query", 1, 2}};

std::string tree(const Rule& rule) {
  std::string text = rule.name;
  if (rule.kind == Rule::Kind::negation) text = "not";
  if (rule.kind == Rule::Kind::all) text = "all";
  if (rule.kind == Rule::Kind::any) text = "any";
  text += "(";
  for (const auto& argument : rule.arguments) text += (text.ends_with('(') ? "" : ",") + argument;
  for (const auto& operand : rule.operands) text += (text.ends_with('(') ? "" : " ") + tree(operand);
  return text + ")";
}

std::string parsed(std::string_view text) {
  const auto rule = parse_rule(text, matchers);
  return rule ? tree(*rule) : rule.error().detail;
}

TEST(Rule, is_read_with_go_precedence) {
  EXPECT_EQ(parsed("HostSNI(`*`)"), "HostSNI(*)");
  EXPECT_EQ(parsed("HostSNI(`a`) || HostSNI(`b`) && ClientIP(`c`)"), "any(HostSNI(a) all(HostSNI(b) ClientIP(c)))");
  EXPECT_EQ(parsed("(HostSNI(`a`)||HostSNI(`b`))&&!ClientIP(`c`)"), "all(any(HostSNI(a) HostSNI(b)) not(ClientIP(c)))");
  EXPECT_EQ(parsed("!(HostSNI(`a`) || !HostSNI(`b`)) && ClientIP(`c`)"),
            "all(not(any(HostSNI(a) not(HostSNI(b)))) ClientIP(c))");
  EXPECT_EQ(parsed(" Header ( `k` ,\n \"v\" ) "), "Header(k,v)");
  EXPECT_EQ(parsed("((HostSNI(`a`)))"), "HostSNI(a)");
}

TEST(Rule, names_are_accepted_in_four_spellings) {
  EXPECT_EQ(parsed("hostsni(`a`)"), "HostSNI(a)");
  EXPECT_EQ(parsed("HOSTSNI(`a`)"), "HostSNI(a)");
  EXPECT_EQ(parsed("Hostsni(`a`)"), "HostSNI(a)");
  EXPECT_EQ(parsed("hostSNI(`a`)"), "column 1: unknown matcher 'hostSNI', did you mean HostSNI?");
}

TEST(Rule, strings_are_raw_or_quoted) {
  EXPECT_EQ(parsed("HostSNIRegexp(`^a\\.b$`)"), "HostSNIRegexp(^a\\.b$)");
  EXPECT_EQ(parsed("HostSNIRegexp(\"^a\\\\.b$ \\x41\\\"\")"), "HostSNIRegexp(^a\\.b$ A\")");
}

TEST(Rule, errors_say_the_column_and_what_was_expected) {
  struct Row {
    std::string_view rule, words;
  };
  const Row rows[] = {
      {"", "column 1: expected a matcher such as HostSNI(`…`), '!' or '(', found the end of the rule"},
      {"HostSNY(`a`)", "column 1: unknown matcher 'HostSNY', did you mean HostSNI?"},
      {"HostSNI(`a`) && Client(`b`)", "column 17: unknown matcher 'Client', did you mean ClientIP?"},
      {"HostSNI", "column 8: expected '(' after HostSNI, found the end of the rule"},
      {"HostSNI()", "column 9: expected a string in backticks or double quotes, found ')'"},
      {"HostSNI(a)", "column 9: expected a string in backticks or double quotes, found a"},
      {"HostSNI(`a`", "column 12: expected ',' or ')', found the end of the rule"},
      {"HostSNI(`a", "column 9: this string has no closing backtick"},
      {"HostSNI(\"a", "column 9: this string has no closing quote"},
      {"HostSNI(\"\\q\")", "column 10: unknown escape; a string in backticks needs none"},
      {"HostSNI(\"\\", "column 10: unknown escape; a string in backticks needs none"},
      {"HostSNI('a')", "column 9: strings stand in backticks or double quotes"},
      {"HostSNI(``)", "column 9: HostSNI needs a value, found an empty string"},
      {"HostSNI(`a`,`b`)", "column 1: HostSNI takes 1 argument, found 2; join alternatives with ||"},
      {"Header(`a`)", "column 1: Header takes 2 arguments, found 1"},
      {"Query(`a`,`b`,`c`)", "column 1: Query takes at most 2 arguments, found 3; join alternatives with ||"},
      {"HostSNI(`a`) & HostSNI(`b`)", "column 14: expected '&&'"},
      {"HostSNI(`a`) | HostSNI(`b`)", "column 14: expected '||'"},
      {"HostSNI(`a`) HostSNI(`b`)", "column 14: expected '&&', '||' or the end of the rule, found HostSNI"},
      {"HostSNI(`a`))", "column 13: expected '&&', '||' or the end of the rule, found ')'"},
      {"(HostSNI(`a`)", "column 14: expected '&&', '||' or ')', found the end of the rule"},
      {"HostSNI(`a`) &&", "column 16: expected a matcher such as HostSNI(`…`), '!' or '(', found the end of the rule"},
      {"`a`", "column 1: expected a matcher such as HostSNI(`…`), '!' or '(', found a string"},
      {"HostSNI(`a`) ; ", "column 14: expected a matcher, '!', '(' or an operator"},
  };
  for (const auto& [rule, words] : rows) EXPECT_EQ(parsed(rule), words) << rule;
}

TEST(Rule, has_limits) {
  const std::string nested = std::string(deepest_rule, '(') + "HostSNI(`a`)" + std::string(deepest_rule, ')');
  EXPECT_EQ(parsed(nested), "HostSNI(a)");
  EXPECT_EQ(parsed("(" + nested + ")"), "column 34: nested deeper than 32 levels");
  EXPECT_EQ(parsed(std::string(4000, '!')), "column 34: nested deeper than 32 levels");
  EXPECT_EQ(parsed(std::string(longest_rule + 1, ' ')), "column 4097: the rule is longer than 4096 bytes");
  const std::string long_name(4000, 'x');
  EXPECT_EQ(parsed(long_name),
            "column 1: unknown matcher '" + long_name.substr(0, 40) + "…', did you mean HostSNIRegexp?");
}

TEST(Rule, random_text_never_breaks_it) {
  std::mt19937 random(3);
  constexpr std::string_view pieces[] = {"HostSNI", "(", ")", "`a`", "`", "\"", "\"b\"", "\\",   "&&",
                                         "||",      "&", "!", ",",   " ", "\n", "x",     "\xff", "ClientIP(`1`)"};
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (auto n = random() % 10; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const auto rule = parse_rule(text, matchers);
    if (rule)
      ++accepted;
    else
      EXPECT_TRUE(rule.error().detail.starts_with("column ")) << text;
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace gatehouse
