// What comes in masses over one HTTP/2 connection gives way to what else is ready.
#include "tests/doubles/proxy/http2_rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse {
namespace {

using namespace h2;

// What a client asks for at once takes turns with what has become ready meanwhile: here a piece of work that goes on
// all the time and says '.' each round.
TEST(Http2Turns, RequestsThatComeTogetherAreServedSomeARound) {
  Http2Rig rig;
  std::string order;
  auto connection = rig.connection([&order](Http2Exchange& exchange) -> Awaitable<void> {
    order += 'r';
    co_await exchange.respond(200, {}, "fine");
  });
  std::string asked = std::string(preface) + frame(settings, 0, 0);
  for (std::uint32_t stream = 1; stream <= 63; stream += 2) asked += h2::get(stream);
  std::string heard;
  const auto tick = [](std::string& words, std::unique_ptr<Http2Connection>& while_it_lasts) -> Awaitable<void> {
    while (while_it_lasts) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      words += '.';
    }
  };
  const auto ask = [](Stream& stream, std::string requests, const std::string& words) -> Awaitable<void> {
    co_await write_text(stream, std::move(requests));
    while (std::ranges::count(words, 'r') < 32) co_await let_others_run();
    co_await stream.shutdown_write();
  };
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), ask(*rig.ends.theirs, asked, order),
               read_all(*rig.ends.theirs, heard), tick(order, connection));
  // The first of them at once may be followed by the first turn.
  EXPECT_EQ(order.find(std::string(1 + Http2Connection::requests_a_turn + 1, 'r')), std::string::npos) << order;
}

// What is cancelled while it waits for its turn goes to nobody.
TEST(Http2Turns, WhatIsCancelledMeanwhileIsNotServed) {
  Http2Rig rig;
  int served = 0;
  auto connection = rig.connection([&served](Http2Exchange& exchange) -> Awaitable<void> {
    ++served;
    co_await exchange.respond(200, {}, "fine");
  });
  std::string asked = std::string(preface) + frame(settings, 0, 0), cancelled;
  for (std::uint32_t stream = 1; stream <= 201; stream += 2) asked += h2::get(stream);
  for (std::uint32_t stream = 5; stream <= 201; stream += 2) cancelled += frame(rst_stream, 0, stream, number(8));
  std::string heard;
  const auto speak = [](Stream& stream, std::string first, std::string then) -> Awaitable<void> {
    co_await write_text(stream, std::move(first));
    co_await let_others_run();
    co_await say(stream, std::move(then));
  };
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), speak(*rig.ends.theirs, asked, cancelled),
               read_all(*rig.ends.theirs, heard));
  EXPECT_GE(served, 2);
  EXPECT_LT(served, 90);
}

TEST(Http2Turns, ManySmallFramesWaitForTheirTurnAndLargeOnesDoNot) {
  std::string windows, body = frame(headers, end_headers, 1,
                                    h2::field(":method", "POST") + h2::field(":scheme", "https") +
                                        h2::field(":authority", "a.example") + h2::field(":path", "/"));
  for (std::uint32_t i = 0; i < 400; ++i) windows += open_window(0, 1);
  for (int i = 0; i < 3; ++i) body += frame(data, 0, 1, std::string(16'000, 'x'));
  const auto turns_for = [](const std::string& bytes) {
    Http2Rig rig;
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
  EXPECT_GE(turns_for(windows), 4);
  EXPECT_LE(turns_for(body), 2);  // for its first bytes
}

}  // namespace
}  // namespace gatehouse
