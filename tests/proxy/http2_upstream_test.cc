// HTTP/2 towards upstreams: what goes over the wire, and how connections are shared.
#include "tests/doubles/proxy/http2_upstreams.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;

TEST_F(Http2Upstreams, AnHttp1RequestIsSaidAsHttp2) {
  RawPeer client = ask(gatehouse::get("/a%2Fb?x=1", "X-One: 1\r\nConnection: x-hop\r\nX-Hop: 1\r\nTE: gzip\r\n"));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  ASSERT_EQ(stream, 1u);
  auto fields = server.so_far(stream).fields;
  EXPECT_EQ(fields[":method"], "GET");
  EXPECT_EQ(fields[":path"], "/a%2Fb?x=1");
  EXPECT_EQ(fields[":authority"], "a.example");
  EXPECT_EQ(fields[":scheme"], "http");
  EXPECT_EQ(fields["x-one"], "1");
  EXPECT_EQ(fields["x-forwarded-for"], "127.0.0.1");
  for (const char* name : {"host", "connection", "x-hop", "te", "transfer-encoding", "upgrade"})
    EXPECT_FALSE(fields.contains(name)) << name;
  EXPECT_TRUE(server.so_far(stream).whole);
  EXPECT_EQ(server.told(enable_push), 0u);
  server.send(answered(stream, "hello"));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.start_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(answer.field("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.body, "hello");
  const auto line = proxy.log_line();
  EXPECT_EQ(line.at("protocol").as_string(), "HTTP/1.1");
  EXPECT_EQ(line.at("upstreamProtocol").as_string(), "HTTP/2.0");
}

TEST_F(Http2Upstreams, FromHttp2ToHttp2) {
  Client client(proxy);
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/", field("te", "trailers"))) +
              frame(data, 0, 1, "abc"));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  EXPECT_EQ(server.so_far(stream).fields.at("te"), "trailers");
  EXPECT_EQ(server.await(data).payload, "abc");
  server.send(answer_head(stream, "200") + frame(data, 0, stream, "one"));
  EXPECT_EQ(client.await(data).payload, "one");  // while the request still goes on
  client.send(frame(headers, end_headers | end_stream, 1, field("x-sum", "3")));
  EXPECT_EQ(server.answer(stream).trailers.at("x-sum"), "3");
  server.send(frame(headers, end_headers | end_stream, stream, field("grpc-status", "0")));
  EXPECT_EQ(client.answer(1).trailers.at("grpc-status"), "0");
}

TEST_F(Http2Upstreams, AnswersWithoutABody) {
  std::unique_ptr<ServerEnd> server;
  const auto exchange = [&](std::string_view method, std::string_view head_of_answer) {
    RawPeer client = ask(std::string(method) + " / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    if (!server) server = std::make_unique<ServerEnd>(upstream.accept());
    const std::uint32_t stream = server->request();
    server->send(frame(headers, end_headers | end_stream, stream, head_of_answer));
    return client.read_to_end();
  };
  EXPECT_NE(exchange("HEAD", field(":status", "200") + field("content-length", "5")).find("content-length: 5"),
            std::string::npos);
  EXPECT_TRUE(exchange("GET", field(":status", "204")).starts_with("HTTP/1.1 204 "));
  EXPECT_TRUE(exchange("GET", field(":status", "304")).ends_with("\r\n\r\n"));
  const std::string empty = exchange("GET", field(":status", "200"));
  EXPECT_TRUE(empty.ends_with("\r\n\r\n0\r\n\r\n")) << empty;
}

// Some servers say END_STREAM in a frame of its own. The answer is whole without it.
TEST_F(Http2Upstreams, AnEndThatComesAfterTheAnswerIsAwaited) {
  RawPeer client = ask("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.send(answer_head(stream, "200", field("content-length", "5")));
  EXPECT_EQ(client.read_message(true).status(), 200);
  client.send(gatehouse::get("/"));
  const std::uint32_t next = server.request();
  EXPECT_FALSE(server.so_far(stream).was_reset());
  server.send(frame(data, end_stream, stream) + answered(next, "next"));
  EXPECT_EQ(client.read_message().body, "next");
  client.send(gatehouse::get("/"));
  ASSERT_NE(server.request(), 0u);
  EXPECT_FALSE(server.so_far(stream).was_reset());
}

TEST_F(Http2UpstreamLimits, AnEndThatDoesNotComeIsAwaitedForASecond) {
  RawPeer client = ask(gatehouse::get("/"));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.send(answer_head(stream, "204"));
  EXPECT_EQ(client.read_message(true).status(), 204);
  auto& raw = dynamic_cast<RawPeer&>(server.peer());
  while (raw.readable_within(50)) server.next();
  const Duration waited = proxy.advance_until_readable(raw);
  EXPECT_GE(waited, std::chrono::milliseconds(900));
  EXPECT_LE(waited, std::chrono::milliseconds(1500));
  EXPECT_EQ(server.reset_of(stream), cancel);
}

TEST_F(Http2Upstreams, ACancelledRequestIsCancelledAtOnce) {
  Client client(proxy);
  client.send(h2::get(1, "/long") + h2::get(3, "/other"));
  ServerEnd server = accept();
  const std::uint32_t given_up = server.request(), other = server.request();
  client.send(h2::reset(1));
  EXPECT_EQ(server.reset_of(given_up), cancel);
  server.send(answered(other, "fine"));
  EXPECT_EQ(client.answer(3).body, "fine");
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "client_gone");
}

TEST_F(Http2Upstreams, AnEarlyAnswerEndsTheUpload) {
  Client client(proxy);
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")) + frame(data, 0, 1, "abc"));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.await(data);
  server.send(answer_head(stream, "413") + frame(data, end_stream, stream, "too large") + h2::reset(stream, no_error));
  const Answer& answer = client.answer(1);
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "too large");
  EXPECT_TRUE(answer.whole);
  client.send(h2::get(3));  // the connection goes on
  server.send(answered(server.request(), "next"));
  EXPECT_EQ(client.answer(3).body, "next");
}

TEST_F(Http2Upstreams, ARefusedStreamIsTriedAgain) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server = accept();
  server.send(h2::reset(server.request(), refused_stream));
  const std::uint32_t again = server.request();
  EXPECT_EQ(server.answer(again).body, "abc");
  server.send(answered(again, "done"));
  EXPECT_EQ(client.read_message().body, "done");
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 2);
}

