// Where DNS servers are, as settings and resolv.conf(5) say it.
#pragma once

#include "base/names.h"
#include "base/result.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gatehouse::acme {

constexpr std::uint16_t dns_port = 53;

// A server by address or by a name that is still to be looked up.
struct DnsServer {
  std::variant<asio::ip::address, HostName> host;
  std::uint16_t port = dns_port;
};

// `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`, `ns1.example.com`, `ns1.example.com:5353`.
// Fails with bad_configuration.
Result<DnsServer> parse_dns_server(std::string_view text);

// A resolver has to be an address.
Result<Endpoint> parse_dns_resolver(std::string_view text);

// The name servers of a resolv.conf: the first three, as the C library takes them; without any, 127.0.0.1. Addresses
// with a zone (`%eth0`) are left out.
std::vector<Endpoint> resolvers_of(std::string_view resolv_conf);
std::vector<Endpoint> system_resolvers(const std::filesystem::path& resolv_conf = "/etc/resolv.conf");

}  // namespace gatehouse::acme
