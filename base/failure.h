// Every way in which an exchange, a session or a configuration object can fail, as one closed table.
// The access log, the metrics' labels, the answer to the client and the decision to try again all read
// the same row, so none of them can disagree with another.
#pragma once

#include <boost/assert/source_location.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse {

enum class Fault : std::uint8_t { client, upstream, gatehouse, nobody };

enum class FailureKind : std::uint8_t {
  // the client's
  bad_request,
  head_too_large,
  uri_too_long,
  expectation_failed,
  method_not_supported,
  version_not_supported,
  misdirected_request,
  head_timeout,
  body_stalled,
  reading_stalled,
  client_gone,
  bad_proxy_header,
  handshake_failed,
  handshake_timeout,
  no_protocol,
  // nobody serves it
  no_route,
  no_service,
  no_endpoint,
  // the upstream's
  connect_failed,
  connect_timeout,
  upstream_tls_failed,
  upstream_closed,
  bad_answer,
  answer_timeout,
  answer_truncated,
  upgrade_refused,
  // a certificate authority's
  ca_refused,
  validation_failed,
  // ours
  idle,
  too_many_connections,
  draining,
  challenge_failed,
  bad_configuration,
  internal,
};

// One row of the table.
struct FailureRow {
  std::string_view name;    // stable: metric label, access-log field
  Fault fault;              // who has to do something about it
  std::uint16_t status;     // HTTP status of the answer; 0 closes without one
  bool another_may_succeed; // the same request may succeed at another endpoint
  std::string_view words;   // one sentence for the person who reads it
};

const FailureRow& row(FailureKind kind);

// What went wrong, and with what. `detail` names the object, address or byte; it may hold untrusted text.
struct Failure {
  FailureKind kind = FailureKind::internal;
  std::string detail;

  Failure() = default;
  explicit Failure(FailureKind k) : kind(k) {}
  Failure(FailureKind k, std::string d) : kind(k), detail(std::move(d)) {}
};

// "words: detail"
std::string describe(const Failure& failure);

// Asking a failed Result for its value is a bug: throws std::logic_error.
[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

}  // namespace gatehouse
