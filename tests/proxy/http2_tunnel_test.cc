// WebSockets over HTTP/2 (RFC 8441): an extended CONNECT becomes the Upgrade that an HTTP/1.1 upstream knows.
#include "base/base64.h"
#include "tests/doubles/proxy/http2_peer.h"
#include "tls/digest.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;

std::string accepted(const std::string& key) {
  return base64(tls::digest(tls::Hash::sha1, key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

struct Http2Tunnel : testing::Test {
  Upstream upstream;
  TestProxy proxy{cleartext({to(service({upstream.endpoint()}))})};
  Client client{proxy};

  static std::string ask(std::uint32_t stream, std::string_view fields = {}, std::uint8_t flags = 0) {
    return frame(
        headers, static_cast<std::uint8_t>(end_headers | flags), stream,
        h2::request("CONNECT", "/chat",
                    field(":protocol", "websocket") + field("sec-websocket-version", "13") + std::string(fields)));
  }
  static std::string granted(const std::string& key) {
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
           accepted(key) + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
  }
  // Opens one on stream 1.
  RawPeer open() {
    client.send(ask(1));
    RawPeer connection = upstream.accept();
    connection.send(granted(connection.read_message().field("sec-websocket-key")));
    EXPECT_EQ(client.status(1), 200);
    return connection;
  }
};

TEST_F(Http2Tunnel, IsToldInTheSettings) {
  client.await(settings);
  EXPECT_EQ(client.told(8), 1u);
}

TEST_F(Http2Tunnel, TheUpstreamGetsAnUpgradeWithAKeyOfOurs) {
  client.send(ask(1, field("sec-websocket-protocol", "chat") + field("sec-websocket-key", "the client's")));
  RawPeer connection = upstream.accept();
  const Message request = connection.read_message();
  EXPECT_EQ(request.start_line, "GET /chat HTTP/1.1");
  EXPECT_EQ(request.field("upgrade"), "websocket");
  EXPECT_EQ(request.field("connection"), "Upgrade");
  EXPECT_EQ(request.field("sec-websocket-version"), "13");
  EXPECT_EQ(request.field("sec-websocket-protocol"), "chat");
  EXPECT_EQ(request.field("sec-websocket-key").size(), 24u);
  EXPECT_FALSE(request.has("transfer-encoding"));
  connection.send(granted(request.field("sec-websocket-key")));
  EXPECT_EQ(client.status(1), 200);
  EXPECT_EQ(client.so_far(1).fields.at("sec-websocket-protocol"), "chat");
  EXPECT_FALSE(client.so_far(1).fields.contains("sec-websocket-accept"));
  EXPECT_FALSE(client.so_far(1).fields.contains("upgrade"));
}

TEST_F(Http2Tunnel, TheLastBytesArriveThoughTheStreamEndsWithThem) {
  RawPeer connection = open();
  connection.shutdown_write();
  EXPECT_TRUE(client.answer(1).whole);
  client.send(frame(data, end_stream, 1, "last words"));
  EXPECT_EQ(connection.read_to_end(), "last words");
}

TEST_F(Http2Tunnel, BytesPassBothWaysAndBothEnds) {
  RawPeer connection = open();
  client.send(frame(data, 0, 1, "ping"));
  EXPECT_EQ(connection.read(4), "ping");
  connection.send("pong");
  EXPECT_EQ(client.await(data).payload, "pong");
  client.send(frame(data, end_stream, 1, "bye"));
  EXPECT_EQ(connection.read_to_end(), "bye");
  connection.send("last words");
  connection.close();
  EXPECT_TRUE(client.answer(1).body.ends_with("last words"));
  EXPECT_TRUE(client.answer(1).whole);
  EXPECT_EQ(proxy.log_line().at("status"), 101);
}

TEST_F(Http2Tunnel, TheUpstreamsEndIsTheStreamsEnd) {
  RawPeer connection = open();
  connection.send("bye");
  connection.shutdown_write();
  EXPECT_EQ(client.answer(1).body, "bye");
  EXPECT_TRUE(client.answer(1).whole);
}

TEST_F(Http2Tunnel, WhatTheClientHasNoRoomForYetIsWaitedFor) {
  RawPeer connection = open();
  connection.send(std::string(65'535, 'x'));
  while (client.so_far(1).body.size() < 65'535) ASSERT_NE(client.next().type, end_of_connection);
  connection.send("last words");
  connection.shutdown_write();
  client.send(frame(data, end_stream, 1, "bye"));
  EXPECT_EQ(connection.read_to_end(), "bye");
  client.send(open_window(0, 1000) + open_window(1, 1000));
  EXPECT_TRUE(client.answer(1).body.ends_with("last words"));
  EXPECT_TRUE(client.so_far(1).whole);
}

TEST_F(Http2Tunnel, AResetIsPassedOnBothWays) {
  RawPeer connection = open();
  client.send(h2::reset(1));
  EXPECT_EQ(connection.await_end(), Peer::End::reset);
  client.send(ask(3));
  RawPeer second = upstream.accept();
  second.send(granted(second.read_message().field("sec-websocket-key")));
  EXPECT_EQ(client.status(3), 200);
  second.reset();
  EXPECT_TRUE(client.answer(3).was_reset());
}

TEST_F(Http2Tunnel, MuchPassesThroughTheWindows) {
  RawPeer connection = open();
  client.send(frame(settings, ack, 0));
  const std::string piece(16 * 1024, 'x');
  std::thread reader([&] { EXPECT_EQ(connection.discard(100 * piece.size()), 100 * piece.size()); });
  std::int64_t window = client.told(4);
  for (int i = 0; i < 100; ++i) {
    while (window < static_cast<std::int64_t>(piece.size())) {
      const Frame update = client.await(window_update);
      if (update.type == end_of_connection) break;
      if (update.stream == 1) window += number(std::string_view(update.payload));
    }
    client.send(frame(data, 0, 1, piece));
    window -= static_cast<std::int64_t>(piece.size());
  }
  reader.join();
}

TEST_F(Http2Tunnel, AnotherStreamGoesOnBesideIt) {
  RawPeer connection = open();
  client.send(h2::get(3));
  RawPeer second = upstream.accept();
  second.read_message();
  second.send(ok("beside"));
  EXPECT_EQ(client.answer(3).body, "beside");
}

TEST_F(Http2Tunnel, WhatTheUpstreamRefusesIsRefused) {
  client.send(ask(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(client.answer(1).status, 403);
  EXPECT_EQ(client.answer(1).body, "no");
}

// A 200 of HTTP/1.1 is a page; of HTTP/2 it would be a tunnel.
TEST_F(Http2Tunnel, APageInsteadIs502) {
  client.send(ask(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("a page"));
  EXPECT_EQ(client.answer(1).status, 502);
}

TEST_F(Http2Tunnel, AWrongAcceptIs502) {
  client.send(ask(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(granted("another key"));
  EXPECT_EQ(client.answer(1).status, 502);
}

TEST_F(Http2Tunnel, BytesBeforeTheGrantAreNoPartOfIt) {
  client.send(ask(1) + frame(data, 0, 1, "GET /smuggled HTTP/1.1\r\n\r\n"));
  RawPeer connection = upstream.accept();
  const Message request = connection.read_message();
  connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.answer(1).status, 403);
  EXPECT_EQ(request.body, "");
  // Nothing of it follows on the connection, which may serve others.
  client.send(h2::get(3));
  EXPECT_EQ(connection.read_message().start_line, "GET / HTTP/1.1");
}

TEST_F(Http2Tunnel, ALengthIsRefused) {
  client.send(ask(1, field("content-length", "5")));
  const Answer& got = client.answer(1);
  EXPECT_TRUE(got.status == 400 || got.was_reset());
  EXPECT_FALSE(upstream.pending());
}

}  // namespace
}  // namespace gatehouse
