#include "proxy/relay.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

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
  const asio::const_buffer piece(bytes.data(), bytes.size());
  const error_code error = co_await way.to.write(std::span(&piece, 1));
  if (!error) way.bytes += bytes.size();
  relay.progress();
  co_return error;
}

// One direction until its end. A full read means more is coming: then the next read is tried at once, else the block
// is given back before waiting, so idle sessions hold no memory.
Awaitable<void> copy(Relay& relay, Direction way, std::string_view first) {
  error_code write_error;
  if (!first.empty()) write_error = co_await send(relay, way, first);
  Buffer block;
  std::size_t wanted = Buffers::small;
  IoResult<std::size_t> read = std::size_t{1};
  while (!write_error) {
    if (!block) {
      if (const error_code error = co_await way.from.wait_readable()) {
        read = error;
        break;
      }
      block = relay.buffers.take(wanted);
    }
    read = co_await way.from.read_some(asio::buffer(block.data(), block.size()));
    if (!read || *read == 0) break;
    write_error = co_await send(relay, way, {block.data(), *read});
    const bool full = *read == block.size();
    wanted = *read * 2 > Buffers::small ? Buffers::large : Buffers::small;
    if (!full || block.size() < wanted) block.reset();
  }
  if (write_error) {
    relay.finish(way.reset_by_target);
    way.from.abort();
  } else if (!read) {
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
  asio::co_spawn(other_ended.get_executor(), copy(shared, back, upstream_first), [&](std::exception_ptr) {
    running = false;
    other_ended.cancel();
  });
  co_await copy(shared, forth, client_first);
  error_code ignored;
  while (running) co_await other_ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  client.close();
  upstream.close();
  result.end = *shared.end;
  co_return result;
}

}  // namespace gatehouse
