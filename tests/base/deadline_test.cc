// Limits on a clock that stands still until the test moves it.
#include "base/deadline.h"

#include "base/socket_options.h"
#include "tests/doubles/connected_streams.h"
#include "tests/doubles/manual_clock.h"

#include <gtest/gtest.h>

#include <functional>

#include <netinet/tcp.h>

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

class TestAlarm final : public Alarm {
 public:
  explicit TestAlarm(Deadlines& wheel, std::function<void()> when_due = {})
      : Alarm(wheel), when_due_(std::move(when_due)) {}
  int times_due = 0;

 private:
  void due() override {
    ++times_due;
    if (when_due_) when_due_();
  }
  std::function<void()> when_due_;
};

class DeadlinesTest : public ::testing::Test {
 protected:
  void pass(Duration time, Duration step = 100ms) {
    for (Duration passed = 0ms; passed < time; passed += step) {
      clock_.advance(std::min(step, time - passed));
      wheel_.expire_due();
    }
  }

  ManualClock clock_;
  Deadlines wheel_{clock_};
};

// Steps of 10 ms, from every phase of a tick and on both sides of the wheel's 102.4 s.
TEST_F(DeadlinesTest, a_limit_ends_between_its_time_and_two_ticks_after) {
  for (const Duration phase : {0ms, 30ms, 90ms}) {
    pass(phase, 10ms);
    for (const Duration limit : std::initializer_list<Duration>{1ms, 50ms, 100ms, 101ms, 999ms, 1s, 10s, 102'300ms,
                                                                102'400ms, 102'500ms, 205s, 600s}) {
      TestAlarm alarm(wheel_);
      alarm.within(limit);
      Duration passed = 0ms;
      while (alarm.times_due == 0 && passed < limit + 1s) {
        pass(10ms, 10ms);
        passed += 10ms;
      }
      EXPECT_EQ(alarm.times_due, 1);
      EXPECT_GE(passed, limit);
      EXPECT_LE(passed, limit + 2 * Deadlines::tick + 10ms) << limit.count();
    }
  }
}

TEST_F(DeadlinesTest, it_is_due_once) {
  TestAlarm alarm(wheel_);
  alarm.within(1s);
  pass(600s);
  EXPECT_EQ(alarm.times_due, 1);
  alarm.within(1s);
  pass(600s);
  EXPECT_EQ(alarm.times_due, 2);
}

TEST_F(DeadlinesTest, extending_puts_it_off) {
  TestAlarm alarm(wheel_);
  for (int i = 0; i < 1000; ++i) {
    alarm.within(1s);
    pass(900ms);
  }
  EXPECT_EQ(alarm.times_due, 0);
  pass(400ms);
  EXPECT_EQ(alarm.times_due, 1);
}

TEST_F(DeadlinesTest, shortening_brings_it_forward) {
  TestAlarm alarm(wheel_);
  alarm.within(10min);
  pass(5s);
  alarm.within(1s);
  pass(900ms);
  EXPECT_EQ(alarm.times_due, 0);
  pass(400ms);
  EXPECT_EQ(alarm.times_due, 1);
  pass(20min);
  EXPECT_EQ(alarm.times_due, 1);
}

TEST_F(DeadlinesTest, a_cleared_one_never_comes) {
  TestAlarm alarm(wheel_);
  alarm.within(1s);
  alarm.clear();
  pass(10s);
  EXPECT_EQ(alarm.times_due, 0);
  alarm.within(1s);
  pass(500ms);
  alarm.within(Duration::zero());
  pass(10s);
  EXPECT_EQ(alarm.times_due, 0);
  alarm.within(1s);
  alarm.clear();
  alarm.within(3s);
  pass(2900ms);
  EXPECT_EQ(alarm.times_due, 0);
  pass(400ms);
  EXPECT_EQ(alarm.times_due, 1);
}

TEST_F(DeadlinesTest, a_destroyed_one_is_forgotten) {
  { TestAlarm alarm(wheel_); }
  {
    TestAlarm alarm(wheel_, [] { FAIL(); });
    alarm.within(1s);
  }
  pass(10s);
}

