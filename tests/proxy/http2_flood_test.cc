// Clients that make an HTTP/2 server work for nothing: each has a budget, a count by reason, and a clean end.
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

#include <functional>

namespace gatehouse {
namespace {

using namespace h2;
using namespace std::chrono_literals;
using namespace std::string_literals;

struct Http2Floods : testing::Test {
  AnsweringUpstream upstream{"fine"};
  TestProxy proxy{cleartext({to(service({upstream.endpoint()}))})};
  Client client{proxy};

  static std::string repeated(std::string_view bytes, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += bytes;
    return out;
  }
  // The connection ends politely, the reason is counted, and others are served.
  void ends(std::string_view reason, std::uint32_t error = enhance_your_calm) {
    EXPECT_EQ(client.goaway_error(), error);
    EXPECT_EQ(client.await(goaway).type, end_of_connection);
    EXPECT_EQ(proxy.await_metric(refusals(reason), 1), 1);
    Client other(proxy);
    other.send(h2::get(1));
    EXPECT_EQ(other.answer(1).body, "fine");
  }
  // Either what is asked runs out of its budget, or the answers do that were not read meanwhile.
  void ends_by_flood_of_questions() {
    EXPECT_EQ(client.goaway_error(), enhance_your_calm);
    EXPECT_EQ(client.await(goaway).type, end_of_connection);
    EXPECT_TRUE(proxy.metric(refusals("idle_frames")) == 1 || proxy.metric(refusals("acknowledgements")) == 1);
  }
  // Whatever is sent ends the connection or is passed over; it goes on serving others.
  void after(const std::string& flood, std::string_view reason) {
    client.send(flood);
    ends(reason);
  }
};

TEST_F(Http2Floods, Pings) {
  client.send(repeated(frame(ping, 0, 0, "12345678"), 5000));
  ends_by_flood_of_questions();
}

TEST_F(Http2Floods, PingAnswers) { after(repeated(frame(ping, ack, 0, "12345678"), 5000), "idle_frames"); }

TEST_F(Http2Floods, Settings) {
  client.send(repeated(frame(settings, 0, 0), 5000));
  ends_by_flood_of_questions();
}

// A flood whose answers are read all the time.
TEST_F(Http2Floods, PingsOneByOne) {
  for (int i = 0; i < 5000; ++i) {
    client.send(frame(ping, 0, 0, "12345678"));
    const Frame got = client.next();
    if (got.type == goaway || got.type == end_of_connection) break;
  }
  EXPECT_EQ(proxy.await_metric(refusals("idle_frames"), 1), 1);
}

TEST_F(Http2Floods, SettingsWithEntries) {
  client.send(repeated(frame(settings, 0, 0, repeated(setting(4, 65535), 30)), 5000));
  ends_by_flood_of_questions();
}

TEST_F(Http2Floods, SettingsWithTooManyEntries) {
  client.send(frame(settings, 0, 0, repeated(setting(4, 65535), 1000)));
  EXPECT_NE(client.goaway_error(), no_error);
  EXPECT_EQ(client.await(goaway).type, end_of_connection);
}

TEST_F(Http2Floods, Priorities) { after(repeated(frame(priority, 0, 3, "\0\0\0\0\x10"s), 5000), "idle_frames"); }

TEST_F(Http2Floods, PriorityUpdates) {
  after(repeated(frame(priority_update, 0, 0, "\0\0\0\1u=1"s), 5000), "idle_frames");
}

TEST_F(Http2Floods, WindowUpdatesOfTheConnection) { after(repeated(open_window(0, 1), 5000), "idle_frames"); }

TEST_F(Http2Floods, UnknownFrames) { after(repeated(frame(0xbe, 0, 0, "x"), 5000), "idle_frames"); }

TEST_F(Http2Floods, EmptyData) {
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")));
  after(repeated(frame(data, 0, 1), 5000), "idle_frames");
}

TEST_F(Http2Floods, DataOfPaddingAlone) {
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")));
  after(repeated(frame(data, padded, 1, "\x03\0\0\0"s), 5000), "idle_frames");
}

// Frames of a stream that is over are passed over, but not for nothing.
TEST_F(Http2Floods, EmptyDataOfAStreamThatIsOver) {
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/", field("content-length", "x"))));
  EXPECT_TRUE(client.answer(1).was_reset());
  after(repeated(frame(data, 0, 1), 5000), "idle_frames");
}

TEST_F(Http2Floods, DataOfAStreamThatTheClientHasEnded) {
  client.send(h2::get(1));
  EXPECT_TRUE(client.answer(1).whole);
  client.send(frame(data, 0, 1, "x"));
  ends("protocol_error", stream_closed);
}

TEST_F(Http2Floods, AHeadOnAStreamThatWasPassedOver) {
  client.send(h2::get(5));
  EXPECT_TRUE(client.answer(5).whole);
  client.send(h2::get(3));
  ends("protocol_error", stream_closed);
}

TEST_F(Http2Floods, APriorityOnItself) {
  client.send(frame(priority, 0, 1, number(1u) + "\x10"));
  ends("protocol_error", protocol_error);
}

TEST_F(Http2Floods, ResetsOfAStreamThatIsOver) {
  client.send(h2::get(1));
  EXPECT_TRUE(client.answer(1).whole);
  after(repeated(h2::reset(1), 5000), "resets");
}

TEST_F(Http2Floods, WindowUpdatesOfAStreamThatIsOver) {
  client.send(h2::get(1));
  EXPECT_TRUE(client.answer(1).whole);
  after(repeated(open_window(1, 1), 5000), "idle_frames");
}

// The client opens its window by a byte at a time (CVE-2019-9511).
TEST_F(Http2Floods, TinyWindows) {
  client.send(frame(settings, 0, 0, setting(4, 1)));
  AnsweringUpstream large(std::string(100'000, 'x'));
  proxy.publish_and_wait({cleartext({to(service({large.endpoint()}))})});
  client.send(h2::get(1));
  EXPECT_EQ(client.await(data).payload.size(), 1u);
  client.send(repeated(open_window(1, 1), 5000));
  EXPECT_EQ(client.goaway_error(), enhance_your_calm);
}

TEST_F(Http2Floods, RapidReset) {
  std::string flood;
  for (std::uint32_t stream = 1; stream < 20001; stream += 2) flood += h2::get(stream) + h2::reset(stream);
  after(flood, "resets");
}

TEST_F(Http2Floods, WhatIsCancelledByTheSameBytesCostsNoUpstreamAnything) {
  std::uint32_t stream = 1;
  for (int i = 0; i < 50; ++i, stream += 2) client.send(h2::get(stream) + reset(stream));
  client.send(h2::get(stream));
  EXPECT_EQ(client.answer(stream).body, "fine");
  EXPECT_EQ(upstream.connections(), 1);
  EXPECT_EQ(upstream.requests(), 1);
}

TEST_F(Http2Floods, RapidResetInTwoSweeps) {
  std::string flood;
  for (std::uint32_t stream = 1; stream < 2001; stream += 2) flood += h2::get(stream);
  for (std::uint32_t stream = 1; stream < 2001; stream += 2) flood += h2::reset(stream);
  after(flood, "resets");
}

// The server is made to reset what it has begun (CVE-2025-8671).
struct Http2MadeYouReset : Http2Floods {
  void by(const std::function<std::string(std::uint32_t)>& offence) {
    std::string flood;
    for (std::uint32_t stream = 1; stream < 2001; stream += 2) flood += h2::get(stream) + offence(stream);
    client.send(flood);
    EXPECT_NE(client.goaway_error(), no_error);
    EXPECT_EQ(client.await(goaway).type, end_of_connection);
    EXPECT_LE(upstream.requests(), 500);
  }
};

TEST_F(Http2MadeYouReset, ByAWindowUpdateOfZero) {
  by([](std::uint32_t stream) { return open_window(stream, 0); });
}

TEST_F(Http2MadeYouReset, ByAWindowThatOverflows) {
  by([](std::uint32_t stream) { return open_window(stream, 0x7fffffff); });
}

TEST_F(Http2MadeYouReset, ByAPriorityOfTheWrongLength) {
  by([](std::uint32_t stream) { return frame(priority, 0, stream, "abc"); });
}

TEST_F(Http2MadeYouReset, ByAPriorityOnItself) {
  by([](std::uint32_t stream) { return frame(priority, 0, stream, number(stream) + "\x10"); });
}

TEST_F(Http2MadeYouReset, ByAHeadAfterTheEnd) {
  by([](std::uint32_t stream) { return h2::get(stream); });
}

TEST_F(Http2MadeYouReset, ByDataAfterTheEnd) {
  by([](std::uint32_t stream) { return frame(data, 0, stream, "x"); });
}

// nghttp2 resets these streams without a word to us. One by one, so that each reset is seen before the next offence.
struct Http2MadeYouResetByABody : Http2Floods {
  void by(std::string_view length, std::string_view body, std::uint8_t flags) {
    std::uint32_t stream = 1;
    for (; stream < 4001; stream += 2) {
      client.send(frame(headers, end_headers, stream, h2::request("POST", "/", field("content-length", length))) +
                  frame(data, flags, stream, body));
      if (!client.answer(stream).was_reset()) break;  // some are refused: those before are still being called off
    }
    EXPECT_GT(stream, 100u);
    EXPECT_LT(stream, 4001u);
    EXPECT_EQ(proxy.await_metric(refusals("resets"), 1), 1);
  }
};

TEST_F(Http2MadeYouResetByABody, LongerThanStated) { by("1", "xx", 0); }

TEST_F(Http2MadeYouResetByABody, ShorterThanStated) { by("5", "xx", end_stream); }

TEST_F(Http2Floods, MalformedRequests) {
  std::string flood;
  for (std::uint32_t stream = 1; stream < 2001; stream += 2) flood += h2::get(stream, "/", field("x", "a\nb"));
  after(flood, "resets");
  EXPECT_EQ(upstream.requests(), 1);  // of the other client
}

TEST_F(Http2Floods, ContinuationsWithoutEnd) {
  std::string flood = frame(headers, end_stream, 1, h2::request("GET", "/"));
  for (int i = 0; i < 1000; ++i) flood += frame(continuation, 0, 1, field("x-" + std::to_string(i), "1"));
  after(flood, "continuations");
}

TEST_F(Http2Floods, EmptyContinuations) {
  after(frame(headers, end_stream, 1, h2::request("GET", "/")) + repeated(frame(continuation, 0, 1), 5000),
        "continuations");
}

// An entry in the table, then named by a byte each (CVE-2026-49975).
TEST_F(Http2Floods, AnHpackBomb) {
  client.send(frame(headers, end_headers | end_stream, 1,
                    h2::request("GET", "/") + indexed_field("x", std::string(3900, 'y')) + std::string(2000, '\xbe')));
  ends("large_head");
}

TEST_F(Http2Floods, AnHpackBombOfNearlyEmptyFields) {
  client.send(frame(headers, end_headers | end_stream, 1,
                    h2::request("GET", "/") + indexed_field("x", "") + std::string(16000, '\xbe')));
  ends("large_head");
}

TEST_F(Http2Floods, AnHpackBombOfCookieCrumbs) {
  client.send(
      frame(headers, end_headers | end_stream, 1,
            h2::request("GET", "/") + indexed_field("cookie", std::string(3900, 'y')) + std::string(2000, '\xbe')));
  ends("large_head");
}

TEST_F(Http2Floods, ABrokenFieldBlock) {
  client.send(frame(headers, end_headers | end_stream, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_EQ(client.goaway_error(), compression_error);
}

TEST_F(Http2Floods, AHeadBeyondTheLimitIs431) {
  std::string block = h2::request("GET", "/");
  const std::string large = field("x-large", std::string(14000, 'x'));
  client.send(frame(headers, end_stream, 1, block) + repeated(frame(continuation, 0, 1, large), 4) +
              frame(continuation, end_headers, 1, large));
  EXPECT_EQ(client.answer(1).status, 431);
  client.send(h2::get(3));
  EXPECT_EQ(client.answer(3).body, "fine");
}

TEST_F(Http2Floods, TooManyFieldsAre431) {
  std::string block;
  for (int i = 0; i < 200; ++i) block += field("x-" + std::to_string(i), "1");
  client.send(h2::get(1, "/", block));
  EXPECT_EQ(client.answer(1).status, 431);
}

// Requests that nobody answers, with large heads: their memory is bounded, and the rest may be asked again.
TEST_F(Http2Floods, HeadsOfOpenRequestsAreBounded) {
  Upstream silent;
  EntryDraft draft = cleartext({to(service({silent.endpoint()}))});
  draft.limits.http2_streams = 32;
  TestProxy narrow{std::move(draft)};
  Client fresh(narrow);
  for (std::uint32_t stream = 1; stream < 41; stream += 2)
    fresh.send(frame(headers, end_stream, stream, h2::request("GET", "/", field("x", std::string(15000, 'x')))) +
               frame(continuation, end_headers, stream, field("y", std::string(15000, 'y'))));
  EXPECT_EQ(fresh.answer(39).reset, refused_stream);
  EXPECT_GE(narrow.metric(refusals("heads_held")), 1);
}

// What a browser with many cookies may do: ask for a page full of images, and be reloaded before they come.
TEST_F(Http2Floods, ReloadingAPageOfManyLargeRequestsIsNoFlood) {
  Upstream silent;
  proxy.publish_and_wait({cleartext({to(service({silent.endpoint()}))})});
  Client fresh(proxy);
  const std::string cookie = field("cookie", std::string(5000, 'x'));
  std::uint32_t stream = 1;
  for (int reload = 0; reload < 3; ++reload) {
    const std::uint32_t first = stream;
    for (; stream < first + 240; stream += 2) fresh.send(h2::get(stream, "/", cookie));
    for (std::uint32_t left = first; left < stream; left += 2) fresh.send(h2::reset(left));
    fresh.send(frame(ping, 0, 0, "12345678"));
    EXPECT_EQ(fresh.await(ping).type, ping);
  }
  EXPECT_EQ(proxy.metric(refusals("heads_held")), -1);
  EXPECT_EQ(proxy.metric(refusals("resets")), -1);  // never counted
}

TEST_F(Http2Floods, MoreStreamsThanAllowedAreRefused) {
  Upstream silent;
  EntryDraft draft = cleartext({to(service({silent.endpoint()}))});
  draft.limits.http2_streams = 10;
  TestProxy narrow{std::move(draft)};
  Client fresh(narrow);
  fresh.await(settings);
  EXPECT_EQ(fresh.told(3), 10u);
  for (std::uint32_t stream = 1; stream < 23; stream += 2) fresh.send(h2::get(stream));
  EXPECT_EQ(fresh.answer(21).reset, refused_stream);
}

// Slow ones, on a clock that the test drives.
struct Http2Slow : testing::Test {
  ManualClock clock;
  Upstream upstream;
  TestProxy proxy{cleartext({to(service({upstream.endpoint()}))}), TestProxy::Setup{.clock = &clock}};
  Client client{proxy};

  // How long until the server ends the connection or a stream; what it had to say before is read.
  Duration waited_for(std::uint8_t type, Duration step = 1s) {
    RawPeer& raw = static_cast<RawPeer&>(client.peer());
    Duration waited{};
    while (waited < 1h) {
      waited += proxy.advance_until_readable(raw, step);
      const Frame got = client.next();
      if (got.type == type || got.type == end_of_connection) break;
    }
    return waited;
  }
  void settle() {
    client.send(frame(settings, ack, 0) + frame(ping, 0, 0, "12345678"));
    client.await(ping);
  }
};

TEST_F(Http2Slow, AClientThatNeverConfirmsTheSettings) {
  client.send(h2::get(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  const Duration waited = waited_for(goaway);
  EXPECT_GE(waited, 10s);
  EXPECT_LE(waited, 13s);
  EXPECT_EQ(proxy.await_metric(refusals("unacknowledged"), 1), 1);
  EXPECT_EQ(connection.read_to_end(), "");  // its work is called off
}

TEST_F(Http2Slow, AHeadThatDoesNotEnd) {
  settle();
  client.send(frame(headers, end_stream, 1, h2::request("GET", "/")));
  EXPECT_EQ(proxy.await_open("web", 1), 1);
  EXPECT_LE(waited_for(goaway), 13s);
  client.close();
  EXPECT_EQ(proxy.log_line().at("failure"), "head_timeout");
}

// A call whose client only listens, or a watch: the answer goes on for as long as it takes.
TEST_F(Http2Slow, AClientThatHasItsAnswerOwesNoMoreOfItsBody) {
  settle();
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")) + frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  connection.read_until("abc");
  connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  EXPECT_EQ(client.status(1), 200);
  EXPECT_EQ(client.await(data).payload, "first");
  for (int i = 0; i < 6; ++i) {
    proxy.pass(50s);
    client.send(frame(ping, 0, 0, "12345678"));
    client.await(ping);
  }
  connection.send("4\r\nlast\r\n0\r\n\r\n");
  EXPECT_EQ(client.await(data).payload, "last");
}

TEST_F(Http2Slow, ABodyThatStallsIs408) {
  settle();
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/")) + frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  connection.read_until("abc");
  const Duration waited = waited_for(headers);
  EXPECT_GE(waited, 60s);
  EXPECT_LE(waited, 65s);
  EXPECT_EQ(client.status(1), 408);
  EXPECT_EQ(connection.read_to_end().find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(proxy.log_line().at("failure"), "body_stalled");
}

TEST_F(Http2Slow, ABodyThatStallsAfterItsContinueIs408) {
  settle();
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/", field("expect", "100-continue"))));
  RawPeer connection = upstream.accept();
  connection.read_until("\r\n\r\n");
  connection.send("HTTP/1.1 100 Continue\r\n\r\n");
  client.await(headers);
  EXPECT_EQ(client.so_far(1).interims, std::vector<int>{100});
  const Duration waited = waited_for(headers);
  EXPECT_GE(waited, 60s);
  EXPECT_LE(waited, 65s);
  EXPECT_EQ(client.status(1), 408);
  EXPECT_EQ(proxy.log_line().at("failure"), "body_stalled");
}

TEST_F(Http2Slow, ABodyThatStallsWithoutItsContinueIs408) {
  settle();
  client.send(frame(headers, end_headers, 1, h2::request("POST", "/", field("expect", "100-continue"))) +
              frame(data, 0, 1, "abc"));
  RawPeer connection = upstream.accept();
  connection.read_until("abc");
  EXPECT_LE(waited_for(headers), 65s);
  EXPECT_EQ(client.status(1), 408);
}

// A window that is never opened, or by a byte now and then, holds an answer no longer than the limit on writing.
TEST_F(Http2Slow, AWindowThatStaysShut) {
  settle();
  client.send(frame(settings, 0, 0, setting(4, 0)) + h2::get(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok(std::string(100'000, 'x')));
  EXPECT_EQ(client.status(1), 200);
  EXPECT_LE(waited_for(rst_stream), 70s);
  EXPECT_EQ(client.answer(1).reset, cancel);
  EXPECT_EQ(proxy.log_line().at("failure"), "reading_stalled");
}

TEST_F(Http2Slow, AWindowOpenedByAByteNowAndThen) {
  settle();
  client.send(frame(settings, 0, 0, setting(4, 0)) + h2::get(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok(std::string(100'000, 'x')));
  EXPECT_EQ(client.status(1), 200);
  for (Duration waited{}; waited < 5min && !client.so_far(1).was_reset(); waited += 10s) {
    client.send(open_window(1, 1) + frame(ping, 0, 0, "12345678"));
    client.await(ping);
    proxy.pass(10s);
    client.send(frame(ping, 0, 0, "12345678"));
    client.await(ping);
  }
  EXPECT_EQ(client.so_far(1).reset, cancel);
}

// A slow link, and so many answers that each waits long for its turn: its client keeps its windows open.
TEST_F(Http2Slow, AnswersThatWaitForEachOtherAreNotCut) {
  constexpr std::size_t size = 400'000, streams = 20, step = 64 * 1024;
  AnsweringUpstream large(std::string(size, 'x'));
  proxy.publish_and_wait({cleartext({to(service({large.endpoint()}))})});
  Client slow(std::make_unique<RawPeer>(proxy.connect("web", 8192)), setting(4, 1 << 30));
  slow.send(frame(settings, ack, 0) + open_window(0, 1 << 30));
  for (std::uint32_t stream = 1; stream < 2 * streams; stream += 2) slow.send(h2::get(stream));
  while (large.requests() < static_cast<int>(streams)) slow.next();  // limits on connecting are another matter
  for (std::size_t read = 0; read < 15 * step; read += step) {
    for (std::size_t came = 0; came < step;) came += slow.next().payload.size() + 9;
    proxy.pass(20s);
  }
  for (std::uint32_t stream = 1; stream < 2 * streams; stream += 2)
    EXPECT_EQ(slow.answer(stream).body.size(), size) << stream;
}

// Pings keep nothing open.
TEST_F(Http2Slow, AnIdleConnectionIsClosedThoughItPings) {
  settle();
  client.send(h2::get(1));
  RawPeer connection = upstream.accept();
  connection.read_message();
  connection.send(ok("fine"));
  EXPECT_EQ(client.answer(1).body, "fine");
  for (int i = 0; i < 20; ++i) {
    client.send(frame(ping, 0, 0, "12345678"));
    proxy.pass(10s);
  }
  EXPECT_EQ(client.goaway_error(), no_error);
}

}  // namespace
}  // namespace gatehouse
