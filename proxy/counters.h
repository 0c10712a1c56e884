// What one worker counts. Plain numbers written by that worker only; whoever wants the sum asks each worker on its own
// thread (proxy/admin).
#pragma once

#include "base/clock.h"
#include "base/failure.h"
#include "proxy/http/http2_refusal.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse {

// Counts per status class: index status / 100; 0 = no answer was sent.
using StatusCounts = std::array<std::uint64_t, 6>;

// Counts per gRPC status; the last is for numbers that have no name.
using GrpcCounts = std::array<std::uint64_t, 18>;

struct DurationCounts {
  // Upper bounds in seconds; the last bucket is everything.
  static constexpr std::array<double, 12> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.2, 5, 30, 300};
  std::array<std::uint64_t, bounds.size() + 1> buckets{};
  double sum_s = 0;

  void add(Duration duration);
};

struct EntryPointCounters {
  std::uint64_t connections = 0, refused_connections = 0, accept_pauses = 0;
  std::int64_t open_connections = 0;
  std::uint64_t handshakes = 0, resumed_handshakes = 0;
  StatusCounts requests{};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  DurationCounts durations;
  std::uint64_t sessions = 0;
  std::int64_t open_sessions = 0;
  Http2Refusals http2_refusals{};
};

struct ServiceCounters {
  StatusCounts requests{};
  GrpcCounts grpc_calls{};
  std::uint64_t sessions = 0, connects = 0, failed_connects = 0, retries = 0;
  bool used = true;  // since forget_unused_services() was called last
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};

struct Counters {
  std::unordered_map<std::string, EntryPointCounters> entry_points;
  std::unordered_map<std::string, ServiceCounters, NameHash, std::equal_to<>> services;
  std::array<std::uint64_t, static_cast<std::size_t>(FailureKind::internal) + 1> failures{};
  std::uint64_t idle_upstream_connections = 0, ejected_endpoints = 0;  // filled in when asked

  void add(const Counters& other);
  // Valid until the second forget_unused_services() from now.
  ServiceCounters& of_service(std::string_view name);
  // Of services that nobody has asked for since the last call: in a cluster they come and go without end.
  void forget_unused_services();
};

}  // namespace gatehouse
