// What is known of an exchange or a TCP session when it ends: one of these, one access-log line, one count in the
// metrics. Views point into what outlives the call that takes the record.
#pragma once

#include "base/clock.h"
#include "base/failure.h"
#include "base/names.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

struct ExchangeRecord {
  WallTime started;
  Duration duration{};
  std::string_view entry_point;
  std::string_view client;        // resolved client address
  std::string_view method, target, host, protocol;
  std::string_view user_agent, referer;
  bool over_tls = false;
  std::string_view server_name;   // SNI
  std::string_view route;         // name of the route; empty: none
  std::string_view service;
  std::optional<Endpoint> endpoint;  // the one that answered, or the last one tried
  std::string_view upstream_protocol;  // spoken to it; empty: no connection was had
  std::uint16_t attempts = 0;
  std::uint16_t status = 0;       // as sent; 0: none was sent
  std::optional<std::uint16_t> grpc_status;  // outcome_of_call(); none also where the answer was broken off
  std::uint64_t bytes_in = 0;     // request body
  std::uint64_t bytes_out = 0;    // answer body
  std::optional<Failure> failure;
  std::string kept_names;         // route's and service's text when the snapshot that has them is let go
};

struct SessionRecord {
  WallTime started;
  Duration duration{};
  std::string_view entry_point;
  std::string_view client;
  std::string_view server_name;
  std::string_view route;
  std::string_view service;
  std::optional<Endpoint> endpoint;
  std::uint64_t bytes_in = 0;   // client to upstream
  std::uint64_t bytes_out = 0;  // upstream to client
  std::string_view end;         // "client closed", "upstream closed", or the failure's name
  std::optional<Failure> failure;
};

}  // namespace gatehouse
