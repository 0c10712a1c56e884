// The TLS options of an entry point or a host (tls.options.<name>): what connections are made under. ◦ Immutable.
//
// They hold for a connection by the server name in its handshake, and bind its requests: a host, and a route, is only
// served on a connection that was made under options as strict as its own, for otherwise a client could shake hands
// with a lax host and then ask for a strict one (RFC 9110 §7.4: 421).
#pragma once

#include "tls/server_context.h"

#include <memory>
#include <string>

namespace gatehouse {

struct TlsOptions {
  std::string name;
  // Which of them is the matter of the entry point, and of what the connection is to carry. Null, both: no connection
  // is ever made under them, so that what asks for them is not served.
  std::shared_ptr<const tls::ServerContext> with_http2, without_http2;
  bool sni_strict = false;  // no default certificate

  bool can_be_met() const { return with_http2 != nullptr; }
  // Nobody is let in without a certificate.
  bool requires_certificate() const { return !can_be_met() || with_http2->requires_certificate(); }
  // Whether a connection made under these will do for the others. Not the same as being stricter: of two that verify by
  // different authorities none will do for the other.
  bool is_as_strict_as(const TlsOptions& other) const;
  // Of several for one host the strictest counts: what cannot be met, then by kind of client certificate and version.
  bool is_stricter_than(const TlsOptions& other) const;
};

using TlsOptionsPtr = std::shared_ptr<const TlsOptions>;

// `policy`: with HTTP/2. Failures are those of make_server_context.
Result<TlsOptionsPtr> make_tls_options(std::string name, tls::ServerPolicy policy, bool sni_strict = false,
                                       std::shared_ptr<const tls::TicketKeys> keys = nullptr);
// In the place of those that are asked for and not there.
const TlsOptionsPtr& tls_options_nobody_meets();

}  // namespace gatehouse