TEST_F(Http2Upstreams, ARefusedRequestWhoseBodyIsGoneIsNot) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc");
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.await(data);
  client.send("d");
  server.await(data);
  server.send(h2::reset(stream, refused_stream));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 1);
}

TEST_F(Http2Upstreams, WhatAGoawayLeavesOutIsAskedElsewhereAndTheRestEnds) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd leaving = accept();
  const std::uint32_t first = leaving.request();
  client.send(frame(headers, end_headers | end_stream, 3, h2::request("POST", "/")));
  ASSERT_NE(leaving.request(), 0u);
  leaving.send(frame(goaway, 0, 0, number(first) + number(no_error)));
  ServerEnd other = accept();
  other.send(answered(other.request(), "elsewhere"));
  EXPECT_EQ(client.answer(3).body, "elsewhere");
  leaving.send(answered(first, "here"));
  EXPECT_EQ(client.answer(1).body, "here");
  EXPECT_EQ(leaving.await(end_of_connection).type, end_of_connection);
}

TEST_F(Http2Upstreams, APostThatMayHaveBeenDoneIsNotRepeated) {
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server = accept();
  server.send(h2::reset(server.request(), cancel));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "upstream_closed");
}

TEST_F(Http2Upstreams, AGetIsRepeatedWhenTheConnectionBreaks) {
  RawPeer client = ask(gatehouse::get("/"));
  {
    ServerEnd server = accept();
    server.send(answered(server.request(), "first"));
    EXPECT_EQ(client.read_message().body, "first");
    client.send(gatehouse::get("/"));
    server.request();
  }
  ServerEnd server = accept();
  server.send(answered(server.request(), "again"));
  EXPECT_EQ(client.read_message().body, "again");
}

