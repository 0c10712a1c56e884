#include "proxy/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace gatehouse {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  // The reference is good until the next family is begun.
  MetricFamily& family(std::string name, MetricType type, std::string words) {
    families_.push_back(MetricFamily{"gatehouse_" + std::move(name), std::move(words), type, {}});
    return families_.back();
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

using Labels = std::vector<ClientMetric::Label>;

void count(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

std::string status_class(std::size_t hundreds) { return hundreds == 0 ? "none" : std::to_string(hundreds) + "xx"; }

void add_requests(MetricFamily& family, std::string label, const std::string& name, const StatusCounts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) count(family, {{label, name}, {"code", status_class(i)}}, static_cast<double>(counts[i]));
}

void add_calls(MetricFamily& family, const std::string& service, const GrpcCounts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0)
      count(family, {{"service", service}, {"grpc_status", i + 1 < counts.size() ? std::to_string(i) : "other"}},
            static_cast<double>(counts[i]));
}

void add_durations(MetricFamily& family, const std::string& name, const DurationCounts& durations) {
  ClientMetric metric;
  metric.label = {{"entrypoint", name}};
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
    cumulative += durations.buckets[i];
    const double bound =
        i < DurationCounts::bounds.size() ? DurationCounts::bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = durations.sum_s;
  family.metric.push_back(std::move(metric));
}

// One family over all entry points or services: a value per name.
template <class Map, class Value>
void add_each(Families& families, std::string name, MetricType type, std::string words, std::string label,
              const Map& map, Value value) {
  MetricFamily& family = families.family(std::move(name), type, std::move(words));
  for (const auto& [key, counters] : map) count(family, {{label, key}}, static_cast<double>(value(counters)));
}

void add_entry_points(Families& families, const Counters& counters) {
  const auto& map = counters.entry_points;
  using E = EntryPointCounters;
  const auto add = [&](std::string name, MetricType type, std::string words, auto value) {
    add_each(families, std::move(name), type, std::move(words), "entrypoint", map, value);
  };
  add("entrypoint_connections_total", MetricType::Counter, "Connections accepted.",
      [](const E& e) { return e.connections; });
  add("entrypoint_refused_connections_total", MetricType::Counter,
      "Connections closed at once because a limit was reached.", [](const E& e) { return e.refused_connections; });
  add("entrypoint_accept_pauses_total", MetricType::Counter,
      "Times that accepting paused for lack of descriptors or memory.", [](const E& e) { return e.accept_pauses; });
  add("entrypoint_open_connections", MetricType::Gauge, "Connections open now.",
      [](const E& e) { return e.open_connections; });
  add("entrypoint_tls_handshakes_total", MetricType::Counter, "TLS handshakes completed.",
      [](const E& e) { return e.handshakes; });
  add("entrypoint_tls_resumptions_total", MetricType::Counter, "TLS handshakes that resumed a session.",
      [](const E& e) { return e.resumed_handshakes; });
  add("entrypoint_received_bytes_total", MetricType::Counter, "Request bodies and client bytes of sessions.",
      [](const E& e) { return e.bytes_in; });
  add("entrypoint_sent_bytes_total", MetricType::Counter, "Answer bodies and upstream bytes of sessions.",
      [](const E& e) { return e.bytes_out; });
  add("entrypoint_tcp_sessions_total", MetricType::Counter, "TCP sessions ended.",
      [](const E& e) { return e.sessions; });
  add("entrypoint_tcp_open_sessions", MetricType::Gauge, "TCP sessions open now.",
      [](const E& e) { return e.open_sessions; });
  MetricFamily& refusals =
      families.family("entrypoint_http2_refusals_total", MetricType::Counter,
                      "HTTP/2 streams and connections ended because a client went too far, by limit.");
  for (const auto& [name, e] : map)
    for (std::size_t i = 0; i < e.http2_refusals.size(); ++i)
      if (e.http2_refusals[i] > 0)
        count(refusals, {{"entrypoint", name}, {"reason", std::string(http2_refusal_names[i])}},
              static_cast<double>(e.http2_refusals[i]));
  MetricFamily& requests =
      families.family("entrypoint_requests_total", MetricType::Counter, "Exchanges, by class of status.");
  for (const auto& [name, e] : map) add_requests(requests, "entrypoint", name, e.requests);
  MetricFamily& durations = families.family("entrypoint_request_duration_seconds", MetricType::Histogram,
                                            "From the end of the request's head to the end of the answer.");
  for (const auto& [name, e] : map) add_durations(durations, name, e.durations);
}

void add_services(Families& families, const Counters& counters) {
  const auto& map = counters.services;
  using S = ServiceCounters;
  const auto add = [&](std::string name, std::string words, auto value) {
    add_each(families, std::move(name), MetricType::Counter, std::move(words), "service", map, value);
  };
  MetricFamily& requests =
      families.family("service_requests_total", MetricType::Counter, "Exchanges, by class of status.");
  for (const auto& [name, s] : map) add_requests(requests, "service", name, s.requests);
  MetricFamily& calls = families.family("service_grpc_calls_total", MetricType::Counter,
                                        "gRPC calls answered whole, by status; gRPC-Web's are not seen.");
  for (const auto& [name, s] : map) add_calls(calls, name, s.grpc_calls);
  add("service_tcp_sessions_total", "TCP sessions ended.", [](const S& s) { return s.sessions; });
  add("service_connects_total", "Connections made to endpoints.", [](const S& s) { return s.connects; });
  add("service_failed_connects_total", "Connections that could not be made.",
      [](const S& s) { return s.failed_connects; });
  add("service_retries_total", "Attempts after the first.", [](const S& s) { return s.retries; });
}

}  // namespace

std::string metrics_text(const Counters& counters, const Snapshot& snapshot) {
  Families families;
  count(families.family("snapshot_generation", MetricType::Gauge, "Number of the configuration in force."), {},
        static_cast<double>(snapshot.generation));
  MetricFamily& failures =
      families.family("failures_total", MetricType::Counter, "Exchanges and sessions that failed, by reason.");
  for (std::size_t i = 0; i < counters.failures.size(); ++i)
    if (counters.failures[i] > 0)
      count(failures, {{"reason", std::string(row(static_cast<FailureKind>(i)).name)}},
            static_cast<double>(counters.failures[i]));
  count(families.family("upstream_idle_connections", MetricType::Gauge, "Pooled connections."), {},
        static_cast<double>(counters.idle_upstream_connections));
  count(
      families.family("upstream_ejected_endpoints", MetricType::Gauge, "Endpoints left out after failed connections."),
      {}, static_cast<double>(counters.ejected_endpoints));
  add_entry_points(families, counters);
  add_services(families, counters);
  return families.text();
}

std::string metrics_text(const std::vector<Metric>& metrics) {
  Families families;
  for (const Metric& metric : metrics) {
    if (metric.values.empty()) continue;
    const auto type = metric.kind == Metric::Kind::counter ? MetricType::Counter : MetricType::Gauge;
    MetricFamily& family = families.family(metric.name, type, metric.words);
    for (const auto& [labels, value] : metric.values) {
      Labels all;
      for (const auto& [name, text] : labels) all.push_back({name, text});
      count(family, std::move(all), value);
    }
  }
  return families.text();
}

}  // namespace gatehouse
