#include "base/departures.h"

#include "tests/doubles/connected_streams.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include <unistd.h>

namespace gatehouse {
namespace {

struct Counting final : Departures::Watch {
  using Watch::Watch;
  void stirred() override {
    ++times;
    if (then) then();
  }
  int times = 0;
  std::function<void()> then;
};

struct DeparturesTest : testing::Test {
  ~DeparturesTest() override { departures.close(); }
  // What has happened is told.
  void settle() {
    io.restart();
    while (io.poll() > 0) {
    }
  }

  asio::io_context io;
  Departures departures{io};
  ConnectedStreams ends = connect_by_tcp(io, 4096);
};

TEST_F(DeparturesTest, AnEndIsToldAndUnreadBytesAreNot) {
  Counting watch(departures, *ends.ours);
  ASSERT_TRUE(watch.start(false));
  run_together(io, [](Stream& theirs, Departures& all) -> Awaitable<void> {
    EXPECT_FALSE(co_await write_text(theirs, "something"));
    co_await let_others_run();
    co_await theirs.shutdown_write();
    co_await let_others_run();
    all.close();
  }(*ends.theirs, departures));
  EXPECT_EQ(watch.times, 1);
}

TEST_F(DeparturesTest, BytesOfALayerAreToldWhenTheyCome) {
  Counting watch(departures, *ends.ours);
  ASSERT_TRUE(watch.start(true));
  settle();
  EXPECT_EQ(watch.times, 0);
  asio::const_buffer some("some", 4);
  std::span<asio::const_buffer> buffers(&some, 1);
  error_code error;
  ASSERT_TRUE(ends.theirs->write_now(buffers, error));
  settle();
  settle();
  EXPECT_EQ(watch.times, 1) << "not as long as they are there";
}

TEST_F(DeparturesTest, AnEndOfBeforeIsToldToo) {
  Counting watch(departures, *ends.ours);
  ends.theirs->close();
  ASSERT_TRUE(watch.start(false));
  settle();
  EXPECT_EQ(watch.times, 1);
}

TEST_F(DeparturesTest, WhatIsToldMayEndAnother) {
  ConnectedStreams others = connect_by_tcp(io, 4096);
  Counting one(departures, *ends.ours);
  std::optional<Counting> another(std::in_place, departures, *others.ours);
  ASSERT_TRUE(one.start(false) && another->start(false));
  one.then = [&] { another.reset(); };
  another->then = [&] { one.stop(); };
  ends.theirs->close();
  others.theirs->close();
  settle();
  EXPECT_EQ(one.times + (another ? another->times : 0), 1);
}

// Its number may be another socket's by then.
TEST_F(DeparturesTest, AClosedSocketIsLeftAlone) {
  Counting watch(departures, *ends.ours);
  ASSERT_TRUE(watch.start(false));
  ConnectedStreams others = connect_by_tcp(io, 4096);
  const int number = ends.ours->socket().native_handle();
  ends.ours->close();
  ASSERT_EQ(::dup2(others.ours->socket().native_handle(), number), number);
  PlainStream same_number(Socket(io, others.ours->socket().local_endpoint().protocol(), number));
  others.ours->close();
  Counting another(departures, same_number);
  ASSERT_TRUE(another.start(false));
  watch.stop();
  others.theirs->close();
  settle();
  EXPECT_EQ(another.times, 1);
  EXPECT_FALSE(watch.start(false));
}

}  // namespace
}  // namespace gatehouse
