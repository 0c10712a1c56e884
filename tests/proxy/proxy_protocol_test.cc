#include "proxy/proxy_protocol.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

Endpoint endpoint(const char* address, std::uint16_t port) { return {asio::ip::make_address(address), port}; }

// "source > destination (size)", "silent (size)", "more" or "refused".
std::string outcome(std::string_view bytes) {
  const auto header = read_proxy_header(bytes);
  if (!header) return row(header.error().kind).name == "bad_proxy_header" ? "refused" : "wrong failure";
  if (header->size == 0) return "more";
  const std::string size = " (" + std::to_string(header->size) + ")";
  if (!header->source || !header->destination) return "silent" + size;
  return header->source->text() + " > " + header->destination->text() + size;
}

// Whole, it gives `expected`; every part of it asks for more; what follows changes nothing.
void expect_header(std::string_view bytes, std::string_view expected) {
  EXPECT_EQ(outcome(bytes), expected);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_EQ(outcome(bytes.substr(0, size)), "more") << size;
  EXPECT_EQ(outcome(std::string(bytes) + "\x16\x03\x01\n"), expected);
}

TEST(ProxyProtocol, version_1) {
  expect_header("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324 > 198.51.100.2:443 (45)");
  expect_header("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1 > [2001:db8::2]:65535 (44)");
  expect_header("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n", "0.0.0.0:0 > 255.255.255.255:0 (40)");
  expect_header("PROXY UNKNOWN\r\n", "silent (15)");
  expect_header("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "silent (59)");
}

TEST(ProxyProtocol, version_1_of_the_longest_line) {
  const std::string start = "PROXY UNKNOWN ";
  expect_header(start + std::string(107 - start.size() - 2, 'x') + "\r\n", "silent (107)");
  EXPECT_EQ(outcome(start + std::string(107 - start.size() - 1, 'x') + "\r\n"), "refused");
  EXPECT_EQ(outcome(start + std::string(107 - start.size(), 'x')), "refused");
  EXPECT_EQ(outcome(start + std::string(100'000, 'x')), "refused");
}

TEST(ProxyProtocol, malformed_version_1) {
  for (const auto bytes : {
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 x\r\n"sv,
           "PROXY  TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"sv,
           "PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 0443 443\r\n"sv,
           "PROXY TCP4 192.0.2.1 198.51.100.2 1x 443\r\n"sv,
           "PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n"sv,
           "PROXY TCP4 192.0.2 198.51.100.2 1 443\r\n"sv,
           "PROXY TCP4 192.0.2.01 198.51.100.2 1 443\r\n"sv,
           "PROXY TCP4 ::1 ::2 1 443\r\n"sv,
           "PROXY TCP6 192.0.2.1 198.51.100.2 1 443\r\n"sv,
           "PROXY TCP6 ::1 192.0.2.1 1 443\r\n"sv,
           "PROXY TCP6 [::1] [::2] 1 443\r\n"sv,
           "PROXY TCP6 fe80::1%lo ::2 1 443\r\n"sv,
           "PROXY TCP6 ::1%x,y ::2 1 443\r\n"sv,
           "PROXY TCP4 192.0.2.1\0x 198.51.100.2 1 443\r\n"sv,
           "PROXY tcp4 192.0.2.1 198.51.100.2 1 443\r\n"sv,
           "PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n"sv,
           "PROXY UNKNOWNX\r\n"sv,
           "PROXY \r\n"sv,
           "PROXY \n"sv,
           "PROXY\r\n"sv,
           "proxy TCP4 "sv,
           "PROXX"sv,
           "GET / HTTP/1.1\r\n"sv,
           "\x16\x03\x01"sv,
           "\n"sv,
           "SSH-2.0-x\r\n"sv,
       })
    EXPECT_EQ(outcome(bytes), "refused") << bytes;
}

constexpr auto signature = "\r\n\r\n\0\r\nQUIT\n"sv;

std::string version_2(std::uint8_t version_command, std::uint8_t family, std::string_view body) {
  std::string bytes(signature);
  for (const std::size_t byte :
       {std::size_t{version_command}, std::size_t{family}, body.size() >> 8, body.size() & 0xff})
    bytes.push_back(static_cast<char>(byte));
  return bytes.append(body);
}

constexpr auto v4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"sv;
const std::string v6 = std::string(
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x00\x01\xff\xff"sv);

TEST(ProxyProtocol, version_2) {
  expect_header(version_2(0x21, 0x11, v4), "192.0.2.1:56324 > 198.51.100.2:443 (28)");
  expect_header(version_2(0x21, 0x21, v6), "[2001:db8::1]:1 > [2001:db8::2]:65535 (52)");
}

TEST(ProxyProtocol, version_2_that_says_nothing) {
  expect_header(version_2(0x20, 0x00, ""), "silent (16)");        // LOCAL: a health check
  expect_header(version_2(0x20, 0x11, v4), "silent (28)");
  expect_header(version_2(0x21, 0x00, ""), "silent (16)");        // UNSPEC
  expect_header(version_2(0x21, 0x00, "ignored"), "silent (23)");
  // Valid combinations that are not TCP count as UNSPEC (section 2.2 of the specification).
  expect_header(version_2(0x21, 0x12, v4), "silent (28)");
  expect_header(version_2(0x21, 0x22, v6), "silent (52)");
  expect_header(version_2(0x21, 0x31, std::string(216, 'u')), "silent (232)");
}

TEST(ProxyProtocol, version_2_with_further_facts) {
  const std::string tlvs = "\x01\x00\x02h2\x04\x00\x00\x20\x00\x05ssl.."s;
  expect_header(version_2(0x21, 0x11, std::string(v4) + tlvs), "192.0.2.1:56324 > 198.51.100.2:443 (44)");
  expect_header(version_2(0x21, 0x11, std::string(v4) + std::string("\x05\x03\xe8"sv) + std::string(1000, 'x')),
                "192.0.2.1:56324 > 198.51.100.2:443 (1031)");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, std::string(v4) + std::string("\x01\x00\x03h2"sv))), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, std::string(v4) + std::string("\x01\xff\xff"sv))), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, std::string(v4) + std::string("\x01\x00"sv))), "refused");
}

