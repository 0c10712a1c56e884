#include "config/tls_options_choice.h"

#include "config/claimant.h"
#include "config/problem_reasons.h"

#include <string>
#include <unordered_map>

namespace gatehouse {
namespace {

// What holds on one entry point for the hosts that are asked for.
using ByHost = std::unordered_map<std::string_view, HostTlsOptions>;

ByHost holding(const std::vector<AskingRoute>& asking, std::size_t entry_point,
               const std::vector<HttpRoutePtr>& routes) {
  std::unordered_map<std::string_view, std::vector<HttpRoutePtr>> of_hosts;
  for (const AskingRoute& asked : asking)
    if ((asked.set >> entry_point & 1U) != 0) of_hosts[asked.route->host];
  for (const HttpRoutePtr& route : routes)
    if (const auto host = of_hosts.find(route->host); host != of_hosts.end()) host->second.push_back(route);
  ByHost held;
  for (const auto& [host, of_host] : of_hosts) held.emplace(host, tls_options_of(of_host));
  return held;
}

std::string text_of(const HostTlsOptions& held, const EntryPoint& entry_point) {
  if (held.named_by == nullptr) return "those of entry point " + entry_point.name;
  const TlsOptions& options = *held.options();
  return (options.can_be_met() ? quoted(options.name) : "some that are not there") + ", which " + held.named_by->name +
         " names";
}

std::string outcome(const TlsOptions* held, const TlsOptions& asked) {
  if (held != nullptr && held->is_as_strict_as(asked)) return "";
  return held != nullptr && held->can_be_met() ? ": its paths here answer 421" : ": all of it answers 503";
}

}  // namespace

const TlsOptionsPtr& find_tls_options(const TranslationInput& input, const std::string& name) {
  const auto found = input.tls_options.find(name);
  return found == input.tls_options.end() ? tls_options_nobody_meets() : found->second;
}

void tell_of_other_tls_options(const std::vector<AskingRoute>& asking,
                               const std::vector<std::vector<HttpRoutePtr>>& lists, const TranslationParts& parts) {
  for (std::size_t i = 0; i < lists.size() && !asking.empty(); ++i) {
    const EntryPoint& entry_point = parts.input.entry_points[i].entry_point;
    const ByHost held = holding(asking, i, lists[i]);
    for (const auto& [route, set, part] : asking) {
      if ((set >> i & 1U) == 0 || !route->tls_options->can_be_met()) continue;
      const HostTlsOptions& of_host = held.at(route->host);
      const TlsOptions* const options = of_host.named_by ? of_host.options() : entry_point.tls.options.get();
      if (options == route->tls_options.get()) continue;
      Claimant("Ingress", part->draft->ingress->meta, part->given.problems)
          .warn(0,
                "router.tls.options: " + route->host + " has not TLS options " + quoted(route->tls_options->name) +
                    " but " + text_of(of_host, entry_point) + outcome(options, *route->tls_options),
                reasons::conflicting_tls_options);
    }
  }
}

}  // namespace gatehouse
