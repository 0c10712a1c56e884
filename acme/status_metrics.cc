#include "acme/status_metrics.h"

#include "proxy/metrics_text.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr std::size_t most_told = 1000;

double seconds(WallTime time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

Metric expiries(const std::map<std::string, RenewalStatus>& statuses) {
  std::vector<const CertificateStatus*> held;
  for (const auto& [storage, status] : statuses)
    for (const auto& one : status.certificates)
      if (one.expires) held.push_back(&one);
  std::sort(held.begin(), held.end(), [](auto* a, auto* b) { return a->expires < b->expires; });
  held.resize(std::min(held.size(), most_told));
  Metric metric{"certificate_expiry_seconds",
                Metric::Kind::gauge,
                "When a certificate obtained by ACME ends, in seconds since 1970. Those that end first.",
                {}};
  for (const auto* one : held)
    metric.values.push_back({{{"resolver", one->resolver}, {"host", one->names.front().text()}, {"name", one->record}},
                             seconds(*one->expires)});
  return metric;
}

Metric states(const std::map<std::string, RenewalStatus>& statuses) {
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const auto& [storage, status] : statuses)
    for (const auto& one : status.certificates) counts[{one.resolver, std::string(state_name(one.state))}] += 1;
  Metric metric{
      "certificates", Metric::Kind::gauge, "Certificates of ACME resolvers, by what is planned for them.", {}};
  for (const auto& [key, value] : counts)
    metric.values.push_back({{{"resolver", key.first}, {"state", key.second}}, value});
  return metric;
}

Metric orders(const std::map<std::string, RenewalStatus>& statuses) {
  Metric metric{"acme_orders_total", Metric::Kind::counter, "Orders that ended, by their result.", {}};
  for (const auto& [storage, status] : statuses) {
    for (const auto& [resolver, count] : status.issued)
      metric.values.push_back({{{"resolver", resolver}, {"result", "issued"}}, static_cast<double>(count)});
    for (const auto& [resolver, count] : status.failed)
      metric.values.push_back({{{"resolver", resolver}, {"result", "failed"}}, static_cast<double>(count)});
  }
  return metric;
}

Metric next_tries(const std::map<std::string, RenewalStatus>& statuses) {
  std::map<std::string, WallTime> next;
  for (const auto& [storage, status] : statuses)
    for (const auto& one : status.certificates)
      if (one.next_try) {
        auto& known = next.try_emplace(one.resolver, *one.next_try).first->second;
        known = std::min(known, *one.next_try);
      }
  Metric metric{"acme_next_try_seconds",
                Metric::Kind::gauge,
                "When the next certificate that waits is tried again, in seconds since 1970.",
                {}};
  for (const auto& [resolver, at] : next) metric.values.push_back({{{"resolver", resolver}}, seconds(at)});
  return metric;
}

Metric storages(const std::map<std::string, RenewalStatus>& statuses) {
  Metric metric{"acme_storage_usable", Metric::Kind::gauge, "1: certificates are obtained and kept there.", {}};
  for (const auto& [storage, status] : statuses)
    metric.values.push_back({{{"storage", storage}}, status.trouble.empty() ? 1.0 : 0.0});
  return metric;
}

}  // namespace

std::string status_metrics(const std::map<std::string, RenewalStatus>& statuses) {
  return metrics_text(
      {expiries(statuses), states(statuses), orders(statuses), next_tries(statuses), storages(statuses)});
}

}  // namespace gatehouse::acme
