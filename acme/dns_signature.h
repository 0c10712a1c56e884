// Signed DNS messages: TSIG with a shared key (RFC 8945). Whole signatures only: truncated ones (§5.2.2.1) are refused.
#pragma once

#include "acme/dns_message.h"
#include "base/clock.h"
#include "tls/digest.h"

#include <string>
#include <string_view>

namespace gatehouse::acme {

struct DnsKey {
  HostName name;
  tls::Hash algorithm = tls::Hash::sha256;
  std::string secret;  // binary
};

// `algorithm`: hmac-sha256 (also when empty), hmac-sha384, hmac-sha512 or hmac-sha1, in any case, with or without a
// last dot, as in BIND's key files; `secret`: base64. Fails with bad_configuration.
Result<DnsKey> parse_dns_key(std::string_view name, std::string_view algorithm, std::string_view secret);

struct SignedRequest {
  std::string message;
  std::string mac;  // the answer's signature covers it
};

// The time in it may differ from the server's clock by 5 minutes.
SignedRequest sign(std::string message, const DnsKey& key, WallTime now);

// Checks that the answer `message`, decoded as `reply`, was signed by `key` for the request with `request_mac`, not
// more than 5 minutes from `now`. What the server says against our own signature (§5.2: unknown key, wrong
// signature, wrong time) becomes words for the person who set the key.
Result<void> check_signature(std::string_view message, const DnsMessage& reply, const DnsKey& key,
                             std::string_view request_mac, WallTime now);

}  // namespace gatehouse::acme
