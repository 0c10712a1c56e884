#include "proxy/relay.h"

#include "base/file_descriptor.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <optional>

namespace gatehouse {
namespace {

// What the two directions share. Silence of both for too long closes both.
struct Relay final : Alarm {
  Relay(Stream& c, Stream& u, RelayLimits l, Deadlines& wheel, Buffers& b)
      : Alarm(wheel), client(c), upstream(u), limits(l), buffers(b) {}

  void due() override { finish(RelayResult::End::idle), client.close(), upstream.close(); }
  void progress() { within(half_closed ? std::min(limits.half_closed, limits.idle) : limits.idle); }
  void finish(RelayResult::End how) {
    if (!end) end = how;
  }

  Stream& client;
  Stream& upstream;
  RelayLimits limits;
  Buffers& buffers;
  bool half_closed = false;
  std::optional<RelayResult::End> end;
};

struct Direction {
  Stream& from;
  Stream& to;
  RelayResult::End closed, reset_by_source, reset_by_target;
  std::uint64_t& bytes;
};

Awaitable<error_code> send(Relay& relay, Direction& way, std::string_view bytes) {
  asio::const_buffer piece = buffer_of(bytes);
  std::span<asio::const_buffer> rest(&piece, 1);
  error_code error;
  if (!way.to.write_now(rest, error)) error = co_await way.to.write(rest);
  if (!error) way.bytes += bytes.size();
  relay.progress();
  co_return error;
}

// How a direction stopped. Bulk: it goes on, and with more than copying can serve well.
enum class Stopped : std::uint8_t { at_end, source_failed, target_failed, in_bulk };

bool can_splice(Direction& way) { return way.from.plain_socket() && way.to.plain_socket(); }

// Through a block of memory, given back before every wait, so idle sessions hold none. A full read means more is
// coming: then the next read is tried at once.
Awaitable<Stopped> copy_blocks(Relay& relay, Direction& way, bool may_splice) {
  Buffer block;
  std::size_t wanted = Buffers::small;
  while (true) {
    if (!block) {
      const error_code error = co_await way.from.wait_readable();
      if (error) co_return Stopped::source_failed;
      block = relay.buffers.take(wanted);
    }
    const auto read = co_await way.from.read_some(asio::buffer(block.data(), block.size()));
    if (!read) co_return Stopped::source_failed;
    if (*read == 0) co_return Stopped::at_end;
    const error_code error = co_await send(relay, way, {block.data(), *read});
    if (error) co_return Stopped::target_failed;
    const bool full = *read == block.size();
    if (full && block.size() >= Buffers::large && may_splice) co_return Stopped::in_bulk;
    wanted = *read * 2 > Buffers::small ? Buffers::large : Buffers::small;
    if (!full || block.size() < wanted) block.reset();
  }
}

// The pages a direction has under way inside the kernel.
struct Pipe {
  static constexpr int wanted_bytes = 256 * 1024;
  FileDescriptor out, in;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
  ::fcntl(ends[1], F_SETPIPE_SZ, Pipe::wanted_bytes);  // stays as it is where it may not be larger
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

ssize_t move_pages(int from, int to, std::size_t most) {
  return ::splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

Awaitable<error_code> wait_writable(Socket& socket) {
  error_code error;
  co_await socket.async_wait(Socket::wait_write, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

// Empties the pipe into the target.
Awaitable<bool> drain_pipe(Relay& relay, Direction& way, const Pipe& pipe, std::size_t held) {
  while (held > 0) {
    const ssize_t moved = move_pages(pipe.out.number(), way.to.plain_socket()->native_handle(), held);
    if (moved > 0) {
      held -= static_cast<std::size_t>(moved);
      way.bytes += static_cast<std::uint64_t>(moved);
      relay.progress();
    } else if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
      const error_code error = co_await wait_writable(*way.to.plain_socket());
      if (error) co_return false;
    } else {
      co_return false;
    }
  }
  co_return true;
}

// Between two plain sockets in bulk the bytes need not be copied through our memory at all.
Awaitable<Stopped> splice_pages(Relay& relay, Direction& way, const Pipe& pipe) {
  for (unsigned turn = 1;; ++turn) {
    if (turn % 16 == 0) co_await asio::post(asio::use_awaitable);  // the worker's other connections
    const ssize_t held = move_pages(way.from.plain_socket()->native_handle(), pipe.in.number(), Pipe::wanted_bytes);
    if (held == 0) co_return Stopped::at_end;
    if (held > 0) {
      const bool drained = co_await drain_pipe(relay, way, pipe, static_cast<std::size_t>(held));
      if (!drained) co_return Stopped::target_failed;
    } else if (errno == EAGAIN || errno == EINTR) {
      const error_code error = co_await way.from.wait_readable();
      if (error) co_return Stopped::source_failed;
    } else {
      co_return Stopped::source_failed;
    }
  }
}

// One direction until its end.
Awaitable<void> copy(Relay& relay, Direction way, std::string_view first) {
  Stopped stopped = Stopped::at_end;
  error_code first_error;
  if (!first.empty()) first_error = co_await send(relay, way, first);
  if (first_error)
    stopped = Stopped::target_failed;
  else
    stopped = co_await copy_blocks(relay, way, can_splice(way));
  if (stopped == Stopped::in_bulk) {
    const std::optional<Pipe> pipe = make_pipe();
    if (pipe)
      stopped = co_await splice_pages(relay, way, *pipe);
    else
      stopped = co_await copy_blocks(relay, way, false);
  }
  if (stopped == Stopped::target_failed) {
    relay.finish(way.reset_by_target);
    way.from.abort();
  } else if (stopped == Stopped::source_failed) {
    relay.finish(way.reset_by_source);
    way.to.abort();
  } else {
    relay.finish(way.closed);
    relay.half_closed = true;
    relay.progress();
    co_await way.to.shutdown_write();
  }
}

}  // namespace

std::string_view words(RelayResult::End end) {
  switch (end) {
    case RelayResult::End::client_closed: return "client closed";
    case RelayResult::End::upstream_closed: return "upstream closed";
    case RelayResult::End::client_reset: return "client reset";
    case RelayResult::End::upstream_reset: return "upstream reset";
    case RelayResult::End::idle: return "idle";
  }
  return "";
}

Awaitable<RelayResult> relay(Stream& client, Stream& upstream, std::string_view client_first,
                             std::string_view upstream_first, RelayLimits limits, Deadlines& deadlines,
                             Buffers& buffers) {
  using End = RelayResult::End;
  RelayResult result;
  Relay shared(client, upstream, limits, deadlines, buffers);
  shared.progress();
  asio::steady_timer other_ended(co_await asio::this_coro::executor, TimePoint::max());
  bool running = true;
  const Direction back{upstream,          client,          End::upstream_closed, End::upstream_reset,
                       End::client_reset, result.to_client};
  const Direction forth{
      client, upstream, End::client_closed, End::client_reset, End::upstream_reset, result.to_upstream};
  std::exception_ptr bug;
  const auto broke = [&](std::exception_ptr thrown) {
    if (!thrown) return;
    bug = thrown;
    client.close();
    upstream.close();
  };
  asio::co_spawn(other_ended.get_executor(), copy(shared, back, upstream_first), [&](std::exception_ptr thrown) {
    running = false;
    broke(thrown);
    other_ended.cancel();
  });
  try {
    co_await copy(shared, forth, client_first);
  } catch (...) {
    broke(std::current_exception());
  }
  error_code ignored;
  while (running) co_await other_ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  client.close();
  upstream.close();
  if (bug) std::rethrow_exception(bug);
  result.end = *shared.end;
  co_return result;
}

}  // namespace gatehouse
