// Bodies over a connection: pieces of any size on the way in, exact framing on the way out. The Inbox is tested with
// them, since its work is to keep heads, bodies and what follows apart.
#include "proxy/http/body.h"

#include "proxy/http/http1_parser.h"
#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

namespace gatehouse {
namespace {

// One received body: what came of it, and what was left unread behind it.
struct Received {
  std::string bytes;
  std::string failure;  // its name; empty: the body ended
  std::string rest;
  std::uint64_t counted = 0;
  std::size_t largest_piece = 0;
  std::set<std::uintptr_t> blocks;  // 64 KiB regions of memory that pieces lay in
  std::vector<std::pair<std::string, std::string>> trailers;
};

struct Line {
  asio::io_context io;
  ManualClock clock;
  Deadlines deadlines{clock};
  ConnectedStreams ends = connect_locally(io);
  Deadline deadline{deadlines, *ends.ours};
  Buffers buffers;
  Inbox inbox{*ends.ours, buffers};
};

Awaitable<void> receive(Line& line, BodyFraming framing, const BodyFailures& failures, Received& received) {
  Http1Body body(line.inbox, line.deadline, framing, std::chrono::seconds(10), failures);
  while (!body.ended()) {
    const auto piece = co_await body.next();
    if (!piece) {
      received.failure = row(piece.error().kind).name;
      co_return;
    }
    EXPECT_EQ(piece->last, body.ended());
    received.bytes.append(piece->bytes);
    received.largest_piece = std::max(received.largest_piece, piece->bytes.size());
    if (!piece->bytes.empty())
      received.blocks.insert(reinterpret_cast<std::uintptr_t>(piece->bytes.data()) / Buffers::large);
  }
  received.counted = body.received();
  for (const auto& field : body.trailers()) received.trailers.emplace_back(field.name, field.value);
  received.rest = line.inbox.unread();
  co_await read_all(*line.ends.ours, received.rest);
}

// What is received of `sent`, which arrives in pieces of up to `largest` bytes and then ends.
Received receive(BodyFraming framing, std::string sent, std::size_t largest, unsigned seed = 1,
                 const BodyFailures& failures = request_body_failures) {
  Line line;
  Received received;
  run_together(line.io, write_in_pieces(*line.ends.theirs, std::move(sent), largest, seed),
               receive(line, framing, failures, received));
  return received;
}

std::string chunked(std::string_view payload, std::size_t chunk, std::string_view trailers = "") {
  std::string encoded;
  for (; !payload.empty(); payload.remove_prefix(std::min(chunk, payload.size()))) {
    const auto piece = payload.substr(0, chunk);
    encoded.append(ChunkSizeLine(piece.size()).text()).append(piece).append("\r\n");
  }
  return encoded.append("0\r\n").append(trailers).append("\r\n");
}

constexpr std::size_t sizes[] = {1, 2, 255, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 200'000};
constexpr std::string_view next_request = "GET /next HTTP/1.1\r\n\r\n";

TEST(Body, of_known_length) {
  for (const std::size_t size : sizes) {
    for (const std::size_t largest : {100, 20'000, 1'000'000}) {
      const std::string payload = pattern(size);
      const Received received = receive({BodyKind::length, size}, payload + std::string(next_request), largest);
      EXPECT_EQ(received.failure, "");
      EXPECT_TRUE(received.bytes == payload) << size;
      EXPECT_EQ(received.counted, size);
      EXPECT_EQ(received.rest, next_request) << size << " in pieces of " << largest;
    }
  }
}

TEST(Body, chunked_in_chunks_and_pieces_of_many_sizes) {
  for (const std::size_t size : sizes) {
    for (const std::size_t chunk : {7, 5000, 100'000}) {
      if (size / chunk > 3000) continue;
      const std::string payload = pattern(size);
      const std::string sent = chunked(payload, chunk, "X-Sum: 1\r\n") + std::string(next_request);
      const Received received = receive({BodyKind::chunked, 0}, sent, chunk * 2, static_cast<unsigned>(size));
      EXPECT_EQ(received.failure, "");
      EXPECT_TRUE(received.bytes == payload) << size;
      EXPECT_EQ(received.counted, size);
      EXPECT_EQ(received.rest, next_request) << size << " in chunks of " << chunk;
      ASSERT_EQ(received.trailers.size(), 1u);
      EXPECT_EQ(received.trailers[0], std::pair(std::string("X-Sum"), std::string("1")));
    }
  }
}

TEST(Body, byte_by_byte) {
  const std::string payload = pattern(300);
  const Received counted = receive({BodyKind::length, 300}, payload + std::string(next_request), 1);
  EXPECT_EQ(counted.bytes, payload);
  EXPECT_EQ(counted.rest, next_request);
  const Received encoded =
      receive({BodyKind::chunked, 0}, chunked(payload, 11, "A: b\r\n") + std::string(next_request), 1);
  EXPECT_EQ(encoded.bytes, payload);
  EXPECT_EQ(encoded.rest, next_request);
  EXPECT_EQ(encoded.trailers.size(), 1u);
}

TEST(Body, until_the_connection_closes) {
  for (const std::size_t size : sizes) {
    const std::string payload = pattern(size);
    const Received received = receive({BodyKind::until_close, 0}, payload, 30'000);
    EXPECT_EQ(received.failure, "");
    EXPECT_TRUE(received.bytes == payload) << size;
  }
  EXPECT_EQ(receive({BodyKind::until_close, 0}, "", 1).failure, "");
}

TEST(Body, none_reads_nothing) {
  const Received received = receive({}, std::string(next_request), 5);
  EXPECT_EQ(received.failure, "");
  EXPECT_EQ(received.bytes, "");
  EXPECT_EQ(received.rest, next_request);
}

// F25: a body that breaks off is never taken for a whole one.
TEST(Body, a_short_body_is_broken_off) {
  const std::string encoded = chunked("hello world", 4, "X: 1\r\n");
  for (const auto* failures : {&request_body_failures, &response_body_failures}) {
    const std::string_view expected = row(failures->broken_off).name;
    const Received received = receive({BodyKind::length, 10}, "hello", 3, 1, *failures);
    EXPECT_EQ(received.failure, expected);
    EXPECT_EQ(received.bytes, "hello");
    EXPECT_EQ(receive({BodyKind::length, 10}, "", 3, 1, *failures).failure, expected);
    for (std::size_t size = 0; size < encoded.size(); ++size)
      EXPECT_EQ(receive({BodyKind::chunked, 0}, encoded.substr(0, size), 100, 1, *failures).failure, expected) << size;
  }
}

TEST(Body, malformed_chunks_are_the_senders_fault) {
  for (const std::string sent : {"x\r\n", "5\nhello\r\n", "5\r\nhelloX", "0\r\nbad trailer\r\n\r\n"}) {
    EXPECT_EQ(receive({BodyKind::chunked, 0}, sent, 2).failure, "bad_request") << sent;
    EXPECT_EQ(receive({BodyKind::chunked, 0}, sent, 2, 1, response_body_failures).failure, "bad_answer") << sent;
  }
}

// Ten mebibytes pass through at most a few blocks.
TEST(Body, a_large_body_needs_little_memory) {
  const std::string payload = pattern(10 << 20);
  for (const bool by_chunks : {false, true}) {
    const BodyFraming framing =
        by_chunks ? BodyFraming{BodyKind::chunked, 0} : BodyFraming{BodyKind::length, payload.size()};
    const Received received = receive(framing, by_chunks ? chunked(payload, 300'000) : payload, 1 << 20);
    EXPECT_EQ(received.failure, "");
    EXPECT_TRUE(received.bytes == payload);
    EXPECT_LE(received.largest_piece, Buffers::large);
    EXPECT_LE(received.blocks.size(), 6u);
  }
}

Awaitable<void> wait_for_ever(Line& line, const BodyFailures& failures, std::string& failure) {
  Http1Body body(line.inbox, line.deadline, {BodyKind::length, 100}, std::chrono::seconds(10), failures);
  while (true) {
    const auto piece = co_await body.next();
    if (piece) continue;
    failure = row(piece.error().kind).name;
    co_return;
  }
}

// One byte each `pause`, `count` times, then nothing more; time passes until the body gives up.
Awaitable<void> send_slowly(Line& line, int count, Duration pause, const std::string& failure) {
  while (failure.empty()) {
    if (count-- > 0) co_await write_text(*line.ends.theirs, "x");
    co_await let_others_run();
    line.clock.advance(pause);
    line.deadlines.expire_due();
    co_await let_others_run();
  }
}

TEST(Body, the_limit_is_on_waiting_for_the_next_byte) {
  for (const auto* failures : {&request_body_failures, &response_body_failures}) {
    Line line;
    std::string failure;
    const TimePoint start = line.clock.now();
    run_together(line.io, wait_for_ever(line, *failures, failure),
                 send_slowly(line, 20, std::chrono::seconds(9), failure));
    EXPECT_EQ(failure, row(failures->stalled).name);
    EXPECT_GE(line.clock.now() - start, std::chrono::seconds(19 * 9 + 10));
    EXPECT_LE(line.clock.now() - start, std::chrono::seconds(22 * 9));
  }
}

// Reads a head, keeps it, and reads the whole body behind it.
Awaitable<void> read_head_and_body(Line& line, RequestHead& request, Received& received) {
  HeadEnd end;
  std::size_t size = 0;
  while (size == 0) {
    const auto read = co_await line.inbox.gather(64 * 1024);
    EXPECT_TRUE(read && *read > 0);
    size = end.find(line.inbox.unread()).value();
  }
  EXPECT_TRUE(parse_request_head(line.inbox.unread().substr(0, size), {}, request));
  line.inbox.keep_head(size);
  co_await receive(line, request.body, request_body_failures, received);
}

TEST(Inbox, the_head_stays_while_the_body_passes) {
  for (const std::size_t head_bytes : {100, 15'000, 20'000, 60'000}) {
    for (const std::size_t size : sizes) {
      Line line;
      RequestHead request;
      Received received;
      const std::string payload = pattern(size), value = std::string(head_bytes, 'v');
      const std::string head = "POST /path HTTP/1.1\r\nHost: a\r\nX-Value: " + value +
                               "\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
      run_together(line.io, write_in_pieces(*line.ends.theirs, head + payload + std::string(next_request), 9000, 7),
                   read_head_and_body(line, request, received));
      EXPECT_TRUE(received.bytes == payload) << size;
      EXPECT_EQ(received.rest, next_request);
      EXPECT_EQ(request.target, "/path");
      EXPECT_TRUE(request.find("x-value") == value);
    }
  }
}

Awaitable<void> gather_all(Line& line, std::size_t limit, std::vector<std::size_t>& reads) {
  while (true) {
    const auto read = co_await line.inbox.gather(limit);
    EXPECT_TRUE(read);
    if (!read || *read == 0) co_return;
    reads.push_back(*read);
  }
}

TEST(Inbox, gathers_up_to_its_limit_in_one_piece) {
  for (const std::size_t limit : {10, 16 * 1024, 40'000, 200'000}) {
    Line line;
    std::vector<std::size_t> reads;
    const std::string sent = pattern(60'000);
    run_together(line.io, write_in_pieces(*line.ends.theirs, sent, 5000, 3), gather_all(line, limit, reads));
    EXPECT_TRUE(line.inbox.unread() == std::string_view(sent).substr(0, limit)) << limit;
  }
}

TEST(Inbox, pipelined_bytes_survive_the_release_of_the_head) {
  Line line;
  std::vector<std::size_t> reads;
  run_together(line.io, write_in_pieces(*line.ends.theirs, "first-second", 100, 1), gather_all(line, 1000, reads));
  line.inbox.keep_head(6);
  EXPECT_EQ(line.inbox.unread(), "second");
  line.inbox.release_head();
  EXPECT_EQ(line.inbox.unread(), "second");
  line.inbox.release_if_empty();
  EXPECT_EQ(line.inbox.unread(), "second");
  line.inbox.consume(6);
  line.inbox.release_if_empty();
  EXPECT_EQ(line.inbox.unread(), "");
}

Awaitable<void> write_all_and_wait(Line& line, std::string sent) {
  co_await write_text(*line.ends.theirs, std::move(sent));
  const auto read = co_await line.inbox.gather(64 * 1024);
  EXPECT_TRUE(read);
}

// What is here already is taken without waiting, and says that it was the last.
TEST(Body, the_end_is_seen_at_once) {
  for (const auto& [framing, sent] : std::vector<std::pair<BodyFraming, std::string>>{
           {{BodyKind::length, 5}, "hello"},
           {{BodyKind::chunked, 0}, "5\r\nhello\r\n0\r\n\r\n"},
           {{BodyKind::chunked, 0}, "5\r\nhello\r\n0\r\nA: b\r\n\r\n"},
       }) {
    Line line;
    run_together(line.io, write_all_and_wait(line, sent + "GET /"));
    Http1Body body(line.inbox, line.deadline, framing, std::chrono::seconds(10), request_body_failures);
    const auto piece = body.next_now();
    ASSERT_TRUE(piece && *piece);
    EXPECT_EQ((*piece)->bytes, "hello");
    EXPECT_TRUE((*piece)->last);
    EXPECT_TRUE(body.ended());
    EXPECT_EQ(line.inbox.unread(), "GET /");
    // Small texts live inside their string: the trailers must point into the body that is asked.
    if (sent.find('A') != std::string::npos) {
      ASSERT_EQ(body.trailers().size(), 1u);
      EXPECT_EQ(body.trailers()[0].name, "A");
      EXPECT_EQ(body.trailers()[0].value, "b");
    }
    EXPECT_TRUE((*body.next_now())->last);
  }
}

TEST(Body, what_is_not_here_is_not_waited_for) {
  Line line;
  Http1Body body(line.inbox, line.deadline, {BodyKind::chunked, 0}, std::chrono::seconds(10), request_body_failures);
  EXPECT_FALSE(body.next_now()->has_value());
  run_together(line.io, write_all_and_wait(line, "5\r\nhel"));
  EXPECT_EQ((*body.next_now())->bytes, "hel");
  EXPECT_FALSE(body.next_now()->has_value());
  run_together(line.io, write_all_and_wait(line, "lo\r\n0\r"));
  EXPECT_EQ((*body.next_now())->bytes, "lo");
  EXPECT_FALSE(body.next_now()->has_value());
  run_together(line.io, write_all_and_wait(line, "\n\r\n"));
  const auto last = body.next_now();
  ASSERT_TRUE(last && *last);
  EXPECT_TRUE((*last)->last);
}

}  // namespace
}  // namespace gatehouse
