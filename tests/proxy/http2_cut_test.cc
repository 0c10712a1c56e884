// The end of an HTTP/2 connection while much is under way: one connection on a loop that the test runs.
#include "proxy/http/http2_server.h"
#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"
#include "tests/doubles/proxy/http2_peer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse {
namespace {

using namespace h2;

// Everything one connection needs.
struct Rig {
  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  Buffers buffers;
  ConnectedStreams ends = connect_locally(io);
  Inbox inbox{*ends.ours, buffers};
  Deadline reading{deadlines, *ends.ours};
  StallLimit writing{deadlines, *ends.ours};
  Http2Refusals refusals{};
  Turns requests{io, 1};
  int costly_turns = 0;

  std::unique_ptr<Http2Connection> connection(Http2Connection::Serve serve) {
    return std::make_unique<Http2Connection>(
        Http2Link{io.get_executor(), *ends.ours, *ends.ours, inbox, deadlines, requests,
                  [this] { return costly_turn(); }, reading, writing, clock, refusals},
        Http2Terms{}, std::move(serve));
  }
  Awaitable<void> costly_turn() {
    ++costly_turns;
    co_return;
  }
};

Awaitable<void> run_to_end(std::unique_ptr<Http2Connection>& connection, PlainStream& stream) {
  co_await connection->run();
  connection.reset();
  stream.close();
}

// Frames that stand one after another.
std::vector<Frame> frames_in(std::string_view bytes) {
  std::vector<Frame> frames;
  while (bytes.size() >= 9) {
    const std::size_t size = number(bytes.substr(0, 3));
    frames.push_back({static_cast<std::uint8_t>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
                      number(bytes.substr(5, 4)), std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

Awaitable<void> turns(int count) {
  for (int turn = 0; turn < count; ++turn) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

Awaitable<void> say(Stream& stream, std::string text) {
  co_await write_text(stream, std::move(text));
  co_await stream.shutdown_write();
}

// The client ends its side at any moment: the answer may be missing then, but never looks whole when it is not.
TEST(Http2Cut, AnAnswerThatIsCutOffDoesNotEndLikeAWholeOne) {
  const std::string body(40'000, 'x');
  for (int moment = 0; moment < 40; ++moment) {
    Rig rig;
    auto connection = rig.connection([&body, moment](Http2Exchange& exchange) -> Awaitable<void> {
      co_await turns(moment);
      co_await exchange.respond(200, {}, body);
    });
    std::string heard;
    run_together(rig.io, run_to_end(connection, *rig.ends.ours),
                 say(*rig.ends.theirs, std::string(preface) + frame(settings, 0, 0, setting(4, 1 << 20)) +
                                           open_window(0, 1 << 20) + h2::get(1)),
                 read_all(*rig.ends.theirs, heard));
    std::size_t came = 0;
    bool whole = false;
    for (const Frame& got : frames_in(heard)) {
      if (got.type == data) came += got.payload.size();
      if (got.type == data || got.type == headers) whole |= (got.flags & end_stream) != 0;
    }
    EXPECT_TRUE(!whole || came == body.size()) << "at " << moment << " came " << came;
  }
}

Awaitable<void> drain_at(int moment, std::unique_ptr<Http2Connection>& connection) {
  co_await turns(moment);
  if (connection) connection->drain();
}

// The worker drains while a connection ends by itself: nothing of it runs on after (ASan sees what does).
TEST(Http2Cut, ADrainWhileTheConnectionEnds) {
  for (int moment = 0; moment < 40; ++moment) {
    Rig rig;
    auto connection = rig.connection([](Http2Exchange&) -> Awaitable<void> { co_return; });
    std::string heard;
    run_together(rig.io, run_to_end(connection, *rig.ends.ours),
                 say(*rig.ends.theirs, std::string(preface) + frame(settings, 0, 0) + frame(ping, 0, 0, "short")),
                 drain_at(moment, connection), read_all(*rig.ends.theirs, heard));
    EXPECT_EQ(connection, nullptr);
  }
}

// What a client asks for at once takes turns with what has become ready meanwhile: here a piece of work that goes on
// all the time and says '.' each round.
TEST(Http2Turns, RequestsThatComeTogetherAreServedOneARound) {
  Rig rig;
  std::string order;
  auto connection = rig.connection([&order](Http2Exchange& exchange) -> Awaitable<void> {
    order += 'r';
    co_await exchange.respond(200, {}, "fine");
  });
  std::string asked = std::string(preface) + frame(settings, 0, 0);
  for (std::uint32_t stream = 1; stream <= 15; stream += 2) asked += h2::get(stream);
  std::string heard;
  const auto tick = [](std::string& words, std::unique_ptr<Http2Connection>& while_it_lasts) -> Awaitable<void> {
    while (while_it_lasts) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      words += '.';
    }
  };
  const auto ask = [](Stream& stream, std::string requests, const std::string& words) -> Awaitable<void> {
    co_await write_text(stream, std::move(requests));
    while (std::ranges::count(words, 'r') < 8) co_await let_others_run();
    co_await stream.shutdown_write();
  };
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), ask(*rig.ends.theirs, asked, order),
               read_all(*rig.ends.theirs, heard), tick(order, connection));
  EXPECT_EQ(order.find("rr", order.find("rr") + 1), std::string::npos) << order;  // the first may meet the second
}

// What is cancelled while it waits for its turn goes to nobody.
TEST(Http2Turns, WhatIsCancelledMeanwhileIsNotServed) {
  Rig rig;
  int served = 0;
  auto connection = rig.connection([&served](Http2Exchange& exchange) -> Awaitable<void> {
    ++served;
    co_await exchange.respond(200, {}, "fine");
  });
  std::string asked = std::string(preface) + frame(settings, 0, 0), cancelled;
  for (std::uint32_t stream = 1; stream <= 41; stream += 2) asked += h2::get(stream);
  for (std::uint32_t stream = 5; stream <= 41; stream += 2) cancelled += frame(rst_stream, 0, stream, number(8));
  std::string heard;
  const auto speak = [](Stream& stream, std::string first, std::string then) -> Awaitable<void> {
    co_await write_text(stream, std::move(first));
    co_await let_others_run();
    co_await say(stream, std::move(then));
  };
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), speak(*rig.ends.theirs, asked, cancelled),
               read_all(*rig.ends.theirs, heard));
  EXPECT_GE(served, 2);
  EXPECT_LT(served, 21);
}

TEST(Http2Turns, ManySmallFramesWaitForTheirTurnAndLargeOnesDoNot) {
  std::string windows, body = frame(headers, end_headers, 1,
                                    h2::field(":method", "POST") + h2::field(":scheme", "https") +
                                        h2::field(":authority", "a.example") + h2::field(":path", "/"));
  for (std::uint32_t i = 0; i < 400; ++i) windows += open_window(0, 1);
  for (int i = 0; i < 3; ++i) body += frame(data, 0, 1, std::string(16'000, 'x'));
  const auto turns_for = [](const std::string& bytes) {
    Rig rig;
    auto connection = rig.connection([](Http2Exchange& exchange) -> Awaitable<void> {
      while (!exchange.body_ended() && co_await exchange.next_piece()) {
      }
    });
    std::string heard;
    run_together(rig.io, run_to_end(connection, *rig.ends.ours),
                 say(*rig.ends.theirs, std::string(preface) + frame(settings, 0, 0) + bytes),
                 read_all(*rig.ends.theirs, heard));
    return rig.costly_turns;
  };
  EXPECT_GE(turns_for(windows), 2);
  EXPECT_EQ(turns_for(body), 0);
}

}  // namespace
}  // namespace gatehouse
