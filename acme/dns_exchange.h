// One question, or one update, to one DNS server: by UDP, and by TCP when the answer does not fit (RFC 1035 §4.2,
// RFC 7766). Every try has a port and an id of its own; what comes from elsewhere, bears another id or answers
// another question is not seen (RFC 5452).
#pragma once

#include "acme/dns_message.h"
#include "acme/dns_signature.h"
#include "base/clock.h"

#include <optional>

namespace gatehouse::acme {

class DnsExchange {
 public:
  struct Limits {
    Duration per_try = std::chrono::seconds(2);
    int tries = 3;
  };

  explicit DnsExchange(Clock& clock) : clock_(clock) {}
  DnsExchange(Clock& clock, Limits limits) : clock_(clock), limits_(limits) {}

  // The server's answer, whatever its code. With a key the request is signed, and so is the answer, or it fails.
  // challenge_failed names the server: no answer, malformed, or what is wrong with the signature.
  Awaitable<Result<DnsMessage>> ask(Endpoint server, DnsRequest request, std::optional<DnsKey> key = {});

 private:
  enum class Transport : std::uint8_t { udp, tcp };
  Awaitable<Result<DnsMessage>> try_once(Endpoint server, const DnsRequest& request, const DnsKey* key,
                                         Transport transport);

  Clock& clock_;
  Limits limits_;
};

}  // namespace gatehouse::acme
