// DNS-01 by dynamic update (RFC 2136) of the zone's own server, signed with a shared key (RFC 8945): BIND, Knot,
// PowerDNS; Windows DNS without a key.
#pragma once

#include "acme/dns_solver.h"

#include <chrono>
#include <optional>

namespace gatehouse::acme {

struct Rfc2136Settings {
  std::optional<DnsServer> server;     // to send updates to; else the zone's primary (SOA MNAME)
  std::optional<DnsKey> key;           // unsigned without
  std::optional<HostName> zone;        // else found out: from `server` when given, else from the resolvers
  std::chrono::seconds ttl{60};
};

class Rfc2136Solver final : public DnsSolver {
 public:
  Rfc2136Solver(Clock& clock, DnsChallengeSettings dns, Rfc2136Settings settings)
      : DnsSolver(clock, std::move(dns)), settings_(std::move(settings)) {}

 private:
  // Where a change goes.
  struct Target {
    HostName zone;
    std::vector<Endpoint> servers;
  };

  Awaitable<Result<void>> add(HostName host, TxtValue value) override;
  Awaitable<Result<void>> remove(HostName host, TxtValue value) override;

  Awaitable<Result<std::vector<Endpoint>>> primary_of(DnsZone zone);
  Awaitable<Result<Target>> target_of(HostName name);
  Awaitable<Result<void>> update(TxtChange change);

  Rfc2136Settings settings_;
};

}  // namespace gatehouse::acme
