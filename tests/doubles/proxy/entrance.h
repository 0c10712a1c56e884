// A proxy in front of one upstream of either version, entered in clear text or by TLS, by HTTP/1.1 or HTTP/2.
#pragma once

#include "tests/doubles/proxy/http2_peer.h"
#include "tls/new_certificate.h"

namespace gatehouse {

class Entrance {
 public:
  // `http2`: also in clear text, by prior knowledge. `to_http2`: the upstream is spoken to in HTTP/2.
  Entrance(bool over_tls, bool http2, bool to_http2 = false) : over_tls_(over_tls), http2_(http2), to_http2_(to_http2) {
    lead_to(to_http2 ? server.endpoint() : upstream.endpoint());
  }

  // That have come whole to the upstream.
  int requests() const { return to_http2_ ? server.requests() : upstream.requests(); }

  // The next connections go to another upstream.
  void lead_to(const Endpoint& endpoint) { publish({to(service_at(endpoint))}); }
  // Spoken to in the same version as the upstreams that are here.
  std::shared_ptr<Service> service_at(const Endpoint& endpoint) const {
    auto target = service({endpoint});
    if (to_http2_) target->speech = UpstreamSpeech::http2_in_clear;
    return target;
  }
  void publish(std::vector<HttpRoutePtr> routes) {
    EntryDraft draft = entry("web", std::move(routes));
    draft.http2_cleartext = http2_;
    if (over_tls_) {
      tls::CertificateStore::Contents contents;
      contents.default_certificate = tls::make_self_signed({}, SystemClock().wall_now()).value();
      proxy.use(std::move(contents));
      draft.tls.required = true;
      draft.tls.options = make_tls_options("default", {}).value();
    }
    proxy.publish_and_wait({std::move(draft)});
  }
  std::unique_ptr<Peer> connect(const std::string& protocol = "http/1.1") {
    if (!over_tls_) return std::make_unique<RawPeer>(proxy.connect());
    tls::ClientPolicy policy;
    policy.verify = false;
    policy.alpn = {protocol};
    return TlsPeer::connect(proxy.connect(), tls::make_client_context(policy).value(), "a.example").value();
  }
  h2::Client connect_http2() { return h2::Client(connect("h2")); }

  AnsweringUpstream upstream{"fine"};
  h2::AnsweringServer server{"fine"};
  TestProxy proxy;

 private:
  const bool over_tls_, http2_, to_http2_;
};

}  // namespace gatehouse
