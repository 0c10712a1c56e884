// Service: the endpoints behind a route and how to talk to them. Immutable but for the turn counter.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

namespace tls {
class ClientContext;
}

// Limits on waiting for an upstream; none of them bounds a whole exchange.
struct UpstreamTimeouts {
  Duration dial = std::chrono::seconds(5);
  Duration answer = std::chrono::hours(1);      // from the end of the request to the answer's head
  Duration idle = std::chrono::hours(1);        // between two reads of the answer
  Duration keep_alive = std::chrono::seconds(60);  // a pooled connection unused for longer is closed
};

// Cookie that keeps a client at its endpoint (Traefik's service.sticky.cookie annotations).
struct StickyCookie {
  std::string name;
  bool secure = false;
  bool http_only = false;
  std::string same_site;  // "", "none", "lax", "strict"
  std::string path = "/";
  std::string domain;
  std::int64_t max_age_s = 0;  // 0 = session cookie

  bool operator==(const StickyCookie&) const = default;
};

// The HTTP version that endpoints are spoken to in.
enum class UpstreamSpeech : std::uint8_t {
  http1,
  http2_in_clear,  // without TLS, by prior knowledge (RFC 9113 §3.3)
  by_alpn,         // over TLS: HTTP/2 where the endpoint takes it and `tls` offers it, else HTTP/1.1
};

struct Service {
  std::string name;                 // "namespace/name:port"
  std::vector<Endpoint> endpoints;  // the usable ones; empty: 503
  std::string host;                 // the ExternalName's DNS name when it has one: SNI and verification
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain
  UpstreamSpeech speech = UpstreamSpeech::http1;
  bool pass_host_header = true;     // false: the upstream sees `host` as its Host
  std::optional<StickyCookie> sticky;
  UpstreamTimeouts timeouts;

  // Whose turn it is: the only thing in a snapshot that moves (relaxed; a lost turn does not matter).
  mutable std::atomic<std::uint32_t> turn{0};
};

enum class ProxyHeaderVersion : std::uint8_t { none, v1, v2 };

// One of several services that share a TCP route's connections.
struct WeightedService {
  std::shared_ptr<const Service> service;  // null: connections are closed
  std::uint32_t weight = 1;                // share among the route's services; 0 = none
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::none;
  std::string missing;                     // why there is no service, when there is none
};

}  // namespace gatehouse
