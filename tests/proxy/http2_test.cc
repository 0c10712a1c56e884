// HTTP/2 from clients: real ones (curl, nghttp) where what they can say is enough, hand-made frames where not.
#include "tests/doubles/proxy/test_proxy.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string out;
  for (int shift : {16, 8, 0}) out.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(stream >> shift & 0xff));
  return out.append(payload);
}

enum : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9
};
enum : std::uint8_t { end_stream = 1, ack = 1, end_headers = 4 };

// A literal field without indexing (RFC 7541 §6.2.2), plain and short.
std::string field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  for (std::string_view text : {name, value}) {
    if (text.size() < 127) {
      out.push_back(static_cast<char>(text.size()));
    } else {
      out.push_back(127);
      std::size_t rest = text.size() - 127;
      for (; rest >= 128; rest >>= 7) out.push_back(static_cast<char>(rest % 128 + 128));
      out.push_back(static_cast<char>(rest));
    }
    out.append(text);
  }
  return out;
}

std::string request_block(std::string_view method, std::string_view path, std::string_view more = {}) {
  return field(":method", method) + field(":scheme", "http") + field(":authority", "a.example") + field(":path", path) +
         std::string(more);
}

std::string get_frame(std::uint32_t stream, std::string_view path = "/") {
  return frame(headers, end_headers | end_stream, stream, request_block("GET", path));
}

struct Frame {
  std::uint8_t type = 0xff, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

std::uint32_t number(std::string_view bytes) {
  std::uint32_t n = 0;
  for (char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

// A client that has said its preface; reads frame by frame.
class Http2Peer {
 public:
  explicit Http2Peer(TestProxy& proxy) : peer_(proxy.connect()) {
    peer_.send(std::string(preface) + frame(settings, 0, 0));
  }

  void send(std::string_view bytes) { peer_.send(std::string(bytes)); }
  // The next frame; one of type 0xff when the server has closed.
  Frame next() {
    const std::string head = peer_.read(9);
    if (head.size() < 9) return {};
    Frame got{static_cast<std::uint8_t>(head[3]), static_cast<std::uint8_t>(head[4]), number(head.substr(5)), {}};
    got.payload = peer_.read(number(head.substr(0, 3)));
    return got;
  }
  // The next frame of this type.
  Frame await(std::uint8_t type) {
    while (true) {
      Frame got = next();
      if (got.type == type || got.type == 0xff) return got;
    }
  }
  // The body of a stream to its end; `*` appended when it was reset.
  std::string body(std::uint32_t stream) {
    std::string text;
    while (true) {
      const Frame got = next();
      if (got.type == 0xff || (got.type == rst_stream && got.stream == stream)) return text + "*";
      if (got.stream != stream) continue;
      if (got.type == data) text += got.payload;
      if ((got.type == data || got.type == headers) && (got.flags & end_stream) != 0) return text;
    }
  }
  std::uint32_t goaway_error() {
    const Frame got = await(goaway);
    return got.type == 0xff ? 0xffff : number(std::string_view(got.payload).substr(4, 4));
  }

 private:
  RawPeer peer_;
};

EntryDraft cleartext(std::vector<HttpRoutePtr> routes) {
  EntryDraft draft = entry("web", std::move(routes));
  draft.http2_cleartext = true;
  return draft;
}

TEST(Http2, RequestsAreAnsweredOverOneConnection) {
  AnsweringUpstream upstream("hello");
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  for (std::uint32_t stream : {1u, 3u, 5u}) {
    client.send(get_frame(stream));
    EXPECT_EQ(client.body(stream), "hello");
  }
  EXPECT_EQ(proxy.log_line().at("protocol").as_string(), "HTTP/2.0");
}

TEST(Http2, StreamsDoNotWaitForEachOther) {
  Upstream slow, fast;
  TestProxy proxy(
      cleartext({to(service({slow.endpoint()}), "", "/slow"), to(service({fast.endpoint()}), "", "/fast")}));
  Http2Peer client(proxy);
  client.send(get_frame(1, "/slow") + get_frame(3, "/fast"));
  RawPeer waiting = slow.accept();
  EXPECT_EQ(waiting.read_message().start_line, "GET /slow HTTP/1.1");
  RawPeer answering = fast.accept();
  answering.read_message();
  answering.send(ok("fast"));
  EXPECT_EQ(client.body(3), "fast");
  waiting.send(ok("slow"));
  EXPECT_EQ(client.body(1), "slow");
}

TEST(Http2, TheUpstreamGetsOneHttp1Request) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(frame(
      headers, end_headers | end_stream, 1,
      request_block("GET", "/a%2Fb?x=1",
                    field("cookie", "a=1") + field("cookie", "b=2") + field("x-one", "1") + field("te", "trailers"))));
  const Message request = upstream.accept().read_message();
  EXPECT_EQ(request.start_line, "GET /a%2Fb?x=1 HTTP/1.1");
  EXPECT_EQ(request.field("host"), "a.example");
  EXPECT_EQ(request.field("cookie"), "a=1; b=2");
  EXPECT_EQ(request.field("x-one"), "1");
  EXPECT_FALSE(request.has("te"));
  EXPECT_FALSE(request.has("transfer-encoding"));
}

TEST(Http2, ABodyOfUnknownLengthGoesUpInChunksWithItsTrailers) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(frame(headers, end_headers, 1, request_block("POST", "/")) + frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  client.send(frame(data, 0, 1, "def") + frame(headers, end_headers | end_stream, 1, field("x-sum", "6")));
  const Message request = connection.read_message();
  EXPECT_EQ(request.body, "abcdef");
  EXPECT_EQ(request.trailers, "x-sum: 6\r\n");
  EXPECT_EQ(request.field("transfer-encoding"), "chunked");
  connection.send(ok("done"));
  EXPECT_EQ(client.body(1), "done");
}

TEST(Http2, AStatedLengthIsKept) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(frame(headers, end_headers, 1, request_block("POST", "/", field("content-length", "3"))) +
              frame(data, end_stream, 1, "abc"));
  const Message request = upstream.accept().read_message();
  EXPECT_EQ(request.field("content-length"), "3");
  EXPECT_EQ(request.body, "abc");
}

// Nothing is read ahead beyond the window, and a large body passes whole.
TEST(Http2, ALargeBodyPassesThroughTheWindow) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  const std::string piece(16 * 1024, 'x');
  client.send(frame(headers, end_headers, 1, request_block("PUT", "/")));
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
  EXPECT_EQ(client.body(1), "");
  reader.join();
}