TEST_F(Http2Upstreams, MalformedAnswersAreRefused) {
  const std::string ok_head = field(":status", "200");
  const std::vector<std::string> heads = {
      field(":status", "abc"),
      field("x", "no status"),
      ok_head + field(":status", "200"),
      ok_head + field("connection", "close"),
      ok_head + field("transfer-encoding", "chunked"),
      ok_head + field("x", "a\r\nset-cookie: b"),
      ok_head + field("x y", "1"),
      ok_head + field("content-length", "1") + field("content-length", "2"),
      ok_head + field("content-length", "+1"),
      field(":status", "101"),
  };
  Client client(proxy);
  std::uint32_t asked = 1;
  client.send(h2::get(asked));
  ServerEnd server = accept();
  for (const std::string& head : heads) {
    if (asked > 1) client.send(h2::get(asked));
    const std::uint32_t stream = server.request();
    ASSERT_NE(stream, 0u);
    server.send(frame(headers, end_headers, stream, head));
    EXPECT_EQ(client.answer(asked).status, 502) << head;
    EXPECT_EQ(proxy.log_line().at("failure").as_string(), "bad_answer") << head;
    asked += 2;
  }
}

// They may all wait for a client that takes none.
TEST_F(Http2Upstreams, InterimAnswersAreBoundedTogether) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  std::string early;
  for (int i = 0; i < 3; ++i) {
    early += frame(headers, 0, stream, field(":status", "103") + field("link", std::string(15'000, 'a')));
    for (int n = 0; n < 3; ++n)
      early += frame(continuation, n == 2 ? end_headers : 0, stream, field("link", std::string(15'000, 'b')));
  }
  server.send(early);
  EXPECT_EQ(client.answer(1).status, 502);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "bad_answer");
}

TEST_F(Http2Upstreams, ABodyThatDiffersFromItsLengthIsBroken) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.send(answer_head(stream, "200", field("content-length", "5")) + frame(data, end_stream, stream, "abc"));
  EXPECT_TRUE(client.answer(1).was_reset());
}

// What no body belongs to is the whole answer; and what follows it is nobody's.
TEST_F(Http2Upstreams, ABodyWhereNoneBelongsIsNobodys) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd server = accept();
  std::uint32_t asked = 1;
  for (const std::string& head :
       {field(":status", "204"), field(":status", "304"), field(":status", "200") + field("content-length", "0")}) {
    SCOPED_TRACE(head);
    if (asked > 1) client.send(h2::get(asked));
    const std::uint32_t stream = server.request();
    ASSERT_NE(stream, 0u);
    server.send(frame(headers, end_headers, stream, head) + frame(data, end_stream, stream, "poison"));
    EXPECT_EQ(client.answer(asked).body, "");
    asked += 2;
  }
  client.send(h2::get(asked));
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(client.answer(asked).body, "fine");
}

TEST_F(Http2Upstreams, WhoSpeaksHttp1IsNoHttp2Upstream) {
  RawPeer client = ask(gatehouse::get("/"));
  RawPeer server = upstream.accept();
  server.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_message().status(), 502);
}

TEST_F(Http2Upstreams, AHeadLargerThanTheUpstreamTakesIsNotSent) {
  RawPeer client = ask(gatehouse::get("/", "X-Long: " + std::string(2000, 'x') + "\r\n"));
  ServerEnd server = accept(setting(header_list, 1500));
  EXPECT_EQ(client.read_message().status(), 431);
  client.send(gatehouse::get("/"));
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(client.read_message().body, "fine");
}

TEST_F(Http2Upstreams, AnUpstreamThatTakesNoStreamIsAsOneThatIsNotThere) {
  RawPeer client = ask(gatehouse::get("/"));
  ServerEnd server = accept(setting(concurrent_streams, 0));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(server.await(end_of_connection).type, end_of_connection);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "connect_failed");
}

