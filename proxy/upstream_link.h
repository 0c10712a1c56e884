// What a request goes over to its upstream: a connection of its own (HTTP/1.1), or one that it shares (HTTP/2). Which
// of the two the service says, or over TLS the endpoint.
#pragma once

#include "proxy/http/exchange.h"
#include "proxy/worker.h"

namespace gatehouse {

struct UpstreamLink {
  std::unique_ptr<UpstreamConnection> own;
  std::shared_ptr<Http2Upstream> shared;

  explicit operator bool() const { return own || shared; }
};

// What the version depends on where the endpoint may choose.
struct LinkWishes {
  bool upgrade = false;    // the request asks to change the protocol
  bool websocket = false;  // to that one, which HTTP/2 has too (RFC 8441)
  bool grpc = false;       // of use over HTTP/2 alone
  bool http1 = false;      // an upstream has asked for HTTP/1.1 for this request
};

// One that is there already; else empty.
UpstreamLink take_link(Worker& worker, const Service& service, const Endpoint& endpoint, const LinkWishes& wishes);

// A new one, or one that others share: where many want the same endpoint at once, one dials and the others wait.
// Failures are the upstream's, and its endpoint is left out for a while; or client_gone: then what nobody else can use
// is not waited for.
Awaitable<Result<UpstreamLink>> make_link(Worker& worker, const Service& service, const Endpoint& endpoint,
                                          LinkWishes wishes, Exchange& exchange);

}  // namespace gatehouse
