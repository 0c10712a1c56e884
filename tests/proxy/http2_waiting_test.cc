// What waits for windows: how little of it is kept, and who is not to blame for it.
#include "tests/doubles/proxy/http2_rig.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;
using namespace std::chrono_literals;

constexpr std::size_t piece_size = 16 * 1024;

std::string greeting(std::string_view settings_payload = {}) {
  return std::string(preface) + frame(settings, 0, 0, settings_payload);
}

std::string post(std::uint32_t stream) { return frame(headers, end_headers, stream, h2::request("POST", "/")); }

// So many answers wait, each with so many pieces behind it.
struct Waiting {
  int pieces = 0, answered = 0;

  Awaitable<void> answer(Http2Exchange& exchange) {
    ResponseHead head;
    head.status = 200;
    head.body = {BodyKind::until_close, 0};
    const std::string piece(piece_size, 'x');
    if (!co_await exchange.send_head(head, {{}, false}, {}, {})) co_return;
    for (int i = 0; i < 4; ++i) {
      ++pieces;
      const auto sent = co_await exchange.send_piece({piece, i == 3}, {});
      if (!sent) co_return;
    }
    ++answered;
  }
};

TEST(Http2Waiting, OneSmallPieceIsKeptForAWindowThatIsShut) {
  Http2Rig rig;
  Waiting waiting;
  auto connection = rig.connection([&](Http2Exchange& exchange) { return waiting.answer(exchange); });
  const auto client = [&](Stream& stream) -> Awaitable<void> {
    std::string asked = greeting(setting(4, 0));
    for (std::uint32_t id = 1; id < 40; id += 2) asked += h2::get(id);
    co_await write_text(stream, std::move(asked));
    for (int i = 0; i < 40; ++i) co_await let_others_run();
    EXPECT_EQ(waiting.pieces, 20);  // the first of each
    co_await write_text(stream, open_window(1, 4 * piece_size));
    for (int i = 0; i < 40; ++i) co_await let_others_run();
    EXPECT_EQ(waiting.answered, 1);  // the window for all streams has room for no more than one
    co_await stream.shutdown_write();
  };
  std::string heard;
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), client(*rig.ends.theirs),
               read_all(*rig.ends.theirs, heard));
  EXPECT_EQ(waiting.pieces, 23);
}

// The head that was asked with is not kept with the answer that waits.
TEST(Http2Waiting, AnAnsweredRequestIsForgotten) {
  Http2Rig rig;
  Http2Exchange* answered = nullptr;
  auto connection = rig.connection([&](Http2Exchange& exchange) -> Awaitable<void> {
    EXPECT_EQ(exchange.request().target, "/long");
    co_await exchange.respond(200, {}, "fine");
    answered = &exchange;
  });
  const auto client = [&](Stream& stream) -> Awaitable<void> {
    co_await write_text(stream, greeting(setting(4, 0)) + h2::get(1, "/long", field("x-a", std::string(9000, 'a'))));
    while (answered == nullptr) co_await let_others_run();
    co_await let_others_run();
    EXPECT_EQ(answered->request().target, "");
    EXPECT_TRUE(answered->request().fields.empty());
    co_await stream.shutdown_write();
  };
  std::string heard;
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), client(*rig.ends.theirs),
               read_all(*rig.ends.theirs, heard));
}

// Two uploads that nobody takes have the connection's whole window: the third cannot send, and is given time.
TEST(Http2Waiting, AnUploadThatOthersKeepFromSendingIsNotLate) {
  Http2Rig rig;
  rig.terms.body_idle = 60s;
  asio::steady_timer go_on(rig.io, TimePoint::max());
  std::string third;
  auto connection = rig.connection([&](Http2Exchange& exchange) -> Awaitable<void> {
    if (exchange.request().target != "/third") {
      co_await wait_on(go_on);
      while (!exchange.body_ended() && co_await exchange.next_piece()) {
      }
      co_return;
    }
    while (!exchange.body_ended()) {
      const auto piece = co_await exchange.next_piece();
      third += piece ? std::string(piece->bytes) : std::string(row(piece.error().kind).name);
      if (!piece) co_return;
    }
  });
  const auto client = [&](Stream& stream) -> Awaitable<void> {
    co_await write_text(stream, greeting());
    co_await let_others_run();
    co_await write_text(stream, frame(settings, ack, 0) + post(1) + post(3));  // from here on with the larger windows
    for (std::size_t sent = 0; sent < 1024 * 1024; sent += piece_size)
      for (const std::uint32_t id : {1u, 3u})
        co_await write_text(stream, frame(data, 0, id, std::string(piece_size, 'x')));
    co_await write_text(stream, frame(headers, end_headers, 5, h2::request("POST", "/third")));
    for (int i = 0; i < 400; ++i) co_await let_others_run();
    for (int second = 0; second < 200; ++second) {
      rig.clock.advance(1s);
      rig.deadlines.expire_due();
      co_await let_others_run();
    }
    EXPECT_EQ(third, "");
    go_on.cancel();
    co_await write_text(stream, frame(data, end_stream, 1) + frame(data, end_stream, 3));
    for (int i = 0; i < 400; ++i) co_await let_others_run();
    co_await write_text(stream, frame(data, end_stream, 5, "at last"));
    for (int i = 0; i < 40; ++i) co_await let_others_run();
    co_await stream.shutdown_write();
  };
  std::string heard;
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), client(*rig.ends.theirs),
               read_all(*rig.ends.theirs, heard));
  EXPECT_EQ(third, "at last");
}

// The last GOAWAY is written behind what the client has not read yet. What it asks for until it has read that is
// refused, as it says, and done by nobody.
TEST(Http2Waiting, WhatTheLastGoawayLeavesOutIsDoneByNobody) {
  Http2Rig rig;
  std::vector<std::string> served;
  const std::string large(8 * 1024 * 1024, 'x');
  auto connection = rig.connection([&](Http2Exchange& exchange) -> Awaitable<void> {
    served.emplace_back(exchange.request().target);
    co_await exchange.respond(200, {}, large);
  });
  std::string heard;
  const auto client = [&](Stream& stream) -> Awaitable<void> {
    co_await write_text(stream, greeting(setting(4, 1 << 30)) + open_window(0, 1 << 30) + h2::get(1, "/large"));
    for (int i = 0; i < 400; ++i) co_await let_others_run();
    connection->drain();
    for (int i = 0; i < 20; ++i) {
      rig.clock.advance(100ms);
      rig.deadlines.expire_due();
      co_await let_others_run();
    }
    co_await write_text(stream, h2::get(3, "/pay"));
    for (int i = 0; i < 40; ++i) co_await let_others_run();
    co_await read_all(stream, heard);
    stream.close();
  };
  run_together(rig.io, run_to_end(connection, *rig.ends.ours), client(*rig.ends.theirs));
  EXPECT_EQ(served, std::vector<std::string>{"/large"});
  EXPECT_GT(heard.size(), large.size());
}

}  // namespace
}  // namespace gatehouse
