// Bodies on their way: both directions at once, early answers, and back-pressure that bounds memory.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <thread>

namespace gatehouse {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // whose shadow and quarantine say nothing about our memory
#else
constexpr bool sanitized = false;
#endif

// The greatest that a socket's buffer grows to by itself (tcp(7)).
std::uint64_t most_buffered(const char* setting) {
  std::uint64_t least = 0, initial = 0, most = 0;
  std::ifstream(std::string("/proc/sys/net/ipv4/") + setting) >> least >> initial >> most;
  return most;
}

// What the kernel may hold of two connections one after the other.
const std::uint64_t most_in_flight = 2 * (most_buffered("tcp_wmem") + most_buffered("tcp_rmem")) + (1 << 20);
const std::uint64_t huge =
    sanitized ? most_in_flight + (16ull << 20) : std::max<std::uint64_t>(512ull << 20, 4 * most_in_flight);
constexpr std::int64_t most_growth = 16ll << 20;

std::int64_t resident_bytes() {
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

const std::string& megabyte() {
  static const std::string bytes(1 << 20, 'm');
  return bytes;
}

// Sends until nobody takes more for a moment, or `total` is sent.
std::uint64_t send_until_blocked(RawPeer& from, std::uint64_t total) {
  std::uint64_t sent = 0;
  while (sent < total) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(total - sent, megabyte().size()));
    const std::size_t now = from.send_what_fits({megabyte().data(), want}, 300);
    sent += now;
    if (now < want) break;
  }
  return sent;
}

// `sender` sends `total` bytes to a `reader` that does not read at first, then does.
void expect_bounded(RawPeer& sender, Peer& reader, std::uint64_t total) {
  const std::int64_t before = resident_bytes();
  const std::uint64_t in_flight = send_until_blocked(sender, total);
  EXPECT_LT(in_flight, most_in_flight);
  bool sent = false;
  std::thread rest([&] {
    std::uint64_t left = total - in_flight;
    sent = true;
    for (; sent && left > 0; left -= std::min<std::uint64_t>(left, megabyte().size()))
      sent =
          sender.send({megabyte().data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, megabyte().size()))});
  });
  EXPECT_EQ(reader.discard(total), total);
  rest.join();
  EXPECT_TRUE(sent);
  EXPECT_TRUE(sanitized || resident_bytes() - before < most_growth) << resident_bytes() - before;
}

struct Streaming : testing::Test {
  Upstream upstream;
  TestProxy proxy{entry("web", {to(service({upstream.endpoint()}))})};
};

TEST_F(Streaming, DownloadOfAnySizeIsBoundedByTheReader) {
  RawPeer client = proxy.connect("web", 64 * 1024);
  client.send(get("/large"));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(huge) + "\r\n\r\n");
  client.read_until("\r\n\r\n");
  expect_bounded(connection, client, huge);
  EXPECT_EQ(proxy.log_line().at("bytesOut").to_number<std::uint64_t>(), huge);
  client.send(get("/next"));
  EXPECT_EQ(connection.read_message().start_line, "GET /next HTTP/1.1");
}

TEST_F(Streaming, UploadOfAnySizeIsBoundedByTheUpstream) {
  RawPeer client = proxy.connect();
  client.send("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(huge) + "\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  expect_bounded(client, connection, huge);
  connection.send(ok("stored"));
  EXPECT_EQ(client.read_message().body, "stored");
  EXPECT_EQ(proxy.log_line().at("bytesIn").to_number<std::uint64_t>(), huge);
}

TEST_F(Streaming, TcpSessionIsBoundedByTheReader) {
  TestProxy tcp(entry("ssh", {}, {tcp_to(service({upstream.endpoint()}))}));
  RawPeer client = tcp.connect("ssh", 64 * 1024);
  RawPeer server = upstream.accept();
  expect_bounded(server, client, huge);
  expect_bounded(client, server, huge);
}

TEST_F(Streaming, AnswerAndRequestMoveTogether) {
  RawPeer client = proxy.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.read_until("\r\n\r\n");
  for (const std::string word : {"one", "two", "six"}) {
    const std::string chunk = "3\r\n" + word + "\r\n";
    client.send(chunk);
    EXPECT_EQ(connection.read(chunk.size()), chunk);
    connection.send(chunk);
    EXPECT_EQ(client.read(chunk.size()), chunk);
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(connection.read(5), "0\r\n\r\n");
  connection.send("0\r\n\r\n");
  EXPECT_EQ(client.read(5), "0\r\n\r\n");
  EXPECT_FALSE(proxy.log_line().contains("failure"));
}

// The client does not look at the answer before it has sent everything, as many do.
TEST_F(Streaming, EarlyAnswerReachesAClientThatIsStillUploading) {
  for (const bool upstream_closes : {false, true}) {
    const std::uint64_t size = 50ull << 20;
    RawPeer client = proxy.connect();
    client.send("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    RawPeer connection = upstream.accept();
    connection.read_until("\r\n\r\n");
    const std::string page(100'000, 'p');
    connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: " + std::to_string(page.size()) + "\r\n\r\n" +
                    page);
    if (upstream_closes) connection.close();
    for (std::uint64_t sent = 0; sent < size; sent += megabyte().size()) ASSERT_TRUE(client.send(megabyte())) << sent;
    const Message answer = client.read_message();
    EXPECT_EQ(answer.status(), 413);
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body, page);
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_EQ(client.await_end(), Peer::End::closed);
    client.close();
    EXPECT_EQ(proxy.log_line().at("status"), 413);
  }
}

}  // namespace
}  // namespace gatehouse
