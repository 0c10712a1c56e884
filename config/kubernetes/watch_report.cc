#include "config/kubernetes/watch_report.h"

#include "proxy/metrics_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <map>

namespace gatehouse::kubernetes {
namespace {

using Health = ListWatch::Health;

std::string_view health_name(Health health) {
  switch (health) {
    case Health::good: return "good";
    case Health::away: return "away";
    case Health::refused: return "refused";
    case Health::forbidden: return "forbidden";
    case Health::absent: return "absent";
  }
  return "";
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

struct KindState {
  bool well = true;
  std::optional<double> silence;
};

}  // namespace

std::string cluster_metrics(const ClusterReport& report, TimePoint now) {
  std::map<std::string, KindState> kinds;
  for (const WatchState& watch : report.watches) {
    if (watch.optional && watch.health == Health::absent) continue;
    KindState& kind = kinds[std::string(kind_name(watch.kind))];
    kind.well = kind.well && watch.synced && watch.health == Health::good;
    if (watch.last_heard) kind.silence = std::max(kind.silence.value_or(0), seconds(now - *watch.last_heard));
  }
  Metric well{"kubernetes_watch_well",
              Metric::Kind::gauge,
              "1 when every watch of the kind is synced and followed, 0 when what is known of it may be old.",
              {}};
  Metric silence{"kubernetes_watch_silence_seconds",
                 Metric::Kind::gauge,
                 "Since when the API server has said nothing of the kind (it says something about once a minute).",
                 {}};
  for (const auto& [name, kind] : kinds) {
    well.values.push_back({{{"kind", name}}, kind.well ? 1.0 : 0.0});
    if (kind.silence) silence.values.push_back({{{"kind", name}}, *kind.silence});
  }
  const Metric leading{"kubernetes_leading",
                       Metric::Kind::gauge,
                       "1 on the replica that orders certificates and writes Ingress status.",
                       {{{}, report.leading ? 1.0 : 0.0}}};
  return metrics_text({well, silence, leading});
}

std::string cluster_json(const ClusterReport& report, TimePoint now) {
  boost::json::array watches;
  for (const WatchState& watch : report.watches) {
    boost::json::object row{{"name", watch.name},
                            {"synced", watch.synced},
                            {"health", health_name(watch.health)},
                            {"trouble", watch.trouble}};
    if (watch.last_heard)
      row["silentSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(now - *watch.last_heard).count();
    watches.push_back(std::move(row));
  }
  const boost::json::object whole{{"server", report.server},
                                  {"synced", report.synced},
                                  {"leading", report.leading},
                                  {"watches", std::move(watches)}};
  return boost::json::serialize(whole) + "\n";
}

}  // namespace gatehouse::kubernetes