// The worker was stopped, or the machine asleep.
TEST_F(DeadlinesTest, one_long_sleep_ends_everything_due) {
  std::vector<std::unique_ptr<TestAlarm>> alarms;
  for (int i = 1; i <= 3000; ++i) alarms.emplace_back(std::make_unique<TestAlarm>(wheel_))->within(i * 1s);
  pass(2000s, 2000s);
  for (int i = 1; i <= 3000; ++i) EXPECT_EQ(alarms[static_cast<std::size_t>(i - 1)]->times_due, i < 2000 ? 1 : 0) << i;
  pass(1001s);
  for (const auto& alarm : alarms) EXPECT_EQ(alarm->times_due, 1);
}

TEST_F(DeadlinesTest, what_is_due_may_set_itself_again) {
  TestAlarm* self = nullptr;
  TestAlarm alarm(wheel_, [&] { self->within(1s); });
  self = &alarm;
  alarm.within(1s);
  pass(60s);
  EXPECT_GE(alarm.times_due, 50);
  EXPECT_LE(alarm.times_due, 60);
  pass(1h, 1h);  // once per look, not once per second missed
  EXPECT_LE(alarm.times_due, 62);
}

TEST_F(DeadlinesTest, what_is_due_may_destroy_set_and_clear_others) {
  auto doomed = std::make_unique<TestAlarm>(wheel_, [] { FAIL() << "destroyed"; });
  TestAlarm cleared(wheel_, [] { FAIL() << "cleared"; });
  TestAlarm put_off(wheel_), bystander(wheel_);
  std::unique_ptr<TestAlarm> born;
  TestAlarm first(wheel_, [&] {
    doomed.reset();
    cleared.clear();
    put_off.within(1s);
    born = std::make_unique<TestAlarm>(wheel_);
    born->within(1ms);
  });
  for (TestAlarm* alarm : {&first, doomed.get(), &cleared, &put_off, &bystander}) alarm->within(1s);
  pass(1200ms);
  EXPECT_EQ(first.times_due, 1);
  EXPECT_EQ(bystander.times_due, 1);
  EXPECT_EQ(put_off.times_due, 0);
  ASSERT_TRUE(born);
  pass(1300ms);
  EXPECT_EQ(put_off.times_due, 1);
  EXPECT_EQ(born->times_due, 1);
}

TEST_F(DeadlinesTest, what_is_due_may_destroy_itself) {
  std::unique_ptr<TestAlarm> alarm;
  bool came = false;
  alarm = std::make_unique<TestAlarm>(wheel_, [&] {
    came = true;
    wheel_.stop();
  });
  auto other = std::make_unique<TestAlarm>(wheel_);
  TestAlarm destroyer(wheel_, [&] { alarm.reset(), other.reset(); });
  alarm->within(1s), destroyer.within(1s), other->within(1s);
  pass(2s);
  EXPECT_TRUE(came);
  EXPECT_FALSE(other);
}

TEST_F(DeadlinesTest, run_ticks_until_stopped) {
  asio::io_context io;
  bool ended = false;
  asio::co_spawn(io, wheel_.run(), [&](std::exception_ptr) { ended = true; });
  TestAlarm alarm(wheel_);
  alarm.within(1s);
  io.poll();
  for (int i = 0; i < 9; ++i) clock_.advance(100ms), io.poll();
  EXPECT_EQ(alarm.times_due, 0);
  for (int i = 0; i < 3; ++i) clock_.advance(100ms), io.poll();
  EXPECT_EQ(alarm.times_due, 1);
  EXPECT_FALSE(ended);
  wheel_.stop();
  clock_.advance(100ms);
  io.poll();
  EXPECT_TRUE(ended);
}

Awaitable<void> read_once(Stream& stream, IoResult<std::size_t>& read) {
  char byte;
  read = co_await stream.read_some(asio::buffer(&byte, 1));
}

TEST_F(DeadlinesTest, a_deadline_ends_those_who_wait_and_leaves_a_last_word) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  Deadline deadline(wheel_, *ends.ours);
  IoResult<std::size_t> read = std::size_t{99};
  bool ended = false;
  asio::co_spawn(io, read_once(*ends.ours, read), [&](std::exception_ptr) { ended = true; });
  deadline.within(10s);
  io.poll();
  pass(9900ms);
  io.poll();
  EXPECT_FALSE(ended);
  EXPECT_FALSE(deadline.expired());
  pass(300ms);
  io.poll();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(deadline.expired());
  EXPECT_EQ(read.error(), asio::error::operation_aborted);
  EXPECT_TRUE(ends.ours->socket().is_open());
  pass(1200ms);
  EXPECT_FALSE(ends.ours->socket().is_open());
}

