#include "proxy/http/http2_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace gatehouse {
namespace {

constexpr std::size_t costly_piece = 2048, costly_frame = 128;  // bytes taken at once; of frames on average, or less
constexpr std::size_t flush_bytes = 64 * 1024;
constexpr std::size_t idle_memory = 1024;
constexpr Duration last_call = std::chrono::seconds(1);  // between the two GOAWAYs: requests on their way arrive
constexpr Duration goodbye = std::chrono::seconds(5);
constexpr Duration linger_time = std::chrono::seconds(2);
constexpr std::size_t linger_bytes = 1024 * 1024;

}  // namespace

Http2Connection::Http2Connection(Http2Link link, Http2Terms terms, Serve serve)
    : link_(link),
      terms_(std::move(terms)),
      serve_(std::move(serve)),
      codec_(Http2Codec::Side::server, terms_.limits, *this, link_.clock.now()),
      ended_(link_.executor, TimePoint::max()) {}

Http2Connection::~Http2Connection() { exchanges_.clear(); }  // they still speak to the codec

Awaitable<Result<void>> Http2Connection::run() {
  Result<void> result;
  link_.reading.within(terms_.head_time);
  settings_limit_.within(terms_.head_time);
  try {
    result = co_await take_turns();
  } catch (...) {
    bug_ = std::current_exception();
  }
  draining_ = true;  // nothing is posted for a drain() that comes later
  link_.reading.clear();
  last_call_.clear();
  settings_limit_.clear();
  co_await finish_exchanges();
  if (!lost_ && !client_closed_) co_await linger();
  if (bug_) std::rethrow_exception(bug_);
  co_return result;
}

Awaitable<Result<void>> Http2Connection::take_turns() {
  while (true) {
    if (costly_) co_await link_.costly_turn();
    client_closed_ = !link_.plain.socket().is_open();
    if (lost_ || client_closed_) co_return Result<void>();
    auto received = receive();
    // What is answered to many small frames goes out together, too.
    if (received && !codec_.broken() && !link_.inbox.unread().empty()) continue;
    flush();
    // The codec refuses most of what is forbidden by itself and says so to the client.
    if (received && codec_.broken()) received = Failure(FailureKind::bad_request, "against the rules of HTTP/2");
    if (!received) ++link_.refusals[static_cast<std::size_t>(codec_.refusal())];
    if (!received || lost_ || codec_.over()) co_return received;
    auto more = co_await read_more();
    if (!more) co_return more.error();
    client_closed_ = *more == More::client_closed;
    if (*more != More::something) co_return Result<void>();
  }
}

// Many small frames are taken a little at a time, so that others wait for a little only.
Result<void> Http2Connection::receive() {
  const std::string_view bytes = link_.inbox.unread().substr(0, costly_ ? costly_piece : std::string_view::npos);
  if (bytes.empty()) return {};
  const std::uint64_t frames = codec_.frames_beside_heads();
  auto received = codec_.receive(bytes, link_.clock.now());
  costly_ = codec_.frames_beside_heads() - frames > bytes.size() / costly_frame + 8;
  link_.inbox.consume(bytes.size());
  if (received) serve_begun();
  return received;
}

Awaitable<Result<Http2Connection::More>> Http2Connection::read_more() {
  link_.inbox.release_if_empty();
  if (exchanges_.empty() && !writing_ && out_.capacity() > idle_memory) out_ = {};
  while (true) {
    if (codec_.broken()) co_return More::something;
    if (said_goodbye_ && exchanges_.empty()) co_return More::none;
    const error_code error = co_await link_.stream.wait_readable();
    if (lost_ || !link_.plain.socket().is_open()) co_return More::client_closed;
    if (link_.reading.expired()) co_return time_is_up();
    if (error && error != asio::error::operation_aborted) co_return More::client_closed;
    auto read = link_.inbox.refill_now(Buffers::large);
    if (read) co_return *read > 0 ? More::something : More::client_closed;
    if (!would_block(read.error())) co_return More::client_closed;
  }
}

// A head that does not come to its end; or nothing has been asked for too long.
Result<Http2Connection::More> Http2Connection::time_is_up() {
  codec_.end(Http2Error::none);
  if (head_under_way_ != 0) return Failure(FailureKind::head_timeout);
  return More::none;
}

