// Finds out where in the DNS a name lives: what it is an alias of, the zone it is in, the servers of that zone and
// their addresses. Asks recursive resolvers (or one authoritative server about its own zones) and believes nothing
// beyond limits: what somebody else's zone says costs a bounded number of questions.
#pragma once

#include "acme/dns_exchange.h"
#include "acme/dns_servers.h"

#include <vector>

namespace gatehouse::acme {

struct DnsZone {
  HostName name;
  std::string primary;  // SOA MNAME (RFC 1035 §3.3.13); may be no host's name
};

struct NameServer {
  HostName name;
  std::vector<Endpoint> addresses;  // IPv4 first; never empty
};

// Failures are challenge_failed, their detail names the question and what each resolver said.
class ZoneFinder {
 public:
  static constexpr int max_aliases = 8;
  static constexpr std::size_t max_servers = 16, max_addresses = 4;  // of a zone; of a server and family

  // `authoritative_port`: where zones' servers listen; another one only in tests.
  ZoneFinder(DnsExchange& exchange, std::vector<Endpoint> resolvers, std::uint16_t authoritative_port = dns_port)
      : exchange_(exchange), resolvers_(std::move(resolvers)), authoritative_port_(authoritative_port) {}

  // Where the CNAMEs from `name` lead: `name` itself when there are none, or it does not exist. A challenge's name is
  // often an alias into a zone made for challenges.
  Awaitable<Result<HostName>> follow_aliases(HostName name);
  // The zone that `name` is in, whether it exists or not.
  Awaitable<Result<DnsZone>> zone_of(HostName name);
  // The zone's servers that have addresses; fails when there is none, or an address cannot be found out.
  Awaitable<Result<std::vector<NameServer>>> servers_of(HostName zone);
  // Empty when the host has none.
  Awaitable<Result<std::vector<Endpoint>>> addresses_of(HostName host, std::uint16_t port);
  Awaitable<Result<std::vector<Endpoint>>> addresses_of(DnsServer server);

  const std::vector<Endpoint>& resolvers() const { return resolvers_; }
  std::uint16_t authoritative_port() const { return authoritative_port_; }

 private:
  // The first answer that says something or that there is no such name.
  Awaitable<Result<DnsMessage>> ask(DnsQuestion question);

  DnsExchange& exchange_;
  std::vector<Endpoint> resolvers_;
  std::uint16_t authoritative_port_;
  std::size_t last_good_ = 0;  // the resolver to ask first: one that is dead costs its time limit only once
};

}  // namespace gatehouse::acme
