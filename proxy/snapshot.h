// Snapshot: everything the data path obeys, as one immutable value. config/reload makes it, every worker holds
// one, a request uses the one it began with to its end.
#pragma once

#include "base/clock.h"
#include "base/names.h"
#include "proxy/route/route_table.h"
#include "proxy/route/tcp_route.h"
#include "proxy/route/tls_options.h"
#include "tls/certificate_store.h"
#include "tls/challenge_board.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

// Limits on waiting for a client; none of them bounds a whole exchange (docs/threat_model.md §4).
struct ClientTimeouts {
  Duration handshake = std::chrono::seconds(10);
  Duration head = std::chrono::seconds(10);        // from a request's first byte to the end of its head
  Duration body_idle = std::chrono::seconds(60);   // between two reads of a request body
  Duration write_idle = std::chrono::seconds(60);  // no byte of the answer accepted
  Duration keep_alive = std::chrono::seconds(180);
  Duration sniff = std::chrono::seconds(3);        // mixed entry point: silence means a server-first protocol
  Duration proxy_header = std::chrono::seconds(3);
  Duration tunnel_idle = std::chrono::hours(2);    // WebSocket and other upgrades
  Duration tcp_idle = std::chrono::hours(24);      // raw TCP; dead peers are found by TCP keep-alive long before
};

// Sizes a client may use (431, 414 beyond).
struct ClientLimits {
  std::size_t head_bytes = 64 * 1024;
  std::size_t target_bytes = 32 * 1024;
  std::size_t fields = 128;
  std::size_t connections = 0;  // of this entry point and worker process; 0 = bounded by descriptors only
  std::size_t connections_per_address = 0;  // 0 = half of all that may be open
  std::uint32_t requests_per_connection = 0;  // 0 = no limit (Traefik keepAliveMaxRequests)
  std::uint32_t http2_streams = 250;  // open at once on one connection (Traefik http2.maxConcurrentStreams)
};

// Sends every plain request to another entry point (Traefik http.redirections.entryPoint).
struct Redirection {
  std::string scheme = "https";
  std::string port;  // empty: the scheme's own
  bool permanent = true;
};

// TLS on every HTTP connection of an entry point (Traefik http.tls), or for hosts whose routes ask for it.
struct EntryPointTls {
  bool required = false;  // http.tls given: plain HTTP is refused here
  bool http2 = true;  // offered to HTTP clients; TCP routes' upstreams may not know it
  TlsOptionsPtr options;  // of all hosts and routes that have none of their own; null: none can be had, so no TLS
};

// Requests for a host that the certificate shown to the TLS server name does not cover: 421, or as any other.
enum class ServerNameCheck : std::uint8_t { never, http2, always };

struct EntryPoint {
  std::string name;
  std::vector<Endpoint> addresses;  // "[::]" with dual_stack accepts IPv4 too
  bool dual_stack = false;
  bool admin = false;  // ping, ready, metrics, api instead of routes
  bool required = true;  // a taken port at start ends the program; otherwise it is retried
  EntryPointTls tls;
  std::optional<Redirection> redirection;
  bool http2_cleartext = false;  // an HTTP/2 preface is understood without TLS (prior knowledge, RFC 9113 §3.3)
  ServerNameCheck check_server_name = ServerNameCheck::http2;
  bool proxy_protocol = false;  // a PROXY header is expected from proxy_protocol_from
  AddressRanges proxy_protocol_from;
  bool proxy_protocol_from_all = false;
  AddressRanges forwarded_from;  // whose X-Forwarded-* are believed
  bool forwarded_from_all = false;
  ClientTimeouts timeouts;
  ClientLimits limits;
  std::shared_ptr<const RouteTable> http;  // never null
  std::shared_ptr<const TcpRouteTable> tcp;  // never null
};

struct Snapshot {
  std::uint64_t generation = 0;
  std::vector<std::shared_ptr<const EntryPoint>> entry_points;
  std::shared_ptr<const tls::CertificateStore> certificates;  // never null
  // Challenges of certificate authorities that are pending; never null, usually empty.
  std::shared_ptr<const tls::ChallengeBoard> challenges = std::make_shared<const tls::ChallengeBoard>();

  // Null when there is none of that name.
  std::shared_ptr<const EntryPoint> find_entry_point(std::string_view name) const;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace gatehouse
