#include "base/failure.h"

#include <array>
#include <stdexcept>

namespace gatehouse {
namespace {

using enum Fault;

constexpr std::array table{
    FailureRow{"bad_request", client, 400, false, "the request is malformed"},
    FailureRow{"head_too_large", client, 431, false, "the request head is too large"},
    FailureRow{"uri_too_long", client, 414, false, "the request target is too long"},
    FailureRow{"expectation_failed", client, 417, false, "the expectation is not known"},
    FailureRow{"method_not_supported", client, 405, false, "the method is not supported here"},
    FailureRow{"version_not_supported", client, 505, false, "the HTTP version is not supported"},
    FailureRow{"misdirected_request", client, 421, false, "the host is not served on this connection"},
    FailureRow{"head_timeout", client, 408, false, "the request head did not arrive in time"},
    FailureRow{"body_stalled", client, 408, false, "the client stopped sending the request body"},
    FailureRow{"reading_stalled", client, 0, false, "the client stopped reading"},
    FailureRow{"client_gone", client, 499, false, "the client went away"},
    FailureRow{"bad_proxy_header", client, 0, false, "the PROXY protocol header is missing or malformed"},
    FailureRow{"handshake_failed", client, 0, false, "the TLS handshake failed"},
    FailureRow{"handshake_timeout", client, 0, false, "the TLS handshake did not finish in time"},
    FailureRow{"no_protocol", client, 0, false, "the first bytes belong to no protocol served here"},
    FailureRow{"no_route", client, 404, false, "no route matches"},
    FailureRow{"no_service", Fault::gatehouse, 503, false, "the route's service does not exist"},
    FailureRow{"no_endpoint", upstream, 503, false, "the service has no ready endpoint"},
    FailureRow{"connect_failed", upstream, 502, true, "the upstream refused the connection"},
    FailureRow{"connect_timeout", upstream, 504, true, "the upstream did not accept the connection in time"},
    FailureRow{"upstream_tls_failed", upstream, 502, true, "the TLS handshake with the upstream failed"},
    FailureRow{"upstream_closed", upstream, 502, true, "the upstream closed before it answered"},
    FailureRow{"bad_answer", upstream, 502, false, "the upstream's answer is malformed"},
    FailureRow{"answer_timeout", upstream, 504, false, "the upstream did not answer in time"},
    FailureRow{"answer_truncated", upstream, 0, false, "the upstream broke off its answer"},
    FailureRow{"upgrade_refused", upstream, 502, true, "the upstream takes no such upgrade"},
    FailureRow{"ca_refused", upstream, 502, false, "the certificate authority refused"},
    FailureRow{"validation_failed", upstream, 502, false, "the certificate authority could not validate the host"},
    FailureRow{"idle", nobody, 0, false, "nothing was sent for too long"},
    FailureRow{"too_many_connections", Fault::gatehouse, 503, false, "too many connections"},
    FailureRow{"draining", Fault::gatehouse, 503, false, "Gatehouse is shutting down"},
    FailureRow{"challenge_failed", nobody, 0, false, "the answer to an ACME challenge cannot be shown"},
    FailureRow{"bad_configuration", Fault::gatehouse, 500, false, "the configuration is wrong"},
    FailureRow{"internal", Fault::gatehouse, 500, false, "something went wrong inside Gatehouse"},
};
static_assert(table.size() == static_cast<std::size_t>(FailureKind::internal) + 1);

}  // namespace

const FailureRow& row(FailureKind kind) { return table[static_cast<std::size_t>(kind)]; }

std::string describe(const Failure& failure) {
  std::string text(row(failure.kind).words);
  if (!failure.detail.empty()) text.append(": ").append(failure.detail);
  return text;
}

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
  throw std::logic_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " +
                         describe(failure));
}

}  // namespace gatehouse
