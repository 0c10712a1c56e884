#include "proxy/route/regex.h"
#include "proxy/route/rule.h"
#include "proxy/route/tcp_route.h"

#include <algorithm>
#include <array>
#include <variant>

namespace gatehouse {
namespace {

struct HostSni {
  std::vector<HostName> names;
  bool any = false;  // `*`
};
struct HostSniRegexp {
  std::vector<Regex> patterns;
};
struct ClientIp {
  AddressRanges ranges;
};
struct Alpn {
  std::vector<std::string> protocols;
};

bool covers(const HostName& name, std::string_view host) {
  return name.is_wildcard() ? wildcard_covers(name.text(), host) : name.text() == host;
}

bool test(const HostSni& hosts, const TcpConnectionFacts& facts) {
  return hosts.any || std::any_of(hosts.names.begin(), hosts.names.end(),
                                  [&](const HostName& name) { return covers(name, facts.sni); });
}

bool test(const HostSniRegexp& hosts, const TcpConnectionFacts& facts) {
  return std::any_of(hosts.patterns.begin(), hosts.patterns.end(),
                     [&](const Regex& pattern) { return pattern.found_in(facts.sni); });
}

bool test(const ClientIp& client, const TcpConnectionFacts& facts) { return client.ranges.contains(facts.client); }

bool test(const Alpn& alpn, const TcpConnectionFacts& facts) {
  return std::any_of(facts.alpn.begin(), facts.alpn.end(), [&](const std::string& offered) {
    return std::find(alpn.protocols.begin(), alpn.protocols.end(), offered) != alpn.protocols.end();
  });
}

}  // namespace

struct TcpRule::Node {
  Rule::Kind kind = Rule::Kind::call;
  std::variant<HostSni, HostSniRegexp, ClientIp, Alpn> matcher;
  std::vector<Node> operands;
};

namespace {

using Node = TcpRule::Node;

bool matches(const Node& node, const TcpConnectionFacts& facts) {
  const auto holds = [&](const Node& operand) { return matches(operand, facts); };
  switch (node.kind) {
    case Rule::Kind::negation: return !holds(node.operands.front());
    case Rule::Kind::all: return std::all_of(node.operands.begin(), node.operands.end(), holds);
    case Rule::Kind::any: return std::any_of(node.operands.begin(), node.operands.end(), holds);
    case Rule::Kind::call: break;
  }
  return std::visit([&](const auto& matcher) { return test(matcher, facts); }, node.matcher);
}

bool names_host(const Node& node) {
  if (const auto* hosts = std::get_if<HostSni>(&node.matcher); hosts && !hosts->names.empty()) return true;
  if (std::holds_alternative<HostSniRegexp>(node.matcher)) return true;
  return std::any_of(node.operands.begin(), node.operands.end(), names_host);
}

void collect_hosts(const Node& node, bool negated, std::vector<HostName>& names) {
  if (const auto* hosts = std::get_if<HostSni>(&node.matcher); hosts && !negated)
    names.insert(names.end(), hosts->names.begin(), hosts->names.end());
  for (const Node& operand : node.operands)
    collect_hosts(operand, negated != (node.kind == Rule::Kind::negation), names);
}

Result<Node> host_sni(const Rule& call) {
  HostSni hosts;
  for (const auto& argument : call.arguments) {
    if (argument == "*") {
      hosts.any = true;
      continue;
    }
    auto name = HostName::parse_with_wildcard(argument);
    if (!name) return rule_failure(call.column, "HostSNI: " + name.error().detail);
    hosts.names.push_back(std::move(*name));
  }
  return Node{Rule::Kind::call, std::move(hosts), {}};
}

std::string quoted(char c) {
  const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  return plain ? std::string(1, c) : std::string{'\\', c};
}

// `{name:regex}` and `{name}` (one label) in otherwise literal text, the whole name: Traefik v2's patterns.
Result<std::string> pattern_of_template(std::string_view text, std::size_t column) {
  std::string pattern = "^";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '{') {
      pattern += quoted(text[at]);
      continue;
    }
    const std::size_t start = at;
    for (int open = 1; open > 0;) {
      if (++at == text.size()) return rule_failure(column, "HostSNIRegexp: '{' without '}'");
      open += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
    }
    const std::string_view variable = text.substr(start + 1, at - start - 1);
    const auto colon = variable.find(':');
    pattern += colon == std::string_view::npos ? "[^.]+" : "(?:" + std::string(variable.substr(colon + 1)) + ")";
  }
  return pattern + "$";
}

