// HTTP/2 towards upstreams: many clients share a connection, and what one of them does is not felt by the others.
#include "tests/doubles/proxy/http2_upstreams.h"

namespace gatehouse {
namespace {

using namespace h2;

TEST_F(Http2Upstreams, OneConnectionIsShared) {
  Client client(proxy);
  client.send(h2::get(1, "/1") + h2::get(3, "/3") + h2::get(5, "/5"));
  ServerEnd server = accept();
  const std::uint32_t first = server.request(), second = server.request(), third = server.request();
  server.send(answered(third, "c") + answered(first, "a") + answered(second, "b"));
  EXPECT_EQ(client.answer(1).body + client.answer(3).body + client.answer(5).body, "abc");
  EXPECT_FALSE(upstream.pending());
}

TEST_F(Http2Upstreams, AnotherOneIsOpenedWhenItIsFull) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd first = accept(setting(concurrent_streams, 2));
  ASSERT_NE(first.request(), 0u);
  client.send(h2::get(3) + h2::get(5));
  ASSERT_NE(first.request(), 0u);
  ServerEnd second = accept(setting(concurrent_streams, 2));
  const std::uint32_t stream = second.request();
  second.send(answered(stream, "second"));
  EXPECT_EQ(client.answer(5).body, "second");
}

// The upstream may send a window ahead, the client reads nothing: memory stays bounded, and other streams go on.
TEST_F(Http2Upstreams, AClientThatDoesNotReadHoldsUpNobodyElse) {
  Client slow(proxy, setting(window_size, 0));
  slow.send(h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t stalled = server.request();
  server.send(answer_head(stalled, "200"));
  const std::uint32_t window = server.told(window_size);
  EXPECT_EQ(window, 64u * 1024);
  std::string piece(16 * 1024, 'x');
  for (int i = 0; i < 4; ++i) server.send(frame(data, 0, stalled, piece));
  Client other(proxy);
  other.send(h2::get(1));
  server.send(answered(server.request(), "fine"));
  EXPECT_EQ(other.answer(1).body, "fine");
  // More than one window would be against the rules, as no more was granted: beyond the piece handed out, nothing is.
  slow.send(h2::reset(1));
  EXPECT_EQ(server.reset_of(stalled), cancel);
}

// Answers that nobody reads are held, each at most a window: whatever they come to together, the connection's window
// opens again, or nobody else's answer could come.
TEST_F(Http2Upstreams, ManyClientsThatDoNotReadHoldUpNobodyElse) {
  Client slow(proxy, setting(window_size, 0));
  std::optional<ServerEnd> server;
  const std::string piece(16 * 1024, 'x');
  const auto answer = [&](std::uint32_t stream) {
    server->send(answer_head(stream, "200"));
    for (int k = 0; k < 4; ++k) server->send(frame(data, k == 3 ? end_stream : 0, stream, piece));
  };
  std::uint32_t next = 1;
  for (; next < 2 * 176; next += 2) {
    slow.send(h2::get(next));
    if (!server) server.emplace(upstream.accept(), std::string_view());
    answer(server->request());
  }
  // With these, half of what the connection's window was at first has come.
  std::vector<std::uint32_t> last;
  for (int i = 0; i < 8; ++i, next += 2) slow.send(h2::get(next));
  while (last.size() < 8) last.push_back(server->request());
  for (const std::uint32_t stream : last) answer(stream);
  Frame opened;
  do opened = server->await(window_update);
  while (opened.stream != 0 && opened.type == window_update);
  EXPECT_EQ(opened.type, window_update);
  Client other(proxy);
  other.send(h2::get(1));
  server->send(answered(server->request(), "fine"));
  EXPECT_EQ(other.answer(1).body, "fine");
}

TEST_F(Http2Upstreams, ManyAtOnceShareOneDial) {
  Client client(proxy);
  std::string all;
  for (std::uint32_t stream = 1; stream < 80; stream += 2) all += h2::get(stream);
  client.send(all);
  ServerEnd server = accept();
  for (int i = 0; i < 40; ++i) {
    const std::uint32_t stream = server.request();
    server.send(answered(stream, "x"));
  }
  for (std::uint32_t stream = 1; stream < 80; stream += 2) EXPECT_EQ(client.answer(stream).body, "x");
  EXPECT_FALSE(upstream.pending());
}

// More than one connection will carry, and they are not made one after another.
TEST_F(Http2Upstreams, SeveralAreDialledAtOnceWhereOneWillNotDo) {
  Client client(proxy);
  std::string all;
  for (std::uint32_t stream = 1; stream < 2 * 101; stream += 2) all += h2::get(stream);
  client.send(all);
  RawPeer first = upstream.accept(), second = upstream.accept();  // neither has said a word
  ServerEnd hundred(std::move(first)), one(std::move(second));
  for (int i = 0; i < 100; ++i) hundred.send(answered(hundred.request(), "x"));
  one.send(answered(one.request(), "x"));
  for (std::uint32_t stream = 1; stream < 2 * 101; stream += 2) EXPECT_EQ(client.answer(stream).body, "x");
  EXPECT_FALSE(upstream.pending());
}

// An upstream that takes one request at a time gets as many connections at once as there are requests.
TEST_F(Http2Upstreams, HowManyAreDialledAtOnceIsLearnt) {
  Client client(proxy);
  client.send(h2::get(1));
  ServerEnd first = accept(setting(concurrent_streams, 1));
  ASSERT_NE(first.request(), 0u);
  client.send(h2::get(3) + h2::get(5) + h2::get(7));
  RawPeer silent[] = {upstream.accept(), upstream.accept(), upstream.accept()};
  std::vector<std::unique_ptr<ServerEnd>> servers;
  for (RawPeer& peer : silent) {
    servers.push_back(std::make_unique<ServerEnd>(std::move(peer), setting(concurrent_streams, 1)));
    servers.back()->send(answered(servers.back()->request(), "x"));
  }
  for (const std::uint32_t stream : {3u, 5u, 7u}) EXPECT_EQ(client.answer(stream).body, "x");
}

// One dial that does not come to an end costs all that wait for it no more than itself.
TEST_F(Http2UpstreamLimits, AFailedDialFailsAllThatWaitForItAtOnce) {
  Client client(proxy);
  client.send(frame(settings, ack, 0) + h2::get(1) + h2::get(3) + h2::get(5));
  RawPeer silent = upstream.accept();
  while (dynamic_cast<RawPeer&>(client.peer()).readable_within(50)) client.next();
  const Duration waited = proxy.advance_until_readable(dynamic_cast<RawPeer&>(client.peer()));
  EXPECT_LE(waited, std::chrono::seconds(6));
  for (const std::uint32_t stream : {1u, 3u, 5u}) EXPECT_EQ(client.answer(stream).status, 504);
}

// What many clients cancel together would make a server end the connection, for all (CVE-2023-44487).
TEST_F(Http2UpstreamLimits, WhereMuchWasCancelledNothingNewBegins) {
  Client steady(proxy);
  steady.send(h2::get(1));
  ServerEnd server = accept();
  const std::uint32_t kept = server.request();
  server.send(answer_head(kept, "200") + frame(data, 0, kept, "half and "));
  EXPECT_EQ(steady.await(data).payload, "half and ");
  steady.send(frame(settings, ack, 0));
  Client hasty(proxy);
  hasty.await(settings);
  hasty.send(frame(settings, ack, 0));
  std::uint32_t next = 1;
  const auto cancel_some = [&](int count) {
    for (; count > 0; --count, next += 2) {
      hasty.send(h2::get(next));
      const std::uint32_t stream = server.request();
      hasty.send(h2::reset(next));
      ASSERT_EQ(server.reset_of(stream), cancel);
    }
  };
  cancel_some(45);
  proxy.pass(std::chrono::seconds(40));  // they come back, one a second
  cancel_some(45);
  EXPECT_FALSE(upstream.pending());
  cancel_some(1);
  hasty.send(h2::get(next));
  ServerEnd other = accept();
  other.send(answered(other.request(), "elsewhere"));
  EXPECT_EQ(hasty.answer(next).body, "elsewhere");
  server.send(frame(data, end_stream, kept, "half"));
  EXPECT_EQ(steady.answer(1).body, "half and half");
  EXPECT_EQ(server.await(end_of_connection).type, end_of_connection);
}

// An upstream that stands still: what is cancelled before it could be sent is held only so far. It is never sent, nor
// is its reset, which would be one of a stream that the upstream does not know.
TEST_F(Http2UpstreamLimits, WhatIsCancelledUnsentTakesItsPlaceUntilTheUpstreamReads) {
  constexpr std::uint32_t widest = 0x7fffffff;
  RawPeer upload = ask("PUT /large HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000000\r\n\r\n");
  ServerEnd hung = accept(setting(window_size, widest));
  const std::uint32_t stuck = hung.request();
  hung.send(h2::open_window(0, widest - 65535));
  const std::string piece(1 << 20, 'x');
  while (upload.send_what_fits(piece, 300) == piece.size()) continue;
  Client hasty(proxy);
  hasty.await(settings);
  hasty.send(frame(settings, ack, 0));
  std::uint32_t next = 1;
  std::string cancelling;
  for (int others = 0; others < 99; ++others, next += 2) {
    hasty.send(cancelling + h2::get(next, "/cancelled") + frame(ping, 0, 0, "has come"));
    ASSERT_EQ(hasty.await(ping).payload, "has come");
    cancelling = h2::reset(next);
  }
  EXPECT_FALSE(upstream.pending());
  hasty.send(cancelling + h2::get(next, "/elsewhere"));
  ServerEnd other = accept();
  const std::uint32_t stream = other.request();
  EXPECT_EQ(other.so_far(stream).fields.at(":path"), "/elsewhere");
  other.send(answered(stream, "fine"));
  EXPECT_EQ(hasty.answer(next).body, "fine");
  upload.reset();
  EXPECT_EQ(hung.reset_of(stuck), cancel);
  hasty.send(h2::get(next += 2, "/next"));
  const std::uint32_t first_of_them = hung.request();
  EXPECT_EQ(hung.so_far(first_of_them).fields.at(":path"), "/next");
  for (std::uint32_t unseen = stuck + 2; unseen < stuck + 2 * 100; unseen += 2)
    ASSERT_FALSE(hung.so_far(unseen).was_reset()) << unseen;
}

// The upstream gives no more window to anybody until somebody has read what has come.
TEST_F(Http2Upstreams, AnUploadThatIsNotTakenHoldsUpNobodyElse) {
  const auto post = [](std::uint32_t stream) { return frame(headers, end_headers, stream, h2::request("POST", "/")); };
  Client slow(proxy), other(proxy);
  slow.await(settings);  // they give more window
  slow.send(frame(settings, ack, 0) + post(1));
  for (int i = 0; i < 4; ++i) slow.send(frame(data, 0, 1, std::string(16 * 1024, 'x')));
  ServerEnd server = accept();
  const std::uint32_t stuck = server.request();
  std::size_t came = 0;
  while (came < 65535) came += server.await(data).payload.size();
  other.send(post(1) + frame(data, end_stream, 1, "abc"));
  ServerEnd second = accept();
  const std::uint32_t stream = second.request();
  EXPECT_EQ(second.answer(stream).body, "abc");
  second.send(answered(stream, "fine"));
  EXPECT_EQ(other.answer(1).body, "fine");
  server.send(h2::open_window(stuck, 1) + h2::open_window(0, 1000));
  EXPECT_EQ(server.await(data).payload, "x");
  other.send(h2::get(3));  // there is room on it again
  server.send(answered(server.request(), "here"));
  EXPECT_EQ(other.answer(3).body, "here");
}

}  // namespace
}  // namespace gatehouse
