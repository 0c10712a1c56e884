// The end of an HTTP/2 connection while much is under way: one connection on a loop that the test runs.
#include "tests/doubles/proxy/http2_rig.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace h2;

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

// The client ends its side at any moment: the answer may be missing then, but never looks whole when it is not.
TEST(Http2Cut, AnAnswerThatIsCutOffDoesNotEndLikeAWholeOne) {
  const std::string body(40'000, 'x');
  for (int moment = 0; moment < 40; ++moment) {
    Http2Rig rig;
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
    Http2Rig rig;
    auto connection = rig.connection([](Http2Exchange&) -> Awaitable<void> { co_return; });
    std::string heard;
    run_together(rig.io, run_to_end(connection, *rig.ends.ours),
                 say(*rig.ends.theirs, std::string(preface) + frame(settings, 0, 0) + frame(ping, 0, 0, "short")),
                 drain_at(moment, connection), read_all(*rig.ends.theirs, heard));
    EXPECT_EQ(connection, nullptr);
  }
}

}  // namespace
}  // namespace gatehouse