TEST(Http2, AnAnswersTrailersArrive) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(get_frame(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n");
  EXPECT_EQ(client.await(headers).flags & end_stream, 0);
  EXPECT_EQ(client.await(data).payload, "abc");
  const Frame trailers = client.await(headers);
  EXPECT_EQ(trailers.flags & end_stream, end_stream);
  EXPECT_FALSE(trailers.payload.empty());
}

TEST(Http2, AnAnswerBeforeTheRequestsEndIsDeliveredAndTheRestCalledOff) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(frame(headers, end_headers, 1, request_block("POST", "/")) + frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  connection.read_until("abc\r\n");
  connection.send(ok("early"));
  EXPECT_EQ(client.body(1), "early");
  EXPECT_EQ(client.await(rst_stream).payload, std::string(4, '\0'));
}

TEST(Http2, ABrokenAnswerResetsItsStreamAlone) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(get_frame(1));
  {
    RawPeer connection = upstream.accept();
    connection.read_message();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  }
  EXPECT_TRUE(client.body(1).ends_with("*"));
  client.send(get_frame(3));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("fine"));
  EXPECT_EQ(client.body(3), "fine");
}

TEST(Http2, ACancelledRequestIsRecordedAsTheClients) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(get_frame(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  client.send(frame(rst_stream, 0, 1, std::string("\0\0\0\x8", 4)));
  EXPECT_EQ(connection.read_to_end(), "");
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "client_gone");
}

TEST(Http2, HeadAndNoContentHaveNoBody) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(frame(headers, end_headers | end_stream, 1, request_block("HEAD", "/")));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.await(headers).flags & end_stream, end_stream);
  client.send(get_frame(3));
  connection.read_message();
  connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(client.await(headers).flags & end_stream, end_stream);
}

