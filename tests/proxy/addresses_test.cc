// IPv4, IPv6 and both at once: who may come in, and under which address the upstream sees them.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>
#include <boost/asio/ip/tcp.hpp>

namespace gatehouse {
namespace {

constexpr const char* both_families = "::";

struct Addresses : testing::Test {
  Upstream upstream;
  TestProxy proxy;

  // Listens on `address`, any port; where it can be reached under `reached_at`.
  asio::ip::tcp::endpoint listen(const std::string& address, bool dual_stack, const std::string& reached_at) {
    EntryDraft web = entry("web", {to(service({upstream.endpoint()}))});
    web.addresses = {{asio::ip::make_address(address), 0}};
    web.dual_stack = dual_stack;
    EXPECT_TRUE(proxy.publish({web}).empty());
    return {asio::ip::make_address(reached_at), proxy.address("web").port};
  }

  // What the upstream gets told of a client that asks there.
  std::string forwarded_for(const asio::ip::tcp::endpoint& at) {
    asio::ip::tcp::iostream client;
    client.expires_after(std::chrono::seconds(20));
    client.connect(at);
    client << get("/", "Connection: close\r\n") << std::flush;
    RawPeer connection = upstream.accept();
    const Message request = connection.read_message();
    connection.send(ok("fine"));
    std::string status;
    EXPECT_TRUE(std::getline(client, status)) << client.error().message();
    EXPECT_EQ(status, "HTTP/1.1 200 OK\r");
    return request.field("x-forwarded-for");
  }
};

TEST_F(Addresses, Ipv6ClientIsSeenByItsAddress) { EXPECT_EQ(forwarded_for(listen("::1", false, "::1")), "::1"); }

TEST_F(Addresses, Ipv4ClientOfADualStackEntryPointIsAnIpv4Client) {
  EXPECT_EQ(forwarded_for(listen(both_families, true, "127.0.0.1")), "127.0.0.1");
}

TEST_F(Addresses, Ipv6ClientOfADualStackEntryPoint) {
  EXPECT_EQ(forwarded_for(listen(both_families, true, "::1")), "::1");
}

TEST_F(Addresses, Ipv6AloneTakesNoIpv4) {
  const auto at = listen(both_families, false, "127.0.0.1");
  asio::ip::tcp::iostream client;
  client.expires_after(std::chrono::seconds(20));
  client.connect(at);
  EXPECT_EQ(client.error(), asio::error::connection_refused);
}

}  // namespace
}  // namespace gatehouse
