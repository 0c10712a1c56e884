#include "proxy/upstream/http2_upstream.h"

#include "base/socket_options.h"
#include "proxy/upstream/http2_stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

constexpr std::uint32_t widest_window = 2 * 1024 * 1024;
constexpr std::uint32_t most_widened = 16 * 1024 * 1024;
constexpr std::size_t flush_bytes = 64 * 1024;
constexpr std::size_t idle_memory = 1024;
// gRPC servers take pings without data for an attack when they come within 5 minutes of each other.
constexpr Duration silence = std::chrono::seconds(330);
constexpr Duration silence_after_ping = std::chrono::seconds(30);
constexpr auto unacknowledged = std::chrono::seconds(30);
// What servers bear differs: 200 in 30 s (Netty), 500 of streams younger than 1 s (Envoy), 1000 at once (nghttp2). All
// streams that are open when this is used up may still be reset.
constexpr Rate most_resets{.burst = 50, .each = std::chrono::seconds(1)};
constexpr Duration end_limit = std::chrono::seconds(1);  // between a whole answer and its END_STREAM
// Slow reading has the windows; a socket that takes nothing at all has nobody behind it.
constexpr Duration write_limit = std::chrono::minutes(1);

// Frames that bring nothing have a wide budget: servers measure a link by pings as data comes. That an upstream resets
// what we open is bounded by what we open.
Http2Limits limits() {
  Http2Limits limits;
  limits.streams = Http2Upstream::most_streams;
  limits.stream_window = Http2Upstream::first_window;
  limits.connection_window = Http2Upstream::most_streams * Http2Upstream::first_window + most_widened;
  limits.head_bytes = Http2Stream::head_limit;
  limits.idle_frames = 10'000;
  limits.idle_frames_per_second = 5000;
  limits.resets = limits.resets_per_second = 1e9;
  return limits;
}

}  // namespace

Http2Upstream::Http2Upstream(asio::any_io_executor executor, Deadlines& deadlines,
                             std::unique_ptr<UpstreamConnection> link, Duration keep_alive)
    : executor_(std::move(executor)),
      deadlines_(deadlines),
      link_(std::move(link)),
      keep_alive_(keep_alive),
      codec_(Http2Codec::Side::client, limits(), *this, deadlines.now()),
      resets_(most_resets, deadlines.now()),
      settled_(executor_, TimePoint::max()) {
  // A node that is gone without a word: requests would go there until the probe.
  set_user_timeout(link_->plain().socket().native_handle(), unacknowledged);
}

Http2Upstream::~Http2Upstream() = default;

Awaitable<Result<void>> Http2Upstream::start(Duration limit) {
  link_->reading.within(limit);
  // Its own life from here on: it ends when the connection does.
  asio::co_spawn(executor_, run(), [self = shared_from_this()](std::exception_ptr bug) {
    if (bug) self->end(Failure(FailureKind::internal));
  });
  error_code woken;
  while (!ended_ && !codec_.settings_received())
    co_await settled_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (ended_) co_return *why_ended_;
  limit_waiting();
  co_return Result<void>();
}

bool Http2Upstream::has_room() const {
  return !leaving() && !link_->reading.expired() && streams_.size() + ending_.size() < most_at_once() &&
         codec_.has_room();
}

void Http2Upstream::retire() {
  retired_ = true;
  if (streams_.empty()) wake_reader();
}

bool Http2Upstream::leaving() const { return ended_ || retired_ || !codec_.requests_allowed(); }

Awaitable<void> Http2Upstream::run() {
  const auto self = shared_from_this();
  while (true) {
    auto received = receive();
    flush();
    // The codec refuses most of what is forbidden by itself and says so to the upstream.
    if (received && codec_.broken()) received = Failure(FailureKind::bad_answer, "against the rules of HTTP/2");
    if (!received) co_return end(received.error());
    if (codec_.settings_received()) settled_.cancel();
    if (ended_ || codec_.over()) break;
    const bool more = co_await read_more();
    if (!more) break;
  }
  const bool late = !codec_.settings_received() && link_->reading.expired();
  end(Failure(late ? FailureKind::connect_timeout : FailureKind::upstream_closed, link_->endpoint().text()));
}

Result<void> Http2Upstream::receive() {
  const std::string_view bytes = link_->inbox().unread();
  if (bytes.empty()) return {};
  auto received = codec_.receive(bytes, deadlines_.now());
  link_->inbox().consume(bytes.size());
  probed_ = false;
  if (!streams_.empty()) silence_.within(silence);
  if (!received) return Failure(FailureKind::bad_answer, "HTTP/2: " + received.error().detail);
  return received;
}

// False: there is none.
Awaitable<bool> Http2Upstream::read_more() {
  link_->inbox().release_if_empty();
  if (streams_.empty() && !writing_ && out_.capacity() > idle_memory) out_ = {};
  while (true) {
    if (link_->reading.expired() || (leaving() && streams_.empty())) {
      codec_.end(Http2Error::none);
      flush();
      co_return false;
    }
    const error_code error = co_await link_->stream().wait_readable();
    if (ended_ || !link_->plain().socket().is_open()) co_return false;
    if (error == asio::error::operation_aborted) continue;
    if (error) co_return false;
    auto read = link_->inbox().refill_now(Buffers::large);
    if (read) co_return *read > 0;
    if (!would_block(read.error())) co_return false;
  }
}

// Those that still wait for something hear why it will not come.
void Http2Upstream::end(Failure why) {
  if (std::exchange(ended_, true)) return;
  why_ended_ = why;
  for (const auto& [id, stream] : std::exchange(streams_, {})) stream->lose(why);
  ending_.clear();
  overdue_.clear();
  silence_.clear();
  link_->reading.clear();
  link_->close();
  settled_.cancel();
}