TEST(Http2, WhatHttp1RefusesIsRefused) {
  AnsweringUpstream upstream("no");
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  std::uint32_t stream = 1;
  for (const std::string& block :
       {request_block("GET", "/", field("host", "b.example")), request_block("GET", "/", field("content-length", "+1")),
        request_block("GET", "/ HTTP/1.1\r\nx: y"), request_block("GET", "/", field("x", "a\r\nb: c")),
        request_block("GET", "/", field("transfer-encoding", "chunked")),
        request_block("GET", "/", field("connection", "close")), request_block("GET", "/", field("X-Upper", "1")),
        request_block("GET", "no-path"), request_block("CONNECT", "/"), field(":method", "GET")}) {
    client.send(frame(headers, end_headers | end_stream, stream, block) + get_frame(stream + 2));
    EXPECT_EQ(client.body(stream + 2), "no");
    stream += 4;
  }
  EXPECT_EQ(upstream.requests(), 10);
}

TEST(Http2, AHeadBeyondTheLimitIs431AndABombEndsTheConnection) {
  AnsweringUpstream upstream("fine");
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  const std::string large = field("x-large", std::string(14000, 'x'));
  std::string block = request_block("GET", "/");
  client.send(frame(headers, end_stream, 1, block) + frame(continuation, 0, 1, large) +
              frame(continuation, 0, 1, large) + frame(continuation, 0, 1, large) + frame(continuation, 0, 1, large) +
              frame(continuation, end_headers, 1, large));
  EXPECT_NE(client.body(1).find("431"), std::string::npos);
  client.send(get_frame(3));
  EXPECT_EQ(client.body(3), "fine");
  // A field of 4,000 bytes put into the table, then named a thousand times by a byte each.
  std::string entry = "\x40" + field("x", std::string(3900, 'y')).substr(1);
  client.send(frame(headers, end_headers | end_stream, 5,
                    request_block("GET", "/") + entry + std::string(2000, static_cast<char>(0xbe))));
  EXPECT_EQ(client.goaway_error(), 0xbu);
}

TEST(Http2, FramesThatBringNothingHaveABudget) {
  AnsweringUpstream upstream("fine");
  for (const std::string& nothing :
       {frame(ping, 0, 0, std::string(8, 'p')), frame(settings, 0, 0), frame(2, 0, 1, std::string(5, '\0')),
        frame(window_update, 0, 0, std::string("\0\0\0\1", 4))}) {
    TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
    Http2Peer client(proxy);
    std::string flood;
    for (int i = 0; i < 5000; ++i) flood += nothing;
    client.send(flood);
    EXPECT_EQ(client.goaway_error(), 0xbu);
  }
}

TEST(Http2, RapidResetEndsTheConnection) {
  AnsweringUpstream upstream("fine");
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  std::string flood;
  for (std::uint32_t stream = 1; stream < 2001; stream += 2)
    flood += get_frame(stream) + frame(rst_stream, 0, stream, std::string("\0\0\0\x8", 4));
  client.send(flood);
  EXPECT_EQ(client.goaway_error(), 0xbu);
}

TEST(Http2, DrainingSaysGoodbyeTwiceAndFinishesWhatIsUnderWay) {
  Upstream upstream;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}));
  Http2Peer client(proxy);
  client.send(get_frame(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  proxy.server().drain([] {});
  const Frame first = client.await(goaway);
  EXPECT_EQ(number(std::string_view(first.payload).substr(0, 4)), 0x7fffffffu);
  const Frame second = client.await(goaway);
  EXPECT_EQ(number(std::string_view(second.payload).substr(0, 4)), 1u);
  connection.send(ok("to the end"));
  EXPECT_EQ(client.body(1), "to the end");
  EXPECT_EQ(client.next().type, 0xff);
}

TEST(Http2, AnIdleConnectionIsClosedInTime) {
  ManualClock clock;
  AnsweringUpstream upstream("hello");
  TestProxy::Setup setup;
  setup.clock = &clock;
  TestProxy proxy(cleartext({to(service({upstream.endpoint()}))}), setup);
  Http2Peer client(proxy);
  client.send(get_frame(1));
  EXPECT_EQ(client.body(1), "hello");
  clock.advance(std::chrono::seconds(200));
  EXPECT_EQ(client.goaway_error(), 0u);
}

}  // namespace
}  // namespace gatehouse
