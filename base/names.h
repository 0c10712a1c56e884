// Names that are parsed once, so a wrong or unparsed string cannot travel.
#pragma once

#include "base/result.h"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// A DNS name as routes compare it: lower case, no trailing dot, 1 to 253 bytes of [a-z0-9_.-] in labels of at
// most 63 (RFC 1123, and `_` because names in the field have it). May be a wildcard `*.example.com` where the
// creator allows it.
class HostName {
 public:
  static Result<HostName> parse(std::string_view text);
  static Result<HostName> parse_with_wildcard(std::string_view text);

  const std::string& text() const { return text_; }
  bool is_wildcard() const { return text_.starts_with("*."); }
  auto operator<=>(const HostName&) const = default;

 private:
  explicit HostName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What tables of hosts have it under, exact ones and wildcards in one: `*.a.b` under `.a.b`, which no host begins with.
inline std::string_view host_key(std::string_view host) { return host.starts_with("*.") ? host.substr(1) : host; }

// One label in place of the wildcard: `*.a.b` covers `x.a.b`, not `a.b` nor `x.y.a.b` (RFC 6125 §6.4.3,
// Kubernetes IngressRule.host). Both normalised as HostName does.
bool wildcard_covers(std::string_view wildcard, std::string_view host);

// The host of a Host header or :authority without its port, normalised for comparison, written into `buffer`
// without allocating. Accepts names, IPv4 and bracketed IPv6; nothing when the value is malformed
// (RFC 9110 §7.2, RFC 3986 §3.2): empty, userinfo, comma, bad port, control or foreign bytes.
using HostBuffer = std::array<char, 256>;
std::optional<std::string_view> host_of_authority(std::string_view authority, HostBuffer& buffer);

// Where an upstream listens: always an address; names are resolved before they get here.
struct Endpoint {
  asio::ip::address address;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
  bool operator<(const Endpoint& other) const {
    return address != other.address ? address < other.address : port < other.port;
  }
  std::string text() const;  // 10.0.0.1:80 or [::1]:80
};

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const;
};

// namespace/name of a Kubernetes object.
struct ObjectName {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectName&) const = default;
  std::string text() const { return ns + "/" + name; }
};

// A set of address ranges, as in `10.0.0.0/8` or a bare address. An IPv4 address is in no range of IPv6 ones, `::/0`
// included, but in `::ffff:0:0/96` and below.
class AddressRanges {
 public:
  // Fails naming the entry that is neither an address nor a CIDR.
  static Result<AddressRanges> parse(const std::vector<std::string>& texts);
  bool contains(const asio::ip::address& address) const;
  bool empty() const { return ranges_.empty(); }

 private:
  struct Range {
    std::array<std::uint8_t, 16> prefix;  // IPv4 as its v4-mapped IPv6 form
    int bits;
  };
  std::vector<Range> ranges_;
};

// An IPv4 or IPv6 address and nothing else: no zone and no bytes behind a NUL, which the library's parser would take.
std::optional<asio::ip::address> parse_address(std::string_view text);

// IPv4-mapped IPv6 addresses (a dual-stack listener's clients) as plain IPv4.
asio::ip::address unmapped(const asio::ip::address& address);

// What one client can be told by: an IPv4 address as it is, of an IPv6 address the /64, which is what a site has at
// least (RFC 6177), with zeros behind it.
asio::ip::address site_of(const asio::ip::address& client);

}  // namespace gatehouse