void Http2Upstream::probe() {
  if (probed_) {
    end(Failure(FailureKind::upstream_closed, link_->endpoint().text() + " is silent"));
    return;
  }
  probed_ = true;
  codec_.ping();
  flush_soon();
  silence_.within(silence_after_ping);
}

// Between exchanges it may stay a while; while there are some, somebody must be there.
void Http2Upstream::limit_waiting() {
  if (ended_) return;
  if (streams_.empty()) {
    silence_.clear();
    link_->reading.within(keep_alive_);
  } else {
    link_->reading.clear();
    // Later requests put off nothing: it is the answers that are missing.
    if (streams_.size() == 1 && !probed_) silence_.within(silence);
  }
}

// Reading goes on where there is a reason; a write that waits is woken too, and goes on likewise.
void Http2Upstream::wake_reader() { link_->plain().wake(); }

Http2Stream* Http2Upstream::find(StreamId stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second;
}

void Http2Upstream::head_begins(StreamId stream) {
  if (Http2Stream* found = find(stream)) found->begin_head();
}

bool Http2Upstream::field(StreamId stream, std::string_view name, std::string_view value) {
  Http2Stream* found = find(stream);
  // What a compressed bomb unfolds to (RFC 7541 §7.3) is not even looked at.
  return found == nullptr || found->take_field(name, value) <= 4 * Http2Stream::head_limit;
}

void Http2Upstream::head_ends(StreamId stream, bool last) {
  if (Http2Stream* found = find(stream)) found->end_head(last);
}

void Http2Upstream::data(StreamId stream, std::string_view bytes) {
  codec_.consume_of_connection(bytes.size());
  if (Http2Stream* found = find(stream)) found->arrive(bytes);
}

void Http2Upstream::data_ends(StreamId stream) {
  if (Http2Stream* found = find(stream)) found->arrive_end();
}

void Http2Upstream::reset_by_peer(StreamId stream) {
  if (Http2Stream* found = find(stream)) found->note_reset();
}

void Http2Upstream::closed(StreamId stream, Http2Error error) {
  if (Http2Stream* found = find(stream)) return found->close(error);
  std::erase_if(ending_, [stream](const EndingStream& ending) { return ending.id == stream; });
}

void Http2Upstream::reset_goes_out() {
  if (!resets_.take(deadlines_.now())) retire();
}

Http2Outgoing Http2Upstream::outgoing(StreamId stream, std::span<char> room) {
  Http2Stream* found = find(stream);
  if (found == nullptr) return {.wait = true};
  return found->outgoing(room);
}

StreamId Http2Upstream::open(Http2Stream& stream, const Http2RequestLine& line, const std::vector<HeaderField>& fields,
                             bool body) {
  if (!has_room()) return 0;
  const StreamId id = codec_.submit_request(line, fields, body);
  if (id == 0) return 0;
  ++opened_;
  streams_.emplace(id, &stream);
  limit_waiting();
  flush_soon();
  return id;
}

void Http2Upstream::forget(StreamId stream) {
  if (streams_.erase(stream) == 0 || !streams_.empty()) return;
  limit_waiting();
  if (leaving()) wake_reader();
}

void Http2Upstream::await_end_of(StreamId stream) {
  if (ending_.empty()) overdue_.within(end_limit);
  ending_.push_back({stream, deadlines_.now() + end_limit});
}

void Http2Upstream::end_overdue() {
  const TimePoint now = deadlines_.now();
  const auto later = std::find_if(ending_.begin(), ending_.end(), [now](const auto& e) { return e.until > now; });
  const std::vector<EndingStream> overdue(ending_.begin(), later);
  ending_.erase(ending_.begin(), later);
  for (const EndingStream& stream : overdue) codec_.reset(stream.id, Http2Error::cancel);
  if (!ending_.empty()) overdue_.within(ending_.front().until - now);
  flush_soon();
}

void Http2Upstream::widen(StreamId stream, std::uint32_t& window) {
  if (window >= widest_window || widened_ + window > most_widened) return;
  widened_ += window;
  window *= 2;
  codec_.widen(stream, window);
}

void Http2Upstream::give_back_window(std::uint32_t window) { widened_ -= window - first_window; }

void Http2Upstream::flush_soon() {
  if (flush_posted_ || writing_ || ended_) return;
  flush_posted_ = true;
  asio::post(executor_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
    if (self->codec_.broken()) self->wake_reader();
  });
}

void Http2Upstream::flush() {
  while (!writing_ && !ended_) {
    out_.clear();
    codec_.take_output(out_, flush_bytes);
    if (out_.empty()) return;
    asio::const_buffer buffer = buffer_of(out_);
    std::span<asio::const_buffer> rest(&buffer, 1);
    error_code error;
    const bool done = link_->stream().write_now(rest, error);
    // What it said last may still be unread, and says more: reading ends this.
    if (error) return;
    if (done) continue;
    unsent_ = rest.empty() ? asio::const_buffer() : rest.front();
    writing_ = true;
    asio::co_spawn(executor_, write_rest(), asio::detached);
  }
}

// A wait that is cut short for the reader's sake goes on.
Awaitable<void> Http2Upstream::write_rest() {
  const auto self = shared_from_this();
  std::span<asio::const_buffer> rest(&unsent_, 1);
  link_->writing.within(write_limit);
  error_code error;
  while (!ended_ && !link_->stream().write_now(rest, error) && !error) {
    const error_code woken = co_await link_->stream().wait_writable();
    if (woken && (woken != asio::error::operation_aborted || !link_->plain().socket().is_open())) error = woken;
    if (error) break;
  }
  link_->writing.clear();
  writing_ = false;
  if (!error) flush();
  if (codec_.broken()) wake_reader();
}

}  // namespace gatehouse