Result<Node> host_sni_regexp(const Rule& call, bool v2_syntax) {
  HostSniRegexp hosts;
  for (const auto& argument : call.arguments) {
    auto pattern = v2_syntax ? pattern_of_template(argument, call.column) : Result<std::string>(argument);
    if (!pattern) return pattern.error();
    auto regex = Regex::compile(*pattern, Regex::Letters::any_case);
    if (!regex) return rule_failure(call.column, "HostSNIRegexp: " + regex.error().detail);
    hosts.patterns.push_back(std::move(*regex));
  }
  return Node{Rule::Kind::call, std::move(hosts), {}};
}

Result<Node> client_ip(const Rule& call) {
  auto ranges = AddressRanges::parse(call.arguments);
  if (!ranges) return rule_failure(call.column, "ClientIP: " + ranges.error().detail);
  return Node{Rule::Kind::call, ClientIp{std::move(*ranges)}, {}};
}

Result<Node> alpn(const Rule& call) {
  for (const auto& protocol : call.arguments)
    if (protocol == "acme-tls/1")
      return rule_failure(call.column, "ALPN: acme-tls/1 is Gatehouse's own, for certificate challenges");
  return Node{Rule::Kind::call, Alpn{call.arguments}, {}};
}

Result<Node> compile(const Rule& rule, bool v2_syntax) {
  if (rule.kind == Rule::Kind::call) {
    if (rule.name == "HostSNI") return host_sni(rule);
    if (rule.name == "HostSNIRegexp") return host_sni_regexp(rule, v2_syntax);
    if (rule.name == "ClientIP") return client_ip(rule);
    return alpn(rule);
  }
  Node node{rule.kind, HostSni{}, {}};
  for (const Rule& operand : rule.operands) {
    auto compiled = compile(operand, v2_syntax);
    if (!compiled) return compiled;
    node.operands.push_back(std::move(*compiled));
  }
  return node;
}

constexpr std::array v3_matchers{RuleMatcher{"HostSNI"}, RuleMatcher{"HostSNIRegexp"}, RuleMatcher{"ClientIP"},
                                 RuleMatcher{"ALPN"}};
constexpr std::array v2_matchers{
    RuleMatcher{"HostSNI", 1, RuleMatcher::no_limit}, RuleMatcher{"HostSNIRegexp", 1, RuleMatcher::no_limit},
    RuleMatcher{"ClientIP", 1, RuleMatcher::no_limit}, RuleMatcher{"ALPN", 1, RuleMatcher::no_limit}};

using OnlyHosts = std::optional<std::vector<HostName>>;

OnlyHosts only_hosts_of(const Node& node) {
  if (node.kind == Rule::Kind::negation) return std::nullopt;
  if (node.kind == Rule::Kind::call) {
    const auto* hosts = std::get_if<HostSni>(&node.matcher);
    return hosts != nullptr && !hosts->any ? OnlyHosts(hosts->names) : std::nullopt;
  }
  OnlyHosts all;
  for (const Node& operand : node.operands) {
    auto hosts = only_hosts_of(operand);
    if (node.kind == Rule::Kind::all && hosts) return hosts;
    if (node.kind == Rule::Kind::any && !hosts) return std::nullopt;
    if (!hosts) continue;
    if (!all) all.emplace();
    all->insert(all->end(), hosts->begin(), hosts->end());
  }
  return all;
}

}  // namespace

Result<TcpRule> TcpRule::parse(std::string_view text, bool v2_syntax) {
  auto rule = parse_rule(text, v2_syntax ? std::span<const RuleMatcher>(v2_matchers) : v3_matchers);
  if (!rule) return rule.error();
  auto root = compile(*rule, v2_syntax);
  if (!root) return root.error();
  TcpRule parsed;
  parsed.text_ = text;
  parsed.needs_sni_ = names_host(*root);
  parsed.root_ = std::make_shared<const Node>(std::move(*root));
  return parsed;
}

bool TcpRule::matches(const TcpConnectionFacts& facts) const { return root_ && gatehouse::matches(*root_, facts); }

std::vector<HostName> TcpRule::hosts() const {
  std::vector<HostName> names;
  if (root_) collect_hosts(*root_, false, names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<std::vector<HostName>> TcpRule::only_hosts() const {
  return root_ ? only_hosts_of(*root_) : std::vector<HostName>();
}

std::int64_t TcpRule::default_priority() const {
  const auto* hosts = root_ && root_->kind == Rule::Kind::call ? std::get_if<HostSni>(&root_->matcher) : nullptr;
  if (hosts && hosts->any && hosts->names.empty()) return -1;
  return static_cast<std::int64_t>(text_.size());
}

}  // namespace gatehouse
