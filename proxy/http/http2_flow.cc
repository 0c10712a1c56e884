#include "proxy/http/http2_flow.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace gatehouse {
namespace {

constexpr std::size_t least_progress = 1024;  // within the limit: a window opened by a byte now and then is none

}  // namespace

Awaitable<void> wait_on(asio::steady_timer& timer) {
  error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

Http2Flow::Http2Flow(const asio::any_io_executor& executor, Deadlines& deadlines, Http2Codec& codec, Duration idle)
    : codec_(codec),
      arrival_(executor, TimePoint::max()),
      departure_(executor, TimePoint::max()),
      idle_(idle),
      sending_(deadlines, *this, &Http2Flow::check_progress) {}

void Http2Flow::arrive_end() {
  in_.arrive_end();
  arrival_.cancel();
}

bool Http2Flow::put(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (piece.last) out_.keep_trailers(trailers);
  const bool taken = out_.put(piece);
  progress_ = 0;
  sending_.within(idle_);
  resume();
  return taken;
}

void Http2Flow::resume() {
  codec_.resume(stream_);
  flush_soon();
}

Http2Outgoing Http2Flow::outgoing(std::span<char> room) {
  const Http2Outgoing out = out_.outgoing(room);
  progress_ += out.bytes;
  if (out_.drained()) {
    sending_.clear();
  } else if (progress_ >= least_progress) {
    progress_ = 0;
    sending_.within(idle_);
  }
  if (out_.taken()) departure_.cancel();
  return out;
}

// It could take more: then other streams or the socket, which has a limit of its own, keep this one waiting.
void Http2Flow::check_progress() {
  if (codec_.has_room(stream_)) return sending_.within(idle_);
  stall();
}

void Http2Flow::reset(Http2Error error) {
  if (!stream_closed_) codec_.reset(stream_, error);
  flush_soon();
}

void Http2Flow::mark_closed() {
  stream_closed_ = true;
  sending_.clear();
  departure_.cancel();
}

void Http2Flow::fail(Failure why) {
  if (failure_) return;
  failure_ = std::move(why);
  sending_.clear();
  arrival_.cancel();
  departure_.cancel();
}

}  // namespace gatehouse