TEST_F(DeadlinesTest, a_deadline_attended_to_in_time_does_not_close) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  Deadline deadline(wheel_, *ends.ours);
  deadline.within(10s);
  pass(10200ms);
  ASSERT_TRUE(deadline.expired());
  deadline.clear();
  pass(60s);
  EXPECT_TRUE(ends.ours->socket().is_open());
}

struct Slow {
  ManualClock& clock;
  Deadlines& wheel;
  ConnectedStreams ends;
  StallLimit limit;
  error_code result{};
  bool ended = false;
  TimePoint ended_at{};
};

constexpr std::size_t answer_bytes = 2 << 20;

Awaitable<void> write_answer(Slow& slow) {
  slow.limit.within(10s);
  slow.result = co_await write_text(*slow.ends.ours, pattern(answer_bytes));
  slow.limit.clear();
  slow.ended = true;
  slow.ended_at = slow.clock.now();
}

Awaitable<void> read_nothing(Slow& slow) {
  while (!slow.ended) {
    co_await let_others_run();
    slow.clock.advance(500ms);
    slow.wheel.expire_due();
    co_await let_others_run();
  }
}

// The kernel may delay acknowledgements a little; they come without anyone's doing.
Awaitable<void> wait_for_acknowledgement(Slow& slow, std::uint64_t before) {
  while (!slow.ended && bytes_acknowledged(slow.ends.ours->socket().native_handle()) <= before)
    co_await let_others_run();
}

// A little of the answer every 9 s.
Awaitable<void> read_slowly(Slow& slow, std::size_t& received) {
  std::string bytes(128 * 1024, '\0');
  while (received < answer_bytes) {
    const std::uint64_t before = bytes_acknowledged(slow.ends.ours->socket().native_handle());
    for (std::size_t taken = 0; taken < bytes.size() && received < answer_bytes;) {
      const auto read = co_await slow.ends.theirs->read_some(asio::buffer(bytes.data(), bytes.size() - taken));
      if (!read || *read == 0) co_return;
      taken += *read;
      received += *read;
    }
    co_await wait_for_acknowledgement(slow, before);
    slow.clock.advance(9s);
    slow.wheel.expire_due();
    co_await let_others_run();
  }
}

TEST_F(DeadlinesTest, a_reader_that_stalls_is_cut) {
  asio::io_context io;
  ConnectedStreams ends = connect_by_tcp(io, 16 * 1024);
  PlainStream& ours = *ends.ours;
  Slow slow{clock_, wheel_, std::move(ends), StallLimit(wheel_, ours)};
  const TimePoint start = clock_.now();
  run_together(io, write_answer(slow), read_nothing(slow));
  EXPECT_TRUE(slow.result);
  EXPECT_TRUE(slow.limit.expired());
  EXPECT_GE(slow.ended_at - start, 10s);
  EXPECT_LE(slow.ended_at - start, 20s + 4 * Deadlines::tick + 1s);
}

TEST_F(DeadlinesTest, a_reader_that_is_only_slow_is_not) {
  asio::io_context io;
  ConnectedStreams ends = connect_by_tcp(io, 16 * 1024);
  PlainStream& ours = *ends.ours;
  Slow slow{clock_, wheel_, std::move(ends), StallLimit(wheel_, ours)};
  std::size_t received = 0;
  const TimePoint start = clock_.now();
  run_together(io, write_answer(slow), read_slowly(slow, received));
  EXPECT_FALSE(slow.result) << slow.result.message();
  EXPECT_FALSE(slow.limit.expired());
  EXPECT_EQ(received, answer_bytes);
  EXPECT_GE(clock_.now() - start, 100s);
}

TEST(SocketOptions, failures_are_ignored_where_there_is_no_tcp) {
  asio::io_context io;
  const ConnectedStreams ends = connect_locally(io);
  const int descriptor = ends.ours->socket().native_handle();
  set_no_delay(descriptor);
  set_keep_alive(descriptor, 60s);
  EXPECT_EQ(bytes_acknowledged(descriptor), 0u);
  EXPECT_EQ(bytes_acknowledged(-1), 0u);
}

TEST(SocketOptions, are_set_on_tcp) {
  asio::io_context io;
  const ConnectedStreams ends = connect_by_tcp(io, 64 * 1024);
  const int descriptor = ends.ours->socket().native_handle();
  set_no_delay(descriptor);
  set_keep_alive(descriptor, 60s);
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(descriptor, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 6);
}

}  // namespace
}  // namespace gatehouse
