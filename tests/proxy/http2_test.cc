// HTTP/2 from clients: real ones (curl, nghttp) where what they can say is enough, hand-made frames where not.
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;

TEST(Http2, RequestsAreAnsweredOverOneConnection) {
  AnsweringUpstream upstream("hello");
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  for (std::uint32_t stream : {1u, 3u, 5u}) {
    client.send(h2::get(stream));
    EXPECT_EQ(client.answer(stream).body, "hello");
  }
  EXPECT_EQ(proxy.log_line().at("protocol").as_string(), "HTTP/2.0");
}

TEST(Http2, StreamsDoNotWaitForEachOther) {
  Upstream slow, fast;
  TestProxy proxy(
      cleartext({to(service({slow.endpoint()}), "", "/slow"), to(service({fast.endpoint()}), "", "/fast")}));
  Client client(proxy);
  client.send(h2::get(1, "/slow") + h2::get(3, "/fast"));
  RawPeer waiting = slow.accept();
  EXPECT_EQ(waiting.read_message().start_line, "GET /slow HTTP/1.1");
  RawPeer answering = fast.accept();
  answering.read_message();
  answering.send(ok("fast"));
  EXPECT_EQ(client.answer(3).body, "fast");
  waiting.send(ok("slow"));
  EXPECT_EQ(client.answer(1).body, "slow");
}

TEST(Http2, TheUpstreamGetsOneHttp1Request) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  client.send(frame(
      headers, end_headers | end_stream, 1,
      h2::request("GET", "/a%2Fb?x=1",
                  field("cookie", "a=1") + field("cookie", "b=2") + field("x-one", "1") + field("te", "trailers"))));
  const Message request = upstream.accept().read_message();
  EXPECT_EQ(request.start_line, "GET /a%2Fb?x=1 HTTP/1.1");
  EXPECT_EQ(request.field("host"), "a.example");
  EXPECT_EQ(request.field("cookie"), "a=1; b=2");
  EXPECT_EQ(request.field("x-one"), "1");
  EXPECT_FALSE(request.has("te"));
  EXPECT_FALSE(request.has("transfer-encoding"));
}

// Nothing is read ahead beyond the window, and a large body passes whole.
TEST(Http2, ALargeBodyPassesThroughTheWindow) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  const std::string piece(16 * 1024, 'x');
  client.send(frame(headers, end_headers, 1, h2::request("PUT", "/")));
  RawPeer connection = upstream.accept();
  std::thread reader([&] {
    const Message request = connection.read_message();
    EXPECT_EQ(request.body.size(), 300 * piece.size());
    connection.send(ok(""));
  });
  const Frame limits = client.await(settings);
  client.send(frame(settings, ack, 0));  // the larger windows hold from here on
  std::int64_t connection_window = 65535, stream_window = 0;
  for (std::size_t at = 0; at + 6 <= limits.payload.size(); at += 6)
    if (number(std::string_view(limits.payload).substr(at, 2)) == 4)
      stream_window = number(std::string_view(limits.payload).substr(at + 2, 4));
  for (int i = 0; i < 300; ++i) {
    while (std::min(connection_window, stream_window) < static_cast<std::int64_t>(piece.size())) {
      const Frame update = client.await(window_update);
      (update.stream == 0 ? connection_window : stream_window) += number(update.payload);
    }
    client.send(frame(data, i == 299 ? end_stream : 0, 1, piece));
    connection_window -= static_cast<std::int64_t>(piece.size());
    stream_window -= static_cast<std::int64_t>(piece.size());
  }
  EXPECT_EQ(client.answer(1).body, "");
  reader.join();
}

TEST(Http2, AnAnswerBeforeTheRequestsEndIsDeliveredAndTheRestCalledOff) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")) + frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  connection.read_until("abc\r\n");
  connection.send(ok("early"));
  EXPECT_EQ(client.answer(1).body, "early");
  EXPECT_EQ(client.await(rst_stream).payload, std::string(4, '\0'));
}

