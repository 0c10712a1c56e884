#include "proxy/proxy_protocol.h"

#include <array>
#include <charconv>
#include <cstring>
#include <vector>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

constexpr auto v1_start = "PROXY "sv;
constexpr auto v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v1_limit = 107;
constexpr std::size_t v2_limit = 2048;

Failure bad(std::string_view words) { return Failure(FailureKind::bad_proxy_header, std::string(words)); }

bool agree(std::string_view bytes, std::string_view start) {
  const auto n = std::min(bytes.size(), start.size());
  return bytes.substr(0, n) == start.substr(0, n);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return port;
}

std::optional<Endpoint> parse_endpoint(std::string_view address, std::string_view port, bool v6) {
  const auto parsed = parse_address(address);
  const auto number = parse_port(port);
  if (!parsed || !number || parsed->is_v6() != v6) return std::nullopt;
  return Endpoint{*parsed, *number};
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto space = line.find(' ');
    words.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return words;
    line.remove_prefix(space + 1);
  }
}

Result<ProxyHeader> read_v1(std::string_view bytes) {
  const auto newline = bytes.substr(0, v1_limit).find('\n');
  if (newline == std::string_view::npos) {
    if (bytes.size() >= v1_limit) return bad("the PROXY line is too long");
    return ProxyHeader{};
  }
  if (bytes[newline - 1] != '\r') return bad("the PROXY line ends without CR");
  const auto words = split(bytes.substr(0, newline - 1));
  ProxyHeader header;
  header.size = newline + 1;
  if (words[1] == "UNKNOWN") return header;
  const bool v6 = words[1] == "TCP6";
  if ((!v6 && words[1] != "TCP4") || words.size() != 6) return bad("the PROXY line is malformed");
  header.source = parse_endpoint(words[2], words[4], v6);
  header.destination = parse_endpoint(words[3], words[5], v6);
  if (!header.source || !header.destination) return bad("the PROXY line holds a bad address");
  return header;
}

std::uint8_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }

std::uint16_t word_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint16_t>(byte_at(bytes, i) << 8 | byte_at(bytes, i + 1));
}

template <class Address>
Address address_at(std::string_view bytes, std::size_t i) {
  typename Address::bytes_type raw;
  std::memcpy(raw.data(), bytes.data() + i, raw.size());
  return Address(raw);
}

template <class Address>
Result<ProxyHeader> read_v2_addresses(std::string_view body, ProxyHeader header) {
  constexpr std::size_t n = std::tuple_size_v<typename Address::bytes_type>;
  if (body.size() < 2 * n + 4) return bad("the PROXY header is shorter than its addresses");
  header.source = Endpoint{address_at<Address>(body, 0), word_at(body, 2 * n)};
  header.destination = Endpoint{address_at<Address>(body, n), word_at(body, 2 * n + 2)};
  // What follows are TLVs: their lengths must fit, their contents are not used.
  for (std::size_t at = 2 * n + 4; at < body.size();) {
    if (body.size() - at < 3 || body.size() - at - 3 < word_at(body, at + 1)) return bad("a PROXY TLV is cut short");
    at += 3u + word_at(body, at + 1);
  }
  return header;
}

Result<ProxyHeader> read_v2(std::string_view bytes) {
  if (bytes.size() < 16) return ProxyHeader{};
  const std::uint8_t version_command = byte_at(bytes, 12), family = byte_at(bytes, 13);
  const std::size_t length = word_at(bytes, 14);
  if (version_command != 0x20 && version_command != 0x21) return bad("the PROXY version or command is unknown");
  if (length > v2_limit) return bad("the PROXY header is too long");
  if (bytes.size() < 16 + length) return ProxyHeader{};
  ProxyHeader header;
  header.size = 16 + length;
  const std::string_view body = bytes.substr(16, length);
  if (version_command == 0x20 || family == 0x00) return header;  // LOCAL, or UNSPEC
  if (family == 0x11) return read_v2_addresses<asio::ip::address_v4>(body, header);
  if (family == 0x21) return read_v2_addresses<asio::ip::address_v6>(body, header);
  // The other valid ones (datagrams, local sockets) count as UNSPEC (§2.2).
  if (family == 0x12 || family == 0x22 || family == 0x31 || family == 0x32) return header;
  return bad("the PROXY address family is unknown");
}

// A zone means nothing elsewhere, and no reader expects one.
std::string without_zone(const asio::ip::address& address) {
  return address.is_v6() ? asio::ip::address_v6(address.to_v6().to_bytes()).to_string() : address.to_string();
}

std::string write_v1(const Endpoint& source, const Endpoint& destination) {
  std::string line = source.address.is_v6() ? "PROXY TCP6 " : "PROXY TCP4 ";
  line += without_zone(source.address) + " " + without_zone(destination.address) + " " + std::to_string(source.port) +
          " " + std::to_string(destination.port) + "\r\n";
  return line;
}

void append_word(std::string& out, std::uint16_t word) {
  out.push_back(static_cast<char>(word >> 8));
  out.push_back(static_cast<char>(word & 0xff));
}

template <class Bytes>
void append_bytes(std::string& out, const Bytes& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string write_v2(const Endpoint& source, const Endpoint& destination) {
  std::string out(v2_signature);
  const bool v6 = source.address.is_v6();
  out.push_back('\x21');
  out.push_back(v6 ? '\x21' : '\x11');
  append_word(out, v6 ? 36 : 12);
  for (const Endpoint* end : {&source, &destination})
    v6 ? append_bytes(out, end->address.to_v6().to_bytes()) : append_bytes(out, end->address.to_v4().to_bytes());
  append_word(out, source.port);
  append_word(out, destination.port);
  return out;
}

// Both ends in one family: an IPv4 client on a dual-stack listener has an IPv6 local address.
Endpoint as_v6(const Endpoint& end) {
  if (end.address.is_v6()) return end;
  return {asio::ip::make_address_v6(asio::ip::v4_mapped, end.address.to_v4()), end.port};
}

}  // namespace

Result<ProxyHeader> read_proxy_header(std::string_view bytes) {
  if (bytes.starts_with(v1_start)) return read_v1(bytes);
  if (bytes.starts_with(v2_signature)) return read_v2(bytes);
  if (agree(bytes, v1_start) || agree(bytes, v2_signature)) return ProxyHeader{};
  return bad("no PROXY header");
}

std::string write_proxy_header(ProxyHeaderVersion version, const Endpoint& source, const Endpoint& destination) {
  const bool mixed = source.address.is_v6() != destination.address.is_v6();
  const Endpoint from = mixed ? as_v6(source) : source, to = mixed ? as_v6(destination) : destination;
  if (version == ProxyHeaderVersion::v1) return write_v1(from, to);
  return version == ProxyHeaderVersion::v2 ? write_v2(from, to) : std::string();
}

}  // namespace gatehouse
