#include "acme/dns_servers.h"

#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>

namespace gatehouse::acme {
namespace {

std::string read(std::string_view text) {
  const auto server = parse_dns_server(text);
  if (!server) return server.error().detail;
  const auto* address = std::get_if<asio::ip::address>(&server->host);
  const std::string host = address != nullptr ? address->to_string() : std::get<HostName>(server->host).text();
  return host + " " + std::to_string(server->port);
}

TEST(DnsServers, a_server_is_an_address_or_a_name_with_a_port_or_without) {
  EXPECT_EQ(read("192.0.2.1"), "192.0.2.1 53");
  EXPECT_EQ(read("192.0.2.1:5353"), "192.0.2.1 5353");
  EXPECT_EQ(read("2001:db8::1"), "2001:db8::1 53");
  EXPECT_EQ(read("[2001:db8::1]"), "2001:db8::1 53");
  EXPECT_EQ(read("[2001:db8::1]:5353"), "2001:db8::1 5353");
  EXPECT_EQ(read("NS1.example.com"), "ns1.example.com 53");
  EXPECT_EQ(read("ns1.example.com:5353"), "ns1.example.com 5353");
}

TEST(DnsServers, anything_else_is_refused) {
  for (const auto* wrong : {"", "a b", "192.0.2.999", "[2001:db8::1", "[]:53", "fe80::1%eth0"})
    EXPECT_EQ(read(wrong), "\"" + std::string(wrong) + "\" is neither an address nor a host name");
  for (const auto* wrong :
       {"http://x", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:-1", "x:dns", "[::1]:"})
    EXPECT_EQ(read(wrong), "\"" + std::string(wrong) + "\" has no port between 1 and 65535");
}

TEST(DnsServers, a_resolver_is_an_address) {
  EXPECT_EQ(parse_dns_resolver("192.0.2.1:5353")->text(), "192.0.2.1:5353");
  EXPECT_EQ(parse_dns_resolver("ns.test").error().detail, "\"ns.test\" is a name: a resolver has to be an address");
}

std::string resolvers(std::string_view text) {
  std::string all;
  for (const auto& resolver : resolvers_of(text)) all += resolver.text() + " ";
  return all;
}

TEST(DnsServers, resolv_conf_is_read_as_the_c_library_does) {
  EXPECT_EQ(resolvers("# nameserver 192.0.2.9\nsearch x\n  nameserver\t192.0.2.1 \r\nnameserver ::1\nnameserver\n"
                      "nameserver fe80::1%eth0\nnameservers 192.0.2.8\nnameserver 192.0.2.2\nnameserver 192.0.2.3"),
            "192.0.2.1:53 [::1]:53 192.0.2.2:53 ");
  EXPECT_EQ(resolvers(""), "127.0.0.1:53 ");
}

TEST(DnsServers, a_resolv_conf_that_is_not_there_means_this_host) {
  const TemporaryDirectory directory;
  EXPECT_EQ(system_resolvers(directory / "missing").at(0).text(), "127.0.0.1:53");
  EXPECT_EQ(system_resolvers(directory.write("r", "nameserver 192.0.2.7\n")).at(0).text(), "192.0.2.7:53");
}

}  // namespace
}  // namespace gatehouse::acme