// Those that still run see that the client is gone; nothing of this is touched when they have ended.
Awaitable<void> Http2Connection::finish_exchanges() {
  for (const StreamId stream : std::exchange(begun_, {})) served(*find(stream), nullptr);
  for (auto& [stream, exchange] : exchanges_) exchange->leave(Failure(FailureKind::client_gone));
  flush();
  while (serving_ > 0 || flush_posted_ || writing_) co_await wait_on(ended_);
}

// The client gets to read what was said last: a close with something unread would be a reset.
Awaitable<void> Http2Connection::linger() {
  link_.writing.within(goodbye);
  co_await link_.stream.shutdown_write();
  link_.writing.clear();
  link_.reading.within(linger_time);
  std::size_t dropped = 0;
  while (dropped < linger_bytes) {
    const auto read = co_await link_.inbox.refill(Buffers::large);
    if (!read || *read == 0) break;
    dropped += *read;
    link_.inbox.consume(*read);
  }
  link_.reading.clear();
}

void Http2Connection::drain() {
  if (std::exchange(draining_, true)) return;
  codec_.announce_end();
  flush_soon();
  last_call_.within(last_call);
}

void Http2Connection::say_goodbye() {
  said_goodbye_ = true;
  codec_.end(Http2Error::none);
  flush();
  if (exchanges_.empty()) wake_reader();
}

void Http2Connection::check_settings() {
  if (codec_.settings_acknowledged()) return;
  codec_.end_for(Http2Refusal::unacknowledged, Http2Error::settings_timeout);
  flush();
  wake_reader();
}

// Reading goes on where there is a reason; a write that waits is woken too, and goes on likewise.
void Http2Connection::wake_reader() { link_.plain.wake(); }

Http2Exchange* Http2Connection::find(StreamId stream) {
  const auto found = exchanges_.find(stream);
  return found == exchanges_.end() ? nullptr : found->second.get();
}

void Http2Connection::head_begins(StreamId stream) {
  head_under_way_ = stream;
  link_.reading.within(terms_.head_time);
  if (find(stream) == nullptr) exchanges_.emplace(stream, std::make_unique<Http2Exchange>(*this, stream));
}

bool Http2Connection::field(StreamId stream, std::string_view name, std::string_view value) {
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return true;
  const std::size_t size = exchange->head_done_ ? exchange->in_.take_trailer(name, value)
                                                : (exchange->head_.add(name, value), exchange->head_.size());
  // A little beyond gets its 431; what a compressed bomb unfolds to (RFC 7541 §7.3) is not even looked at.
  return size <= 4 * terms_.head_bytes;
}

void Http2Connection::head_ends(StreamId stream, bool last) {
  head_under_way_ = 0;
  limit_reading();
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return;
  if (exchange->head_done_) return exchange->finish_trailers();
  // What the last GOAWAY leaves out has not been done, though that may still be on its way.
  if (said_goodbye_) return turn_away(*exchange);
  // A cancelled one counts until its upstream has been told.
  if (serving_ >= terms_.limits.streams) return refuse(*exchange, Http2Refusal::streams);
  exchange->finish_head(last);
  if (heads_held_ + exchange->head_.held() > terms_.limits.heads_bytes)
    return refuse(*exchange, Http2Refusal::heads_held);
  start(*exchange);
}

void Http2Connection::refuse(Http2Exchange& exchange, Http2Refusal why) {
  ++link_.refusals[static_cast<std::size_t>(why)];
  turn_away(exchange);
}

// Nothing of it has been done: the client may ask again (RFC 9113 §8.7).
void Http2Connection::turn_away(Http2Exchange& exchange) {
  exchange.head_done_ = true;
  exchange.head_.drop();
  exchange.leave(Failure(FailureKind::client_gone));
  codec_.reset(exchange.stream_, Http2Error::refused_stream);
}

void Http2Connection::start(Http2Exchange& exchange) {
  exchange.serving_ = true;
  ++serving_;
  heads_held_ += exchange.head_.held();
  link_.reading.clear();
  if (terms_.requests != 0 && ++served_ == terms_.requests) drain();
  begun_.push_back(exchange.stream_);
}

// The first of a read at once; what came with it takes turns with what others have asked for.
void Http2Connection::serve_begun() {
  if (!turn_.is_linked() && serve_next()) link_.requests.join(turn_);
}

bool Http2Connection::serve_some() {
  for (int n = 1; n < requests_a_turn; ++n)
    if (!serve_next()) return false;
  return serve_next();
}

