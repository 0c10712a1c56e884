#include "base/stream.h"

#include "tests/doubles/connected_streams.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

template <class T>
Awaitable<void> keep(Awaitable<T> what, T& result) {
  result = co_await std::move(what);
}

TEST(PlainStream, carries_large_writes_whole) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  const std::string sent = pattern(5 << 20);
  std::string received;
  run_together(io, write_in_pieces(*ends.ours, sent, 2 << 20, 1), read_all(*ends.theirs, received));
  EXPECT_TRUE(received == sent);
}

Awaitable<void> write_many_buffers(Stream& stream, const std::string& text) {
  std::vector<asio::const_buffer> buffers;
  for (std::size_t at = 0; at < text.size(); at += text.size() / 15) {
    const std::size_t size = std::min(text.size() / 15, text.size() - at);
    buffers.push_back(asio::buffer(text.data() + at, size));
  }
  buffers.insert(buffers.begin() + 3, asio::const_buffer());
  buffers.resize(std::min<std::size_t>(buffers.size(), 16));
  EXPECT_FALSE(co_await stream.write(buffers));
  co_await stream.shutdown_write();
}

TEST(PlainStream, gathers_several_buffers) {
  for (const std::size_t size : {15, 15 * 100'000}) {
    asio::io_context io;
    const ConnectedStreams ends = connect_locally(io);
    const std::string sent = pattern(size);
    std::string received;
    run_together(io, write_many_buffers(*ends.ours, sent), read_all(*ends.theirs, received));
    EXPECT_TRUE(received == sent) << size;
  }
}

TEST(PlainStream, bytes_put_back_come_first) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  ends.theirs->unread("second ");
  ends.theirs->unread("first ");
  EXPECT_EQ(ends.theirs->plain_socket(), nullptr);
  EXPECT_FALSE(ends.theirs->idle_and_open());
  std::string received;
  run_together(io, write_in_pieces(*ends.ours, "third", 2, 1), read_all(*ends.theirs, received));
  EXPECT_EQ(received, "first second third");
  EXPECT_NE(ends.theirs->plain_socket(), nullptr);
  ends.theirs->unread("again");
  EXPECT_EQ(ends.theirs->take_unread(), "again");
  EXPECT_EQ(ends.theirs->take_unread(), "");
}

TEST(PlainStream, knows_whether_it_is_idle_and_whether_the_peer_is_there) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  EXPECT_TRUE(ends.ours->idle_and_open());
  EXPECT_FALSE(ends.ours->peer_gone());
  error_code error;
  run_together(io, keep(write_text(*ends.theirs, "x"), error));
  EXPECT_FALSE(ends.ours->idle_and_open());
  EXPECT_FALSE(ends.ours->peer_gone());
  ends.theirs->close();
  EXPECT_TRUE(ends.ours->peer_gone());
  EXPECT_FALSE(ends.ours->idle_and_open());
}

TEST(PlainStream, a_half_closed_peer_is_gone_but_can_be_written_to) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  std::string received;
  run_together(io, ends.theirs->shutdown_write());
  EXPECT_TRUE(ends.ours->peer_gone());
  EXPECT_FALSE(ends.ours->idle_and_open());
  run_together(io, write_in_pieces(*ends.ours, "still here", 100, 1), read_all(*ends.theirs, received));
  EXPECT_EQ(received, "still here");
}

Awaitable<void> read_once(Stream& stream, IoResult<std::size_t>& read) {
  char bytes[10];
  read = co_await stream.read_some(asio::buffer(bytes));
}

Awaitable<void> close_later(Stream& stream) {
  co_await let_others_run();
  stream.close();
  stream.close();
}

TEST(PlainStream, close_ends_a_read_that_waits) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  IoResult<std::size_t> read = std::size_t{0};
  run_together(io, read_once(*ends.ours, read), close_later(*ends.ours));
  EXPECT_EQ(read.error(), asio::error::operation_aborted);
}

TEST(PlainStream, an_aborted_one_is_a_reset_and_no_end) {
  asio::io_context io;
  const ConnectedStreams ends = connect_by_tcp(io, 64 * 1024);
  ends.ours->abort();
  IoResult<std::size_t> read = std::size_t{0};
  run_together(io, read_once(*ends.theirs, read));
  EXPECT_EQ(read.error(), asio::error::connection_reset);
}

TEST(PlainStream, writing_to_a_closed_peer_is_an_error_and_no_signal) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  ends.theirs->close();
  error_code error;
  run_together(io, keep(write_text(*ends.ours, "x"), error));
  EXPECT_EQ(error, asio::error::broken_pipe);
}

TEST(PlainStream, readable_is_data_or_an_end) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  error_code error = asio::error::fault;
  run_together(io, keep(ends.ours->wait_readable(), error), ends.theirs->shutdown_write());
  EXPECT_FALSE(error);
}

Awaitable<void> read_for_ever(Stream& stream, const bool& stop) {
  char byte;
  while (!stop) (void)co_await stream.read_some(asio::buffer(&byte, 1));
}

Awaitable<void> stop_it(bool& stop) {
  co_await let_others_run();
  stop = true;
}

// A peer that is always ready does not keep the worker from its other connections.
TEST(PlainStream, others_get_their_turn) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  run_together(io, ends.theirs->shutdown_write());  // an end can be read for ever
  bool stop = false;
  run_together(io, read_for_ever(*ends.ours, stop), stop_it(stop));
  EXPECT_TRUE(stop);
}

Awaitable<void> wait_for_more(Stream& stream, std::optional<error_code>& result) {
  const error_code error = co_await stream.wait_readable();
  result = error;
}

// A peer that is silent, and a reader that lets others run first: it would wait for that peer for ever.
TEST(PlainStream, one_that_gives_way_can_be_woken) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  while (!ends.ours->must_yield()) {
  }
  std::optional<error_code> result;
  asio::co_spawn(io, wait_for_more(*ends.ours, result), asio::detached);
  io.poll_one();  // as far as giving way
  EXPECT_FALSE(result);
  ends.ours->wake();
  io.restart();
  io.poll();
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, asio::error::operation_aborted);
}

// Nobody waits: the next one who does is not concerned.
TEST(PlainStream, to_be_woken_does_not_last) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  ends.ours->wake();
  while (!ends.ours->must_yield()) {
  }
  std::optional<error_code> result;
  asio::co_spawn(io, wait_for_more(*ends.ours, result), asio::detached);
  io.poll();
  EXPECT_FALSE(result);
  ends.ours->close();
  io.restart();
  io.run();
  EXPECT_TRUE(result);
}

}  // namespace
}  // namespace gatehouse
