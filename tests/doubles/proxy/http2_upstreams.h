// A proxy in front of one upstream that is spoken to in HTTP/2 without TLS.
#pragma once

#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace h2 {

// Of SETTINGS (RFC 9113 §6.5.2); extended CONNECT (RFC 8441 §3).
enum : std::uint16_t {
  header_table_size = 1,
  enable_push = 2,
  concurrent_streams = 3,
  window_size = 4,
  header_list = 6,
  connect_protocol = 8
};

}  // namespace h2

inline std::shared_ptr<Service> h2c(const Endpoint& endpoint) {
  auto made = service({endpoint});
  made->speech = UpstreamSpeech::http2_in_clear;
  return made;
}

// Over TLS, whatever certificate it shows; it chooses the version.
inline std::shared_ptr<Service> https(const Endpoint& endpoint) {
  auto made = service({endpoint});
  made->speech = UpstreamSpeech::by_alpn;
  made->host = "a.example";
  tls::ClientPolicy policy;
  policy.verify = false;
  policy.alpn = {"h2", "http/1.1"};
  made->tls = tls::make_client_context(policy).value();
  return made;
}

// What a browser asks for over HTTP/1.1 (RFC 6455 §1.3).
inline std::string websocket_request() {
  return get("/chat",
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

struct Http2Upstreams : testing::Test {
  explicit Http2Upstreams(TestProxy::Setup setup = {}) : proxy(h2::cleartext({to(h2c(upstream.endpoint()))}), setup) {}

  RawPeer ask(std::string_view request) {
    RawPeer client = proxy.connect();
    client.send(request);
    return client;
  }
  h2::ServerEnd accept(std::string_view settings_payload = {}) {
    return h2::ServerEnd(upstream.accept(), settings_payload);
  }

  Upstream upstream;
  TestProxy proxy;
};

struct HeldClock {
  TestProxy::Setup setup() {
    TestProxy::Setup setup;
    setup.clock = &clock;
    return setup;
  }
  ManualClock clock;
};

// The same, and time stands still.
struct Http2UpstreamLimits : HeldClock, Http2Upstreams {
  Http2UpstreamLimits() : Http2Upstreams(setup()) {}
};

}  // namespace gatehouse