// What was cancelled before costs no upstream anything: that is rapid reset.
bool Http2Connection::serve_next() {
  while (!begun_.empty()) {
    Http2Exchange& exchange = *find(begun_.front());
    begun_.erase(begun_.begin());
    if (!exchange.stream_closed_) {
      asio::co_spawn(link_.executor, serve_(exchange),
                     [this, &exchange](std::exception_ptr bug) { served(exchange, bug); });
      break;
    }
    served(exchange, nullptr);
  }
  return !begun_.empty();
}

void Http2Connection::served(Http2Exchange& exchange, std::exception_ptr bug) {
  exchange.serving_ = false;
  --serving_;
  if (!exchange.whole() || bug) exchange.break_off();
  if (bug && !bug_) {  // told at the connection's end, which is near
    bug_ = bug;
    drain();
  }
  heads_held_ -= exchange.head_.held();
  exchange.forget_request();  // its answer may wait for the client's windows for long
  if (exchange.stream_closed_) forget(exchange);
  ended_.cancel();
}

void Http2Connection::data(StreamId stream, std::string_view bytes) {
  if (Http2Exchange* exchange = find(stream))
    exchange->arrive(bytes);
  else
    codec_.discard(stream, bytes.size());
}

void Http2Connection::data_ends(StreamId stream) {
  if (Http2Exchange* exchange = find(stream)) exchange->arrive_end();
}

void Http2Connection::closed(StreamId stream, Http2Error) {
  if (head_under_way_ == stream) {  // it was malformed
    head_under_way_ = 0;
    limit_reading();
  }
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return;
  exchange->close_stream();
  if (!exchange->serving_) forget(*exchange);
}

void Http2Connection::forget(Http2Exchange& exchange) {
  exchanges_.erase(exchange.stream_);
  limit_reading();
  if (said_goodbye_ && exchanges_.empty()) wake_reader();
}

Http2Outgoing Http2Connection::outgoing(StreamId stream, std::span<char> room) {
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return {.wait = true};
  return exchange->outgoing(room);
}

// Nothing is owed while an exchange is under way, its last frame included; between them the client may stay a while.
void Http2Connection::limit_reading() {
  if (head_under_way_ != 0 || lost_) return;
  if (exchanges_.empty())
    link_.reading.within(terms_.keep_alive);
  else
    link_.reading.clear();
}

void Http2Connection::flush_soon() {
  if (flush_posted_ || writing_ || lost_) return;
  flush_posted_ = true;
  asio::post(link_.executor, [this] {
    flush_posted_ = false;
    flush_apart();
  });
}

void Http2Connection::flush() {
  while (!writing_ && !lost_) {
    out_.clear();
    codec_.take_output(out_, flush_bytes);
    if (out_.size() < flush_bytes && reset_sent()) codec_.take_output(out_, flush_bytes);
    if (out_.empty()) return;
    asio::const_buffer buffer = buffer_of(out_);
    std::span<asio::const_buffer> rest(&buffer, 1);
    error_code error;
    const bool done = link_.stream.write_now(rest, error);
    if (error) return lose();
    if (done) continue;
    unsent_ = rest.empty() ? asio::const_buffer() : rest.front();
    writing_ = true;
    asio::co_spawn(link_.executor, write_rest(), [this](std::exception_ptr) {
      writing_ = false;
      flush_apart();
    });
  }
}

void Http2Connection::flush_apart() {
  flush();
  if (codec_.broken()) wake_reader();
  ended_.cancel();
}

// A wait that is cut short for the reader's sake goes on.
Awaitable<void> Http2Connection::write_rest() {
  std::span<asio::const_buffer> rest(&unsent_, 1);
  link_.writing.within(terms_.write_idle);
  error_code error;
  while (!link_.stream.write_now(rest, error)) {
    error = co_await link_.stream.wait_writable();
    if (error && (error != asio::error::operation_aborted || !link_.plain.socket().is_open())) break;
  }
  link_.writing.clear();
  if (error) lose();
}

// An answer that was complete before its request: the rest of that is not wanted (RFC 9113 §8.1).
bool Http2Connection::reset_sent() {
  const std::vector<StreamId> ended = std::exchange(early_ends_, {});
  for (const StreamId stream : ended)
    if (const Http2Exchange* exchange = find(stream); exchange != nullptr && !exchange->in_.end_arrived())
      codec_.reset(stream, Http2Error::none);
  return !ended.empty();
}

void Http2Connection::lose() {
  lost_ = true;
  for (auto& [stream, exchange] : exchanges_) exchange->leave(Failure(FailureKind::client_gone));
  wake_reader();
}

}  // namespace gatehouse
