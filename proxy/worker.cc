#include "proxy/worker.h"

#include "proxy/connection.h"

#include <fmt/chrono.h>

namespace gatehouse {
namespace {

constexpr Duration day = std::chrono::hours(24);
constexpr int costly_a_round = 1, connections_a_round = 1;  // some 250 and 200 us of work

}  // namespace

std::string_view DateText::at(WallTime now) {
  const std::time_t second = std::chrono::system_clock::to_time_t(now);
  if (second != second_)
    fmt::format_to_n(text_.data(), text_.size(), "{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(second_ = second));
  return {text_.data(), text_.size()};
}

// UNSAFE_IO: no locks in the reactor; posting from another thread stays legal.
Worker::Worker(Clock& c, const AccessLog& log, Admin* a)
    : clock(c),
      access_log(log),
      admin(a),
      deadlines(c),
      departures(std::ref(io)),  // gcc 12 takes the mere name for a use of it
      pool(io, deadlines, buffers),
      http2_pool(io, deadlines),
      health(c),
      costly(io, costly_a_round),
      requests(io, connections_a_round),
      snapshot(std::make_shared<const Snapshot>()),
      io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO) {}

Awaitable<void> Worker::housekeeping() {
  TimePoint next_day = clock.now() + day;
  while (true) {
    co_await clock.sleep_until(clock.now() + std::chrono::seconds(5));
    pool.sweep();
    http2_pool.sweep();
    health.sweep();
    if (clock.now() < next_day) continue;
    next_day = clock.now() + day;
    counters.forget_unused_services();
  }
}

void Worker::drain() {
  draining = true;
  pool.clear();
  http2_pool.clear();
  close_idle();
  left();
}

void Worker::close_idle() {
  for (auto* connection = connections; connection; connection = connection->next) {
    if (!draining && snapshot->find_entry_point(connection->entry_point_name)) continue;
    if (connection->wind_down) connection->wind_down();
    if (connection->idle && connection->plain.idle_and_open()) connection->close();
  }
}

void Worker::left() {
  if (draining && !connections && drained) std::exchange(drained, nullptr)();
}

std::vector<CutConnection> Worker::cut_all() {
  std::vector<CutConnection> cut;
  cut.reserve(connection_count);
  for (auto* connection = connections; connection; connection = connection->next) {
    cut.push_back({connection->entry_point_name, connection->peer.text(), connection->server_name});
    connection->close();
  }
  return cut;
}

Counters Worker::count() const {
  Counters now = counters;
  now.idle_upstream_connections = pool.idle_count() + http2_pool.idle_count();
  now.ejected_endpoints = health.ejected_count();
  return now;
}

void Worker::record(const ExchangeRecord& record, EntryPointCounters& entry_point) {
  const std::size_t status_class = record.status / 100 < 6 ? record.status / 100 : 0;
  ++entry_point.requests[status_class];
  entry_point.bytes_in += record.bytes_in;
  entry_point.bytes_out += record.bytes_out;
  entry_point.durations.add(record.duration);
  if (record.failure) ++counters.failures[static_cast<std::size_t>(record.failure->kind)];
  if (!record.service.empty()) {
    ServiceCounters& service = counters.of_service(record.service);
    ++service.requests[status_class];
    if (record.grpc_status)
      ++service.grpc_calls[std::min<std::size_t>(*record.grpc_status, service.grpc_calls.size() - 1)];
    if (record.attempts > 1) service.retries += record.attempts - 1u;
  }
  if (access_log.write) access_log.write(access_log_line(record, access_log.format));
}

void Worker::record(const SessionRecord& record, EntryPointCounters& entry_point) {
  entry_point.bytes_in += record.bytes_in;
  entry_point.bytes_out += record.bytes_out;
  ++entry_point.sessions;
  if (record.failure) ++counters.failures[static_cast<std::size_t>(record.failure->kind)];
  if (!record.service.empty()) ++counters.of_service(record.service).sessions;
  if (access_log.write) access_log.write(access_log_line(record, access_log.format));
}

}  // namespace gatehouse
