// How Gatehouse speaks TLS to an upstream.
#pragma once

#include "tls/certificate.h"
#include "tls/openssl.h"

#include <memory>
#include <string>
#include <vector>

namespace gatehouse::tls {

struct ClientPolicy {
  bool verify = true;                // chain and name; off: any certificate is accepted
  std::string ca_pem = {};           // the roots to trust; empty: the system's
  std::string server_name = {};      // instead of the name given to connect_tls, for SNI and verification
  std::string certificate_pem = {};  // client certificate and key; both or none
  std::string key_pem = {};
  std::vector<std::string> alpn = {};  // offered; usually nothing, which means HTTP/1.1

  bool operator==(const ClientPolicy&) const = default;
};

class ClientContext {
 public:
  ClientContext(SslContextHandle context, const ClientPolicy& policy);

  ssl_ctx_st* native() const { return context_.get(); }
  bool verify() const { return verify_; }
  const std::string& server_name() const { return server_name_; }
  // h2 is among the protocols offered.
  bool offers_http2() const { return offers_http2_; }

 private:
  SslContextHandle context_;
  bool verify_;
  std::string server_name_;
  bool offers_http2_;
};

// TLS 1.2 and 1.3. bad_configuration says what is wrong with the roots or the client certificate. Reading the
// system's roots takes some 10 ms: make one context per policy and share it.
Result<std::shared_ptr<const ClientContext>> make_client_context(const ClientPolicy& policy);

}  // namespace gatehouse::tls
