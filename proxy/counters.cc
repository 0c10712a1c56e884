#include "proxy/counters.h"

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

template <class Counts>
void add_all(Counts& to, const Counts& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

void add(EntryPointCounters& to, const EntryPointCounters& from) {
  to.connections += from.connections;
  to.refused_connections += from.refused_connections;
  to.accept_pauses += from.accept_pauses;
  to.open_connections += from.open_connections;
  to.handshakes += from.handshakes;
  to.resumed_handshakes += from.resumed_handshakes;
  add_all(to.requests, from.requests);
  to.bytes_in += from.bytes_in;
  to.bytes_out += from.bytes_out;
  add_all(to.durations.buckets, from.durations.buckets);
  to.durations.sum_s += from.durations.sum_s;
  to.sessions += from.sessions;
  to.open_sessions += from.open_sessions;
  add_all(to.http2_refusals, from.http2_refusals);
}

void add(ServiceCounters& to, const ServiceCounters& from) {
  add_all(to.requests, from.requests);
  add_all(to.grpc_calls, from.grpc_calls);
  to.sessions += from.sessions;
  to.connects += from.connects;
  to.failed_connects += from.failed_connects;
  to.retries += from.retries;
}

}  // namespace

void DurationCounts::add(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  ++buckets[static_cast<std::size_t>(bound - bounds.begin())];
  sum_s += seconds;
}

ServiceCounters& Counters::of_service(std::string_view name) {
  const auto found = services.find(name);
  ServiceCounters& counters = found != services.end() ? found->second : services[std::string(name)];
  counters.used = true;
  return counters;
}

void Counters::forget_unused_services() {
  for (auto service = services.begin(); service != services.end();)
    service = std::exchange(service->second.used, false) ? std::next(service) : services.erase(service);
}

void Counters::add(const Counters& other) {
  for (const auto& [name, counters] : other.entry_points) gatehouse::add(entry_points[name], counters);
  for (const auto& [name, counters] : other.services) gatehouse::add(services[name], counters);
  add_all(failures, other.failures);
  idle_upstream_connections += other.idle_upstream_connections;
  ejected_endpoints += other.ejected_endpoints;
}

}  // namespace gatehouse
