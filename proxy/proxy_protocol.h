// The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt): read from load balancers
// before us, written to upstreams behind us. Pure.
#pragma once

#include "base/names.h"
#include "base/result.h"
#include "proxy/route/service.h"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

struct ProxyHeader {
  std::size_t size = 0;               // bytes it took
  std::optional<Endpoint> source;     // nothing: LOCAL, UNKNOWN or not TCP, the connection speaks for itself
  std::optional<Endpoint> destination;
};

// Reads a header at the start of `bytes`. A header of size 0 means: more bytes are needed. Fails with bad_proxy_header
// as soon as the bytes cannot become one, or a v1 line exceeds 107 bytes, or a v2 header 2 KiB.
Result<ProxyHeader> read_proxy_header(std::string_view bytes);

std::string write_proxy_header(ProxyHeaderVersion version, const Endpoint& source, const Endpoint& destination);

}  // namespace gatehouse
