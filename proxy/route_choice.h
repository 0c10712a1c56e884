// Which route answers a request, and whether the connection it came on may have it: a host, and a route, is served only
// over connections whose handshake was made under TLS options as strict as they ask for now. ◦
#pragma once

#include "proxy/connection.h"
#include "proxy/http/exchange.h"

#include <optional>

namespace gatehouse {

struct RouteChoice {
  const HttpRoute* route = nullptr;  // lives as long as the entry point; null: see `refusal`
  std::optional<Failure> refusal;
  bool outdated = false;  // refused for what the connection is: its client is to come anew
};

// `entry_point`: of the newest snapshot.
RouteChoice choose_route(const Exchange& exchange, const ClientConnection& client, const EntryPoint& entry_point);

// Whether the handshake would have to be another one by now, for the same server name; without TLS: whether there would
// have to be one.
bool is_outdated(const ClientConnection& client, const EntryPoint& entry_point);

// Under which the handshake for a host is to be made.
const TlsOptions& tls_options_for(const EntryPoint& entry_point, std::string_view host);
// Why a connection that was made under these (null: without TLS) may not have the host's route (null: none); nothing:
// it may.
std::optional<FailureKind> refusal_by_tls_options(const TlsOptions* made_under, const EntryPoint& entry_point,
                                                  std::string_view host, const HttpRoute* route);

}  // namespace gatehouse
