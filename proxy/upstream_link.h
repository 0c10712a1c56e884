// What a request goes over to its upstream: a connection of its own (HTTP/1.1), or one that it shares (HTTP/2). Which
// of the two the service says, or over TLS the endpoint.
#pragma once

#include "proxy/worker.h"

namespace gatehouse {

struct UpstreamLink {
  std::unique_ptr<UpstreamConnection> own;
  std::shared_ptr<Http2Upstream> shared;

  explicit operator bool() const { return own || shared; }
};

// One that is there already; else empty. `upgrade`: the request asks to change the protocol.
UpstreamLink take_link(Worker& worker, const Service& service, const Endpoint& endpoint, bool upgrade);

// A new one, or one that others share: where many want the same endpoint at once, one dials and the others wait.
// Failures are the upstream's, and its endpoint is left out for a while.
Awaitable<Result<UpstreamLink>> make_link(Worker& worker, const Service& service, const Endpoint& endpoint,
                                          bool upgrade);

}  // namespace gatehouse
