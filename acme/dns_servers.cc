#include "acme/dns_servers.h"

#include "base/regular_file.h"

#include <boost/asio/ip/address_v4.hpp>

#include <charconv>

namespace gatehouse::acme {
namespace {

constexpr std::size_t max_resolvers = 3;  // MAXNS of resolv.conf(5)
constexpr std::size_t max_resolv_conf = 64 * 1024;

Failure bad(std::string_view text, std::string_view words) {
  return Failure(FailureKind::bad_configuration, "\"" + std::string(text) + "\" " + std::string(words));
}

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

HostAndPort split(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find("]:");
    if (end != std::string_view::npos) return {text.substr(1, end - 1), text.substr(end + 2)};
    return {text.ends_with(']') ? text.substr(1, text.size() - 2) : text, {}};
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon != text.rfind(':')) return {text, {}};  // none, or an IPv6 address
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0) return std::nullopt;
  return port;
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

Result<DnsServer> parse_dns_server(std::string_view text) {
  const HostAndPort parts = split(text);
  const auto port = parts.port ? parse_port(*parts.port) : dns_port;
  if (!port) return bad(text, "has no port between 1 and 65535");
  if (const auto address = parse_address(parts.host)) return DnsServer{*address, *port};
  auto name = HostName::parse(parts.host);
  // 192.0.2.999 is no name of a server either.
  const bool numeric = parts.host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!name || numeric) return bad(text, "is neither an address nor a host name");
  return DnsServer{*std::move(name), *port};
}

Result<Endpoint> parse_dns_resolver(std::string_view text) {
  const auto server = parse_dns_server(text);
  if (!server) return server.error();
  const auto* address = std::get_if<asio::ip::address>(&server->host);
  if (address == nullptr) return bad(text, "is a name: a resolver has to be an address");
  return Endpoint{*address, server->port};
}

std::vector<Endpoint> resolvers_of(std::string_view resolv_conf) {
  std::vector<Endpoint> resolvers;
  while (!resolv_conf.empty() && resolvers.size() < max_resolvers) {
    std::string_view line = resolv_conf.substr(0, resolv_conf.find('\n'));
    resolv_conf.remove_prefix(std::min(resolv_conf.size(), line.size() + 1));
    if (next_word(line) != "nameserver") continue;
    if (const auto address = parse_address(next_word(line))) resolvers.push_back({*address, dns_port});
  }
  if (resolvers.empty()) resolvers.push_back({asio::ip::address_v4::loopback(), dns_port});
  return resolvers;
}

std::vector<Endpoint> system_resolvers(const std::filesystem::path& resolv_conf) {
  const auto file = read_regular_file(resolv_conf, max_resolv_conf);
  return resolvers_of(file ? std::string_view(file->text) : std::string_view());
}

}  // namespace gatehouse::acme