TEST(Http2, AnswersShareTheConnection) {
  AnsweringUpstream upstream(std::string(300'000, 'x'));
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy, setting(4, 1 << 20));
  client.send(h2::get(1) + h2::get(3));
  EXPECT_EQ(client.status(1), 200);
  EXPECT_EQ(client.status(3), 200);
  const auto come = [&] { return client.so_far(1).body.size() + client.so_far(3).body.size(); };
  while (come() < 65'535) ASSERT_NE(client.next().type, end_of_connection);
  for (std::size_t room = 65'535 + 16'384; room < 300'000; room += 16'384) {
    client.send(open_window(0, 16'384));
    while (come() < room) ASSERT_NE(client.next().type, end_of_connection);
  }
  EXPECT_GE(client.so_far(1).body.size(), 50'000u);
  EXPECT_GE(client.so_far(3).body.size(), 50'000u);
}

TEST(Http2, ABrokenAnswerResetsItsStreamAlone) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  client.send(h2::get(1));
  {
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  }
  EXPECT_TRUE(client.answer(1).was_reset());
  client.send(h2::get(3));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("fine"));
  EXPECT_EQ(client.answer(3).body, "fine");
}

// More than is copied for the client: its sender waits until the last of it has gone, and the stream with it.
TEST(Http2, ALargeAnswerIsAnsweredAndItsUpstreamConnectionKept) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy, setting(4, 1 << 20));
  client.send(open_window(0, 1 << 20) + h2::get(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok(std::string(60'000, 'x')));
  EXPECT_EQ(client.answer(1).body.size(), 60'000u);
  EXPECT_TRUE(client.so_far(1).whole);
  const auto record = proxy.log_line();
  EXPECT_FALSE(record.contains("failure")) << record.at("failure");
  client.send(h2::get(3));
  EXPECT_EQ(connection.read_message().start_line, "GET / HTTP/1.1");
  connection.send(ok("again"));
  EXPECT_EQ(client.answer(3).body, "again");
}

TEST(Http2, HeadAndNoContentHaveNoBody) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Client client(proxy);
  client.send(frame(headers, end_headers | end_stream, 1, h2::request("HEAD", "/")));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.await(headers).flags & end_stream, end_stream);
  client.send(h2::get(3));
  connection.read_message();
  connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.await(headers).flags & end_stream, end_stream);
}

// What is on its way when the first goodbye is said is served; what comes after the second is not, and may be asked
// elsewhere (RFC 9113 §6.8).
TEST(Http2, DrainingSaysGoodbyeTwiceAndFinishesWhatIsUnderWay) {
  ManualClock clock;
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}), TestProxy::Setup{.clock = &clock});
  Client client(proxy);
  client.send(h2::get(1, "/before"));
  RawPeer before = upstream.accept();
  before.read_message();
  proxy.server().drain([] {});
  const auto last_stream = [&] { return number(std::string_view(client.await(goaway).payload).substr(0, 4)); };
  EXPECT_EQ(last_stream(), 0x7fffffffu);
  client.send(h2::get(3, "/between"));
  RawPeer between = upstream.accept();
  EXPECT_EQ(between.read_message().start_line, "GET /between HTTP/1.1");
  between.send(ok("served"));
  EXPECT_EQ(client.answer(3).body, "served");
  proxy.pass(std::chrono::seconds(2));
  EXPECT_EQ(last_stream(), 3u);
  client.send(h2::get(5, "/after") + frame(ping, 0, 0, "12345678"));
  EXPECT_EQ(client.await(ping).type, ping);
  before.send(ok("to the end"));
  EXPECT_EQ(client.answer(1).body, "to the end");
  EXPECT_EQ(client.await(end_of_connection).type, end_of_connection);
  EXPECT_EQ(client.so_far(5).status, 0);
  EXPECT_FALSE(upstream.pending());
}

TEST(Http2, AnIdleConnectionIsClosedInTime) {
  ManualClock clock;
  AnsweringUpstream upstream("hello");
  TestProxy::Setup setup;
  setup.clock = &clock;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}), setup);
  Client client(proxy);
  client.send(frame(settings, ack, 0) + h2::get(1));
  EXPECT_EQ(client.answer(1).body, "hello");
  clock.advance(std::chrono::seconds(200));
  EXPECT_EQ(client.goaway_error(), 0u);
}

}  // namespace
}  // namespace gatehouse
