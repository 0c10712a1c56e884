#include "proxy/route/tcp_route.h"

#include "proxy/route/print.h"

#include <algorithm>

namespace gatehouse {
namespace {

template <class Condition>
const TcpRoute* first_match(const std::vector<TcpRoutePtr>& routes, const TcpConnectionFacts& facts, Condition wanted) {
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const TcpRoutePtr& route) {
    return wanted(*route) && route->rule.matches(facts);
  });
  return found == routes.end() ? nullptr : found->get();
}

bool is_plain(const TcpRoute& route) { return route.tls == TcpTls::none; }

std::string tls_text(const TcpRoute& route) {
  static constexpr std::string_view names[] = {"plain", "terminate", "passthrough"};
  std::string text(names[static_cast<std::size_t>(route.tls)]);
  if (route.tls_options) text += ":" + (route.tls_options->can_be_met() ? route.tls_options->name : "closed");
  return text;
}

// What sets this service apart from a single one without PROXY header.
std::string share_text(const WeightedService& service, bool alone) {
  std::string text = alone ? "" : "weight " + std::to_string(service.weight);
  if (service.proxy_header == ProxyHeaderVersion::none) return text;
  text += text.empty() ? "" : " ";
  return text + (service.proxy_header == ProxyHeaderVersion::v1 ? "proxy-v1" : "proxy-v2");
}

}  // namespace

TcpRouteTable::TcpRouteTable(std::vector<TcpRoutePtr> routes) : routes_(std::move(routes)) {
  std::stable_sort(routes_.begin(), routes_.end(),
                   [](const TcpRoutePtr& a, const TcpRoutePtr& b) { return a->priority > b->priority; });
}

const TcpRoute* TcpRouteTable::match_plain(const TcpConnectionFacts& facts) const {
  return first_match(routes_, facts, is_plain);
}

const TcpRoute* TcpRouteTable::match_tls(const TcpConnectionFacts& facts, bool specific) const {
  return first_match(routes_, facts,
                     [&](const TcpRoute& route) { return !is_plain(route) && route.rule.needs_sni() == specific; });
}

bool TcpRouteTable::has_plain() const {
  return std::any_of(routes_.begin(), routes_.end(), [](const auto& route) { return is_plain(*route); });
}

bool TcpRouteTable::has_tls() const {
  return std::any_of(routes_.begin(), routes_.end(), [](const auto& route) { return !is_plain(*route); });
}

std::string TcpRouteTable::print() const {
  std::vector<std::vector<std::string>> rows;
  for (const auto& route : routes_) {
    std::vector<std::string> row{route->rule.text(), std::to_string(route->priority), tls_text(*route)};
    if (route->services.empty()) row.insert(row.end(), {"→ closed: no service", "", route->name});
    for (const auto& service : route->services) {
      const bool first = &service == route->services.data();
      if (!first) row = {"", "", ""};
      row.insert(row.end(), {print_target(service.service.get(), service.missing, "closed:"),
                             share_text(service, route->services.size() == 1), first ? route->name : ""});
      rows.push_back(std::move(row));
    }
    if (route->services.empty()) rows.push_back(std::move(row));
  }
  return aligned(rows);
}

}  // namespace gatehouse
