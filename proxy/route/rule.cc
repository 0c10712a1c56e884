#include "proxy/route/rule.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace gatehouse {
namespace {

enum class TokenKind : std::uint8_t { name, string, open, close, comma, both, either, negation, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // of a name or string, and as shown in errors
  std::size_t column = 1;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

int hex_value(char c) {
  c = lower(c);
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (at_ == text_.size()) return Token{TokenKind::end, "the end of the rule", at_ + 1};
    const char c = text_[at_];
    if (is_letter(c)) return name();
    if (c == '`') return raw_string();
    if (c == '"') return quoted_string();
    return sign();
  }

 private:
  Token name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    return {TokenKind::name, std::string(text_.substr(start, at_ - start)), start + 1};
  }

  Result<Token> raw_string() {
    const std::size_t start = at_++;
    const std::size_t end = text_.find('`', at_);
    if (end == std::string_view::npos) return rule_failure(start + 1, "this string has no closing backtick");
    Token token{TokenKind::string, std::string(text_.substr(at_, end - at_)), start + 1};
    at_ = end + 1;
    return token;
  }

  Result<Token> quoted_string() {
    Token token{TokenKind::string, "", at_ + 1};
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return token;
      }
      const auto c = text_[at_] == '\\' ? escaped() : std::optional(text_[at_]);
      if (!c) return rule_failure(at_ + 1, "unknown escape; a string in backticks needs none");
      token.text += *c;
    }
    return rule_failure(token.column, "this string has no closing quote");
  }

  // The byte behind the backslash at at_; leaves at_ on the escape's last byte.
  std::optional<char> escaped() {
    static constexpr std::string_view letters = "\\\"abfnrtv";
    static constexpr std::string_view bytes = "\\\"\a\b\f\n\r\t\v";
    if (at_ + 1 == text_.size()) return std::nullopt;
    if (const auto known = letters.find(text_[at_ + 1]); known != std::string_view::npos) {
      ++at_;
      return bytes[known];
    }
    if (text_[at_ + 1] != 'x' || at_ + 3 >= text_.size()) return std::nullopt;
    const int high = hex_value(text_[at_ + 2]);
    const int low = hex_value(text_[at_ + 3]);
    if (high < 0 || low < 0) return std::nullopt;
    at_ += 3;
    return static_cast<char>(high * 16 + low);
  }

  Result<Token> sign() {
    struct Sign {
      std::string_view text;
      TokenKind kind;
    };
    static constexpr Sign signs[] = {{"(", TokenKind::open},  {")", TokenKind::close},   {",", TokenKind::comma},
                                     {"&&", TokenKind::both}, {"||", TokenKind::either}, {"!", TokenKind::negation}};
    const std::string_view rest = text_.substr(at_);
    for (const auto& [text, kind] : signs) {
      if (!rest.starts_with(text)) continue;
      at_ += text.size();
      return Token{kind, "'" + std::string(text) + "'", at_ - text.size() + 1};
    }
    if (rest[0] == '\'') return rule_failure(at_ + 1, "strings stand in backticks or double quotes");
    if (rest[0] == '&') return rule_failure(at_ + 1, "expected '&&'");
    if (rest[0] == '|') return rule_failure(at_ + 1, "expected '||'");
    return rule_failure(at_ + 1, "expected a matcher, '!', '(' or an operator");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_spelling_of(std::string_view text, std::string_view name) {
  const auto all = [&](auto spelled) {
    return std::equal(text.begin(), text.end(), name.begin(), name.end(), spelled);
  };
  return text == name || all([](char a, char b) { return a == lower(b); }) ||
         all([](char a, char b) { return a == upper(b); }) ||
         (text[0] == upper(name[0]) && std::equal(text.begin() + 1, text.end(), name.begin() + 1, name.end(),
                                                  [](char a, char b) { return a == lower(b); }));
}

// Levenshtein, letters in any case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

std::string shortened(std::string_view text) {
  return text.size() > 40 ? std::string(text.substr(0, 40)) + "…" : std::string(text);
}

class Parser {
 public:
  Parser(std::string_view text, std::span<const RuleMatcher> matchers) : tokens_(text), matchers_(matchers) {}

  Result<Rule> whole() {
    if (auto first = advance(); !first) return first.error();
    auto rule = any(0);
    if (rule && token_.kind != TokenKind::end) return unexpected("'&&', '||' or the end of the rule");
    return rule;
  }

 private:
  Result<void> advance() {
    auto token = tokens_.next();
    if (!token) return token.error();
    token_ = std::move(*token);
    return {};
  }

  Failure unexpected(std::string_view expected) const {
    const std::string found = token_.kind == TokenKind::string ? "a string" : shortened(token_.text);
    return rule_failure(token_.column, "expected " + std::string(expected) + ", found " + found);
  }

  Result<void> take(TokenKind kind, std::string_view expected) {
    if (token_.kind != kind) return unexpected(expected);
    return advance();
  }

  Result<Rule> any(int depth) {
    return joined(Rule::Kind::any, TokenKind::either, [&] { return all(depth); });
  }

  Result<Rule> all(int depth) {
    return joined(Rule::Kind::all, TokenKind::both, [&] { return unary(depth); });
  }

  template <class Operand>
  Result<Rule> joined(Rule::Kind kind, TokenKind sign, Operand operand) {
    auto first = operand();
    if (!first || token_.kind != sign) return first;
    Rule rule{kind, {}, {}, first->column, {}};
    rule.operands.push_back(std::move(*first));
    while (token_.kind == sign) {
      if (auto moved = advance(); !moved) return moved.error();
      auto next = operand();
      if (!next) return next;
      rule.operands.push_back(std::move(*next));
    }
    return rule;
  }

  Result<Rule> unary(int depth) {
    if (depth > deepest_rule)
      return rule_failure(token_.column, "nested deeper than " + std::to_string(deepest_rule) + " levels");
    if (token_.kind == TokenKind::negation) return negation(depth);
    if (token_.kind == TokenKind::open) return group(depth);
    if (token_.kind == TokenKind::name) return call();
    return unexpected("a matcher such as " + std::string(matchers_.front().name) + "(`…`), '!' or '('");
  }

  Result<Rule> negation(int depth) {
    Rule rule{Rule::Kind::negation, {}, {}, token_.column, {}};
    if (auto moved = advance(); !moved) return moved.error();
    auto operand = unary(depth + 1);
    if (!operand) return operand;
    rule.operands.push_back(std::move(*operand));
    return rule;
  }

  Result<Rule> group(int depth) {
    if (auto moved = advance(); !moved) return moved.error();
    auto inner = any(depth + 1);
    if (!inner) return inner;
    if (auto closed = take(TokenKind::close, "'&&', '||' or ')'"); !closed) return closed.error();
    return inner;
  }

  Result<Rule> call() {
    const auto matcher = std::find_if(matchers_.begin(), matchers_.end(),
                                      [&](const auto& known) { return is_spelling_of(token_.text, known.name); });
    if (matcher == matchers_.end()) return unknown_name();
    Rule rule{Rule::Kind::call, std::string(matcher->name), {}, token_.column, {}};
    if (auto moved = advance(); !moved) return moved.error();
    if (auto opened = take(TokenKind::open, "'(' after " + rule.name); !opened) return opened.error();
    if (auto read = arguments(rule); !read) return read.error();
    if (auto closed = take(TokenKind::close, "',' or ')'"); !closed) return closed.error();
    if (rule.arguments.size() < matcher->min_arguments || rule.arguments.size() > matcher->max_arguments)
      return wrong_count(rule, *matcher);
    return rule;
  }

  Result<void> arguments(Rule& rule) {
    while (true) {
      if (token_.kind != TokenKind::string) return unexpected("a string in backticks or double quotes");
      if (token_.text.empty()) return rule_failure(token_.column, rule.name + " needs a value, found an empty string");
      rule.arguments.push_back(std::move(token_.text));
      if (auto moved = advance(); !moved) return moved;
      if (token_.kind != TokenKind::comma) return {};
      if (auto moved = advance(); !moved) return moved;
    }
  }

  Failure unknown_name() const {
    const auto nearest = std::min_element(matchers_.begin(), matchers_.end(), [&](const auto& a, const auto& b) {
      return distance(token_.text, a.name) < distance(token_.text, b.name);
    });
    return rule_failure(token_.column, "unknown matcher '" + shortened(token_.text) + "', did you mean " +
                                           std::string(nearest->name) + "?");
  }

  static Failure wrong_count(const Rule& rule, const RuleMatcher& matcher) {
    const bool too_few = rule.arguments.size() < matcher.min_arguments;
    const std::size_t limit = too_few ? matcher.min_arguments : matcher.max_arguments;
    const bool exactly = matcher.min_arguments == matcher.max_arguments;
    return rule_failure(rule.column, rule.name + " takes " +
                                         (exactly   ? ""
                                          : too_few ? "at least "
                                                    : "at most ") +
                                         std::to_string(limit) + (limit == 1 ? " argument" : " arguments") +
                                         ", found " + std::to_string(rule.arguments.size()) +
                                         (too_few ? "" : "; join alternatives with ||"));
  }

  Tokens tokens_;
  std::span<const RuleMatcher> matchers_;
  Token token_;
};

}  // namespace

Failure rule_failure(std::size_t column, std::string_view words) {
  return {FailureKind::bad_configuration, "column " + std::to_string(column) + ": " + std::string(words)};
}

Result<Rule> parse_rule(std::string_view text, std::span<const RuleMatcher> matchers) {
  if (text.size() > longest_rule)
    return rule_failure(longest_rule + 1, "the rule is longer than " + std::to_string(longest_rule) + " bytes");
  return Parser(text, matchers).whole();
}

}  // namespace gatehouse