TEST_F(Http2Upstreams, TheWindowOfAStreamThatIsReadGrows) {
  Client client(proxy, setting(window_size, 8 << 20));
  client.send(h2::open_window(0, 8 << 20) + h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.send(answer_head(stream, "200"));
  std::uint64_t granted = 64 * 1024, sent = 0;
  const std::string piece(16 * 1024, 'x');
  while (granted - sent < 512 * 1024 && sent < (4u << 20)) {
    while (granted - sent >= piece.size() && sent < (4u << 20)) {
      server.send(frame(data, 0, stream, piece));
      sent += piece.size();
      std::uint64_t got = client.await(data).payload.size();
      while (got < piece.size()) got += client.await(data).payload.size();
      if (granted - sent < piece.size()) break;
    }
    Frame opened = server.await(window_update);
    while (opened.stream != stream) opened = server.await(window_update);
    granted += number(opened.payload);
  }
  EXPECT_GE(granted - sent, 512u * 1024);
  server.send(frame(data, end_stream, stream, ""));
  EXPECT_TRUE(client.answer(1).whole);
}

TEST_F(Http2Upstreams, ALargeBodyPassesThroughTheUpstreamsWindow) {
  const std::string body(3 << 20, 'b');
  std::thread client_side([&] {
    RawPeer client =
        ask("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    client.send(body);
    EXPECT_EQ(client.read_message().body, std::to_string(body.size()));
  });
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  std::size_t got = 0, granted = 64 * 1024 - 1;
  while (got < body.size()) {
    const Frame frame = server.await(data);
    if (frame.type != data) break;
    got += frame.payload.size();
    ASSERT_LE(got, granted);
    const auto more = static_cast<std::uint32_t>(frame.payload.size());
    granted += more;
    if (more > 0) server.send(h2::open_window(stream, more) + h2::open_window(0, more));
  }
  server.send(answered(stream, std::to_string(got)));
  client_side.join();
}

TEST_F(Http2Upstreams, AWebSocketOverHttp1BecomesAnExtendedConnect) {
  RawPeer client = ask(websocket_request());
  ServerEnd server = accept(setting(connect_protocol, 1));
  const std::uint32_t stream = server.request();
  auto fields = server.so_far(stream).fields;
  EXPECT_EQ(fields[":method"], "CONNECT");
  EXPECT_EQ(fields[":protocol"], "websocket");
  EXPECT_EQ(fields[":path"], "/chat");
  EXPECT_EQ(fields["sec-websocket-version"], "13");
  EXPECT_FALSE(fields.contains("sec-websocket-key"));
  server.send(answer_head(stream, "200", field("sec-websocket-protocol", "x")) + frame(data, 0, stream, "hello"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos) << head;
  EXPECT_NE(head.find("sec-websocket-protocol: x"), std::string::npos) << head;
  EXPECT_EQ(client.read(5), "hello");
  client.send("and back");
  EXPECT_EQ(server.await(data).payload, "and back");
  client.shutdown_write();
  EXPECT_TRUE(server.answer(stream).whole);
  server.send(frame(data, end_stream, stream, "bye"));
  EXPECT_EQ(client.read_to_end(), "bye");
  EXPECT_EQ(proxy.log_line().at("status").as_int64(), 101);
}

TEST_F(Http2Upstreams, AClientThatLeavesBeforeItsWebSocketIsGrantedCancels) {
  RawPeer client = ask(websocket_request());
  ServerEnd server = accept(setting(connect_protocol, 1));
  const std::uint32_t stream = server.request();
  client.close();
  EXPECT_EQ(server.reset_of(stream), cancel);
}

TEST_F(Http2Upstreams, AWebSocketThatTheUpstreamDoesNotOfferIsRefused) {
  RawPeer client = ask(websocket_request());
  ServerEnd server = accept();
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("failure").as_string(), "upgrade_refused");
}

TEST_F(Http2Upstreams, AWebSocketOverHttp2StaysOne) {
  Client client(proxy);
  client.send(frame(headers, end_headers, 1,
                    field(":method", "CONNECT") + field(":protocol", "websocket") + field(":scheme", "http") +
                        field(":authority", "a.example") + field(":path", "/chat") +
                        field("sec-websocket-version", "13")));
  ServerEnd server = accept(setting(connect_protocol, 1));
  const std::uint32_t stream = server.request();
  EXPECT_EQ(server.so_far(stream).fields.at(":method"), "CONNECT");
  server.send(answer_head(stream, "200"));
  EXPECT_EQ(client.status(1), 200);
  client.send(frame(data, 0, 1, "ping"));
  EXPECT_EQ(server.await(data).payload, "ping");
  server.send(frame(data, 0, stream, "pong"));
  EXPECT_EQ(client.await(data).payload, "pong");
  client.send(h2::reset(1));
  EXPECT_EQ(server.reset_of(stream), cancel);
}

TEST_F(Http2UpstreamLimits, AnIdleConnectionIsClosed) {
  RawPeer client = proxy.connect();
  client.send(gatehouse::get("/"));
  ServerEnd server = accept();
  server.send(answered(server.request(), "x"));
  EXPECT_EQ(client.read_message().body, "x");
  auto& raw = dynamic_cast<RawPeer&>(server.peer());
  while (raw.readable_within(50)) server.next();  // settings and their like
  const Duration waited = proxy.advance_until_readable(raw, std::chrono::seconds(1));
  EXPECT_GE(waited, std::chrono::seconds(59));
  EXPECT_LE(waited, std::chrono::seconds(63));
  EXPECT_EQ(server.goaway_error(), no_error);
}

TEST_F(Http2UpstreamLimits, ASilentUpstreamIsAskedWhetherItIsThere) {
  Client client(proxy);
  client.send(frame(settings, ack, 0) + frame(headers, end_headers | end_stream, 1, h2::request("POST", "/")));
  ServerEnd server = accept();
  ASSERT_NE(server.request(), 0u);
  auto& raw = dynamic_cast<RawPeer&>(server.peer());
  while (raw.readable_within(50)) server.next();
  EXPECT_GE(proxy.advance_until_readable(raw, std::chrono::seconds(10)), std::chrono::minutes(5));
  EXPECT_EQ(server.next().type, ping);
  const Duration waited = proxy.advance_until_readable(raw, std::chrono::seconds(1));
  EXPECT_LE(waited, std::chrono::seconds(33));
  EXPECT_EQ(server.next().type, end_of_connection);
  EXPECT_EQ(client.answer(1).status, 502);
}

TEST_F(Http2UpstreamLimits, AnAnswerThatDoesNotComeIsGivenUp) {
  auto made = h2c(upstream.endpoint());
  made->timeouts.answer = std::chrono::seconds(10);
  proxy.publish_and_wait({cleartext({to(made)})});
  RawPeer client = proxy.connect();
  client.send(gatehouse::get("/"));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  proxy.advance_until_readable(client, std::chrono::seconds(1));
  EXPECT_EQ(client.read_message().status(), 504);
  EXPECT_EQ(server.reset_of(stream), cancel);
}

TEST_F(Http2Upstreams, GrpcClientsReadOurErrorsAsTheirs) {
  TestProxy bare(cleartext({to(nullptr, "", "/missing")}));
  Client client(bare);
  const auto call = [&](std::uint32_t stream, std::string_view path) {
    client.send(h2::frame(headers, end_headers, stream,
                          h2::request("POST", path, field("content-type", "application/grpc+proto"))) +
                frame(data, end_stream, stream, ""));
    return client.answer(stream);
  };
  Answer answer = call(1, "/missing/x");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.fields["grpc-status"], "14");
  EXPECT_EQ(answer.fields["content-type"], "application/grpc+proto");
  EXPECT_EQ(call(3, "/nowhere").fields["grpc-status"], "12");
  const auto line = bare.log_line();
  EXPECT_EQ(line.at("failure").as_string(), "no_service");
  EXPECT_EQ(line.at("grpcStatus").as_int64(), 14);
}

// A gRPC client takes a status in the head for the end of the call only if the stream ends there.
TEST_F(Http2Upstreams, TrailersOnlyAnswersStayThat) {
  Client client(proxy);
  client.send(frame(headers, end_headers | end_stream, 1, h2::request("POST", "/")));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  server.send(answer_head(stream, "200", field("grpc-status", "5"), true));
  const Frame head = client.await(headers);
  EXPECT_TRUE(head.flags & end_stream);
  EXPECT_EQ(client.so_far(1).fields.at("grpc-status"), "5");
  EXPECT_FALSE(client.so_far(1).fields.contains("content-length"));
}

// HTTP's status says nothing of how a call ended: the log and the metrics do.
TEST_F(Http2Upstreams, HowACallEndedIsTold) {
  Client client(proxy);
  const auto call = [&](std::uint32_t stream) {
    client.send(h2::frame(headers, end_headers | end_stream, stream,
                          h2::request("POST", "/", field("content-type", "application/grpc"))));
  };
  call(1);
  ServerEnd server = accept();
  std::uint32_t stream = server.request();
  server.send(answer_head(stream, "200") + frame(data, 0, stream, "abc") +
              frame(headers, end_headers | end_stream, stream, field("grpc-status", "13")));
  EXPECT_EQ(client.answer(1).trailers.at("grpc-status"), "13");
  EXPECT_EQ(proxy.log_line().at("grpcStatus").as_int64(), 13);
  call(3);
  stream = server.request();
  server.send(answer_head(stream, "200", field("grpc-status", "5"), true));
  EXPECT_EQ(client.answer(3).fields.at("grpc-status"), "5");
  EXPECT_EQ(proxy.log_line().at("grpcStatus").as_int64(), 5);
  client.send(h2::get(5));
  stream = server.request();
  server.send(answer_head(stream, "200", field("grpc-status", "5"), true));
  client.answer(5);
  EXPECT_FALSE(proxy.log_line().contains("grpcStatus"));  // it was no call
  const std::string calls = "gatehouse_service_grpc_calls_total{service=\"test/service:80\",grpc_status=";
  EXPECT_EQ(proxy.metric(calls + "\"13\"}"), 1);
  EXPECT_EQ(proxy.metric(calls + "\"5\"}"), 1);
}

// Those that are refused or answered over HTTP/1.1 count like all others, and of gRPC-Web not even refusals do: or the
// metric would say that all of them fail.
TEST_F(Http2Upstreams, CallsCountWhoeverAnswersThem) {
  const Refusing refusing;
  auto old = service({upstream.endpoint()}), down = service({refusing.endpoint()});
  proxy.publish_and_wait({cleartext({to(old), to(down, "", "/down")})});
  Client client(proxy);
  const auto call = [&](std::uint32_t stream, std::string_view path, std::string_view type) {
    client.send(
        h2::frame(headers, end_headers | end_stream, stream, h2::request("POST", path, field("content-type", type))));
  };
  call(1, "/", "application/grpc");
  RawPeer server = upstream.accept();
  server.read_message();
  server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ngrpc-status: 9\r\n\r\n");
  EXPECT_EQ(client.answer(1).trailers.at("grpc-status"), "9");
  EXPECT_EQ(proxy.log_line().at("grpcStatus").as_int64(), 9);
  call(3, "/", "application/grpc");
  server.read_message();
  server.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.answer(3).status, 404);
  EXPECT_EQ(proxy.log_line().at("grpcStatus").as_int64(), 12);
  call(5, "/", "application/grpc-web");
  server.read_message();
  server.send("HTTP/1.1 200 OK\r\ngrpc-status: 7\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.answer(5).fields.at("grpc-status"), "7");
  EXPECT_FALSE(proxy.log_line().contains("grpcStatus"));
  call(7, "/down", "application/grpc-web");
  EXPECT_EQ(client.answer(7).fields.at("grpc-status"), "14");
  EXPECT_FALSE(proxy.log_line().contains("grpcStatus"));
  call(9, "/down", "application/grpc");
  EXPECT_EQ(client.answer(9).fields.at("grpc-status"), "14");
  EXPECT_EQ(proxy.log_line().at("grpcStatus").as_int64(), 14);
}

// There is no other version to ask in: the request fails, and nothing else does.
TEST_F(Http2Upstreams, WithoutTlsAResetThatAsksForHttp1IsAFailure) {
  constexpr std::uint32_t http_1_1_required = 13;
  RawPeer client = ask("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc");
  ServerEnd server = accept();
  server.send(h2::reset(server.request(), http_1_1_required));
  EXPECT_EQ(client.read_message().status(), 502);
  EXPECT_EQ(proxy.log_line().at("attempts").as_int64(), 1);
  client.send(gatehouse::get("/"));
  server.send(h2::reset(server.request(), http_1_1_required));
  EXPECT_EQ(client.read_message().status(), 502);
  client.send(gatehouse::get("/fine"));
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(client.read_message().body, "fine");
  EXPECT_FALSE(upstream.pending());
}

TEST_F(Http2Upstreams, ADrainLetsExchangesEndAndClosesThen) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t stream = server.request();
  proxy.server().drain([] {});
  client.await(goaway);
  server.send(answered(stream, "last"));
  EXPECT_EQ(client.answer(1).body, "last");
  EXPECT_EQ(server.await(end_of_connection).type, end_of_connection);
}

}  // namespace
}  // namespace gatehouse