TEST(ProxyProtocol, malformed_version_2) {
  EXPECT_EQ(outcome(version_2(0x11, 0x11, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x22, 0x11, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x31, 0x11, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x13, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x41, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x10, v4)), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, v4.substr(1))), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, "")), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x21, v4)), "refused");
  EXPECT_EQ(outcome(std::string(signature).substr(0, 11) + "\r"), "refused");
  EXPECT_EQ(outcome("\r\n\r\nx"), "refused");
}

TEST(ProxyProtocol, version_2_has_a_limit) {
  EXPECT_EQ(outcome(version_2(0x21, 0x00, std::string(2048, 'x'))), "silent (2064)");
  EXPECT_EQ(outcome(version_2(0x21, 0x00, std::string(2049, 'x'))), "refused");
  EXPECT_EQ(outcome(version_2(0x21, 0x11, std::string(65535, 'x')).substr(0, 16)), "refused");
}

TEST(ProxyProtocol, is_written_as_it_is_read) {
  for (const auto version : {ProxyHeaderVersion::v1, ProxyHeaderVersion::v2}) {
    for (const auto& [source, destination] : std::vector<std::pair<Endpoint, Endpoint>>{
             {endpoint("192.0.2.1", 56324), endpoint("198.51.100.2", 443)},
             {endpoint("2001:db8::1", 1), endpoint("2001:db8::2", 65535)},
             {endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 65535),
              endpoint("2001:db8:1111:2222:3333:4444:5555:6667", 65535)},
         }) {
      const std::string written = write_proxy_header(version, source, destination);
      const auto read = read_proxy_header(written);
      ASSERT_TRUE(read) << written;
      EXPECT_EQ(read->size, written.size());
      EXPECT_EQ(read->source, source);
      EXPECT_EQ(read->destination, destination);
    }
  }
}

TEST(ProxyProtocol, written_bytes) {
  const Endpoint source = endpoint("192.0.2.1", 56324), destination = endpoint("198.51.100.2", 443);
  EXPECT_EQ(write_proxy_header(ProxyHeaderVersion::v1, source, destination),
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
  EXPECT_EQ(write_proxy_header(ProxyHeaderVersion::v2, source, destination), version_2(0x21, 0x11, v4));
  EXPECT_EQ(write_proxy_header(ProxyHeaderVersion::none, source, destination), "");
}

TEST(ProxyProtocol, mixed_families_are_written_as_version_6) {
  const Endpoint source = endpoint("192.0.2.1", 1), destination = endpoint("2001:db8::2", 2);
  EXPECT_EQ(write_proxy_header(ProxyHeaderVersion::v1, source, destination),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
  for (const auto version : {ProxyHeaderVersion::v1, ProxyHeaderVersion::v2}) {
    for (const auto& [from, to] : {std::pair(source, destination), std::pair(destination, source)}) {
      const auto read = read_proxy_header(write_proxy_header(version, from, to));
      ASSERT_TRUE(read);
      EXPECT_EQ(unmapped(read->source->address), from.address);
      EXPECT_EQ(unmapped(read->destination->address), to.address);
      EXPECT_EQ(read->source->port, from.port);
    }
  }
}

// A link-local client's address has a zone that means nothing to anyone else.
TEST(ProxyProtocol, zones_are_not_written) {
  const Endpoint source{asio::ip::address_v6(asio::ip::make_address_v6("fe80::1").to_bytes(), 1), 5};
  const Endpoint destination = endpoint("fe80::2", 6);
  EXPECT_EQ(write_proxy_header(ProxyHeaderVersion::v1, source, destination), "PROXY TCP6 fe80::1 fe80::2 5 6\r\n");
}

}  // namespace
}  // namespace gatehouse
