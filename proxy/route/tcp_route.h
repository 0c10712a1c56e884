// TCP routes: Traefik's IngressRouteTCP rules as a matcher, and the table of one entry point. No I/O, no clock.
#pragma once

#include "base/names.h"
#include "base/result.h"
#include "proxy/route/service.h"
#include "proxy/route/tls_options.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// What is known of a connection when a TCP route is chosen.
struct TcpConnectionFacts {
  std::string_view sni;  // normalised; empty: none or not TLS
  std::span<const std::string> alpn;
  asio::ip::address client;
};

// A parsed rule, immutable and cheap to copy: HostSNI (a name, a one-label wildcard or `*`), HostSNIRegexp (RE2, found
// anywhere in the name, letters in any case), ClientIP (address or CIDR), ALPN (any but acme-tls/1), joined by
// && || ! ( ). One argument each; the v2 syntax allows several and writes patterns as `{name:regex}.example.com`.
class TcpRule {
 public:
  static Result<TcpRule> parse(std::string_view text, bool v2_syntax = false);

  // A default-constructed rule matches nothing.
  bool matches(const TcpConnectionFacts& facts) const;
  const std::string& text() const { return text_; }
  // Whether it names a host other than `*` (only possible over TLS).
  bool needs_sni() const { return needs_sni_; }
  // Names no host but `*`, whatever else it asks.
  bool is_catch_all() const { return !needs_sni_; }
  // The exact and wildcard names in its HostSNI matchers, those under `!` left out: what a certificate is wanted for.
  std::vector<HostName> hosts() const;
  // The names of which a connection must ask for one to match; nothing when it may match without, by a pattern, by `*`,
  // by `!` or by another matcher.
  std::optional<std::vector<HostName>> only_hosts() const;
  // Traefik's default: length of the text in bytes, HostSNI(`*`) alone -1.
  std::int64_t default_priority() const;

  struct Node;  // the expression; opaque outside tcp_rule.cc

 private:
  std::string text_;
  std::shared_ptr<const Node> root_;
  bool needs_sni_ = false;
};

enum class TcpTls : std::uint8_t { none, terminate, passthrough };

struct TcpRoute {
  std::string name;  // "IngressRouteTCP gitlab/shell route 0"
  TcpRule rule;
  std::int64_t priority = 0;  // already resolved: explicit or default
  TcpTls tls = TcpTls::none;
  TlsOptionsPtr tls_options;  // what TLS that ends here is made under; null: what is usual at the entry point
  std::vector<WeightedService> services;
  mutable std::atomic<std::uint32_t> turn{0};  // weighted round robin; as Service::turn
};

using TcpRoutePtr = std::shared_ptr<const TcpRoute>;

class TcpRouteTable {
 public:
  TcpRouteTable() = default;
  // In the translator's total order; sorted by priority, that order breaking ties.
  explicit TcpRouteTable(std::vector<TcpRoutePtr> routes);

  // Among the routes without TLS. The pointers live as long as the table.
  const TcpRoute* match_plain(const TcpConnectionFacts& facts) const;
  // Among the others. `specific`: only routes that name a host; otherwise only those that do not.
  const TcpRoute* match_tls(const TcpConnectionFacts& facts, bool specific) const;

  bool has_plain() const;
  bool has_tls() const;
  bool empty() const { return routes_.empty(); }
  const std::vector<TcpRoutePtr>& routes() const { return routes_; }  // in matching order
  // One route a line, one more line for each further service that shares it.
  std::string print() const;

 private:
  std::vector<TcpRoutePtr> routes_;
};

}  // namespace gatehouse
