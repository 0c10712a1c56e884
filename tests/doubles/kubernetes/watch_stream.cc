#include "tests/doubles/kubernetes/watch_stream.h"

#include "tests/doubles/kubernetes/compression.h"
#include "tests/doubles/kubernetes/reading.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace gatehouse::kubernetes::fake {
namespace {

using Clocked = std::chrono::steady_clock;

struct Stream {
  explicit Stream(asio::io_context& io) : wake(io) {}

  asio::steady_timer wake;
  bool reading = true;
  bool client_gone = false;
  TimePoint end = TimePoint::max(), next_bookmark = TimePoint::max();
};

// Notices that the client has gone; what it sends meanwhile stays in the inbox.
Awaitable<void> look_for_the_end(std::shared_ptr<Wire> wire, std::shared_ptr<Stream> stream) {
  try {
    if (wire->inbox.empty()) co_await wire->fill();
  } catch (const boost::system::system_error& error) {
    stream->client_gone = error.code() != asio::error::operation_aborted;
  }
  stream->reading = false;
  stream->wake.cancel();
}

Awaitable<void> wait(Stream& stream, TimePoint until) {
  stream.wake.expires_at(until);
  error_code woken;
  co_await stream.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

struct Batch {
  std::string bytes;
  bool ended = false, cut = false;
};

void pass_time(Shared& shared, Watch& watch, Stream& stream) {
  const TimePoint now = Clocked::now();
  const auto add_bookmark = [&] {
    if (watch.bookmarks && !watch.ended) watch.lines.push_back(bookmark_line(watch.table->type, watch.sent, false));
  };
  if (now >= stream.next_bookmark) {
    add_bookmark();
    stream.next_bookmark = now + shared.state.options.bookmarks;
  }
  if (now < stream.end) return;
  if (stream.next_bookmark != TimePoint::max()) add_bookmark();
  watch.ended = true;
}

Batch take(Shared& shared, Watch& watch, Stream& stream) {
  std::lock_guard lock(shared.mutex);
  pass_time(shared, watch, stream);
  Batch batch{"", watch.ended, watch.cut};
  for (const auto& line : watch.lines) batch.bytes += chunk(line);
  watch.writing = watch.lines.size();
  watch.lines.clear();
  return batch;
}

void note_written(Shared& shared, Watch& watch) {
  std::lock_guard lock(shared.mutex);
  watch.writing = 0;
  shared.look_again.notify_all();
}

}  // namespace

WatchInUse::~WatchInUse() {
  std::lock_guard lock(shared_.mutex);
  watch_->wake = [] {};
  shared_.state.watches.remove(watch_);
  shared_.look_again.notify_all();
}

Awaitable<bool> stream_watch(asio::io_context& io, Shared& shared, std::shared_ptr<Wire> wire,
                             std::shared_ptr<Watch> watch, std::size_t left) {
  const auto stream = std::make_shared<Stream>(io);
  {
    std::lock_guard lock(shared.mutex);
    watch->wake = [&io, stream] { asio::post(io, [stream] { stream->wake.cancel(); }); };
    if (watch->timeout > Duration::zero()) stream->end = Clocked::now() + watch->timeout;
    const Duration each = shared.state.options.bookmarks;
    if (each > Duration::zero()) stream->next_bookmark = Clocked::now() + each;
  }
  asio::co_spawn(io, look_for_the_end(wire, stream), asio::detached);
  Batch batch;
  while (!batch.ended && !stream->client_gone && left > 0) {
    batch = take(shared, *watch, *stream);
    if (batch.bytes.empty()) {
      if (!batch.ended) co_await wait(*stream, std::min(stream->end, stream->next_bookmark));
      continue;
    }
    const std::size_t size = std::min(left, batch.bytes.size());
    if (left != std::string::npos) left -= size;
    std::string bytes = batch.bytes.substr(0, size);
    co_await wire->write(std::move(bytes));
    note_written(shared, *watch);
  }
  if (stream->client_gone || batch.cut || left == 0) co_return false;
  std::string last = "0\r\n\r\n";
  co_await wire->write(std::move(last));
  if (stream->reading) wire->stop_reading();
  while (stream->reading) co_await wait(*stream, TimePoint::max());
  co_return !stream->client_gone;
}

}  // namespace gatehouse::kubernetes::fake
