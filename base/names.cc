#include "base/names.h"

#include <boost/asio/ip/address_v6.hpp>

#include <array>
#include <charconv>

namespace gatehouse {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_host_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

// Checks labels of an already lower-cased name without trailing dot.
bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!is_host_char(c) || ++label > 63) {
      return false;
    }
  }
  return label > 0;
}

std::string shortened(std::string_view text) {
  std::string short_text(text.substr(0, 80));
  if (text.size() > 80) short_text.append("…");
  return short_text;
}

std::string normalised(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string name(text.substr(0, 256));
  for (char& c : name) c = lower(c);
  return name;
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port <= 65535;
}

std::array<std::uint8_t, 16> mapped_bytes(const asio::ip::address& address) {
  if (address.is_v6()) return address.to_v6().to_bytes();
  return asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

}  // namespace

Result<HostName> HostName::parse(std::string_view text) {
  std::string name = normalised(text);
  if (text.size() > 254 || !is_dns_name(name))
    return Failure(FailureKind::bad_configuration, "'" + shortened(text) + "' is not a DNS name");
  return HostName(std::move(name));
}

Result<HostName> HostName::parse_with_wildcard(std::string_view text) {
  if (!text.starts_with("*.")) return parse(text);
  auto rest = parse(text.substr(2));
  if (!rest) return rest.error();
  return HostName("*." + rest->text());
}

bool wildcard_covers(std::string_view wildcard, std::string_view host) {
  if (!wildcard.starts_with("*.")) return false;
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == wildcard.substr(1);
}

std::optional<std::string_view> host_of_authority(std::string_view authority, HostBuffer& buffer) {
  std::string_view host = authority;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos || end + 1 > buffer.size()) return std::nullopt;
    host = authority.substr(0, end + 1);
    const auto literal = parse_address(host.substr(1, end - 1));
    if (!literal || !literal->is_v6()) return std::nullopt;
  } else {
    host = authority.substr(0, authority.find(':'));
  }
  const std::string_view port = authority.substr(host.size());
  if (port.size() > 1 && !is_port(port.substr(1))) return std::nullopt;
  if (!port.empty() && port[0] != ':') return std::nullopt;
  if (host.size() > buffer.size()) return std::nullopt;
  std::transform(host.begin(), host.end(), buffer.begin(), lower);
  std::string_view name(buffer.data(), host.size());
  if (name.starts_with('[')) return name;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (!is_dns_name(name)) return std::nullopt;
  return name;
}

std::string Endpoint::text() const {
  const std::string host = address.to_string();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
  return std::hash<asio::ip::address>()(endpoint.address) * 31 + endpoint.port;
}

Result<AddressRanges> AddressRanges::parse(const std::vector<std::string>& texts) {
  AddressRanges ranges;
  for (const auto& text : texts) {
    const auto slash = text.find('/');
    const auto address = parse_address(std::string_view(text).substr(0, slash));
    const int width = address && address->is_v4() ? 32 : 128;
    int bits = width;
    bool good = address.has_value();
    if (good && slash != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data() + slash + 1, end, bits);
      good = parsed.ec == std::errc() && parsed.ptr == end && bits >= 0 && bits <= width;
    }
    if (!good) return Failure(FailureKind::bad_configuration, "'" + shortened(text) + "' is not an address or CIDR");
    ranges.ranges_.push_back({mapped_bytes(*address), bits + 128 - width});
  }
  return ranges;
}

bool AddressRanges::contains(const asio::ip::address& address) const {
  if (ranges_.empty()) return false;
  const auto bytes = mapped_bytes(address);
  const int fewest_bits = unmapped(address).is_v4() ? 96 : 0;
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    if (range.bits < fewest_bits) return false;
    const auto whole = static_cast<std::size_t>(range.bits / 8);
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<long>(whole), range.prefix.begin())) return false;
    const int rest = range.bits % 8;
    return rest == 0 || ((bytes[whole] ^ range.prefix[whole]) >> (8 - rest)) == 0;
  });
}

std::optional<asio::ip::address> parse_address(std::string_view text) {
  if (text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return std::nullopt;
  error_code error;
  const auto address = asio::ip::make_address(std::string(text), error);
  return error ? std::nullopt : std::optional(address);
}

asio::ip::address unmapped(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address;
}

asio::ip::address site_of(const asio::ip::address& client) {
  constexpr std::ptrdiff_t network_bytes = 8;
  if (!client.is_v6()) return client;
  auto bytes = client.to_v6().to_bytes();
  std::fill(bytes.begin() + network_bytes, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes);
}

}  // namespace gatehouse
