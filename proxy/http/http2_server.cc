#include "proxy/http/http2_server.h"

#include "proxy/http/error_page.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>

namespace gatehouse {
namespace {

constexpr std::size_t kept_piece = 16 * 1024;  // copied at most, so that its sender need not wait
constexpr std::size_t flush_bytes = 64 * 1024;
constexpr std::size_t trailer_bytes = 16 * 1024;
constexpr std::size_t most_trailers = 64;
constexpr Duration last_call = std::chrono::seconds(1);  // between the two GOAWAYs: requests on their way arrive

Awaitable<void> wait_on(asio::steady_timer& timer) {
  error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

BodyKind framing_for(const ResponseHead& response) {
  const BodyKind kind = response.body.kind;
  return kind == BodyKind::none || kind == BodyKind::length ? kind : BodyKind::until_close;
}

// The upstream's Content-Length says something true: of the body, or of what GET would have given.
bool keeps_length(const ResponseHead& response) {
  return response.status >= 200 && response.status != 204 &&
         (response.body.kind == BodyKind::none || response.body.kind == BodyKind::length);
}

// Appends to `text`, which never grows beyond what it has reserved, and gives the view.
std::string_view kept_in(std::string& text, std::string_view part) {
  const std::size_t start = text.size();
  text.append(part);
  return std::string_view(text).substr(start);
}

}  // namespace

Http2Exchange::Http2Exchange(Http2Connection& connection, StreamId stream)
    : connection_(connection),
      stream_(stream),
      head_(connection.terms_.head_bytes),
      arrival_(connection.link_.executor, TimePoint::max()),
      departure_(connection.link_.executor, TimePoint::max()),
      receiving_(connection.link_.deadlines, *this, FailureKind::body_stalled),
      sending_(connection.link_.deadlines, *this, FailureKind::reading_stalled) {}

Http2Exchange::~Http2Exchange() {
  const std::size_t held = arrived_.size() + current_.size();
  if (held > 0) connection_.codec_.consume_of_closed(held);
}

void Http2Exchange::Stall::due() {
  if (kind == FailureKind::reading_stalled) {
    exchange.connection_.codec_.reset(exchange.stream_, Http2Error::cancel);
    exchange.connection_.flush_soon();
  }
  exchange.leave(Failure(kind));
}

void Http2Exchange::finish_head(bool last) {
  head_done_ = true;
  remote_ended_ = last;
  head_result_ = head_.finish(last, connection_.terms_.head, request_);
  if (!head_result_) request_ = RequestHead{};
  ended_ = last;
}

void Http2Exchange::take_trailer(std::string_view name, std::string_view value) {
  if (trailer_text_.capacity() < trailer_bytes) trailer_text_.reserve(trailer_bytes);
  const bool fits = trailer_text_.size() + name.size() + value.size() <= trailer_bytes;
  if (!fits || trailers_.size() == most_trailers || name.starts_with(':')) return;
  const std::string_view kept_name = kept_in(trailer_text_, name);
  trailers_.push_back({kept_name, kept_in(trailer_text_, value), header_id(kept_name)});
}

void Http2Exchange::arrive(std::string_view bytes) {
  if (!serving_ || gone_) {  // nobody will ask for it
    connection_.codec_.consume(stream_, bytes.size());
    return;
  }
  arrived_.append(bytes);
  received_ += bytes.size();
  arrival_.cancel();
}

void Http2Exchange::arrive_end() {
  remote_ended_ = true;
  arrival_.cancel();
}

void Http2Exchange::leave(Failure why) {
  if (gone_) return;
  gone_ = true;
  why_gone_ = std::move(why);
  lent_ = {};
  receiving_.clear();
  sending_.clear();
  arrival_.cancel();
  departure_.cancel();
}

// The piece handed out last is done with: the client may send as much again.
void Http2Exchange::give_back() {
  if (current_.empty()) return;
  connection_.codec_.consume(stream_, current_.size());
  connection_.flush_soon();
  current_.clear();
}

BodyPiece Http2Exchange::take() {
  std::swap(arrived_, current_);
  ended_ = remote_ended_;
  return {current_, ended_};
}

Result<std::optional<BodyPiece>> Http2Exchange::piece_now() {
  give_back();
  if (gone_) return *why_gone_;
  if (ended_) return std::optional<BodyPiece>(BodyPiece{{}, true});
  if (arrived_.empty() && !remote_ended_) return std::optional<BodyPiece>();
  return std::optional<BodyPiece>(take());
}

Awaitable<Result<BodyPiece>> Http2Exchange::next_piece() {
  give_back();
  // A client that waits for 100 Continue, or has its answer, owes nothing.
  const bool owed = !begun_ && !request_.expect_continue;
  if (arrived_.empty() && !remote_ended_ && owed) receiving_.within(connection_.terms_.body_idle);
  while (arrived_.empty() && !remote_ended_ && !gone_ && !stopped_) co_await wait_on(arrival_);
  receiving_.clear();
  if (gone_) co_return *why_gone_;
  if (stopped_) co_return Failure(FailureKind::client_gone);
  co_return take();
}

void Http2Exchange::stop_body() {
  stopped_ = true;
  arrival_.cancel();
}

Awaitable<Result<void>> Http2Exchange::send_interim(const ResponseHead& head) {
  if (gone_) co_return *why_gone_;
  if (head.status == 100 && !request_.expect_continue) co_return Result<void>();
  std::vector<HeaderField> fields;
  collect_interim(fields, head);
  connection_.codec_.submit_interim(stream_, head.status, fields);
  connection_.flush_soon();
  co_return Result<void>();
}

Awaitable<Result<void>> Http2Exchange::send_head(const ResponseHead& head, BodyPiece first,
                                                 const std::vector<HeaderField>& trailers,
                                                 std::string_view set_cookie) {
  ResponseRules rules;
  rules.body = {framing_for(head), head.body.length};
  rules.body_length_known = keeps_length(head);
  rules.date = date_;
  rules.set_cookie = set_cookie;
  std::vector<HeaderField> fields;
  fields.reserve(head.fields.size() + 4);
  LengthText length;
  collect_client_response(fields, head, rules, length);
  if (!gone_) {
    const bool body = rules.body.kind != BodyKind::none;
    connection_.codec_.submit_answer(stream_, head.status, fields, body);
    begun_ = true;
    if (!body) complete_ = last_ = true;
    if (!body && !remote_ended_) connection_.reset_when_sent(stream_);
  }
  connection_.flush_soon();
  if (!gone_ && !complete_ && first.bytes.empty() && !first.last) co_return Result<void>();
  if (!gone_ && complete_) co_return Result<void>();
  co_return co_await send(first, trailers);
}

Awaitable<Result<void>> Http2Exchange::send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  return send(piece, trailers);
}

Awaitable<Result<void>> Http2Exchange::send(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (gone_) co_return *why_gone_;
  if (complete_) co_return Result<void>();  // the answer to a HEAD
  if (piece.last) keep_trailers(trailers);
  const bool nothing_waits = kept_sent_ == kept_.size();
  if (nothing_waits && piece.bytes.size() <= kept_piece) {
    kept_ = piece.bytes;
    kept_sent_ = 0;
  } else {
    lent_ = piece.bytes;
  }
  last_ = piece.last;
  sending_.within(connection_.terms_.write_idle);
  connection_.codec_.resume(stream_);
  connection_.flush_soon();
  while (!lent_.empty() && !gone_) co_await wait_on(departure_);
  if (gone_) co_return *why_gone_;
  complete_ = piece.last;
  co_return Result<void>();
}

void Http2Exchange::keep_trailers(const std::vector<HeaderField>& trailers) {
  std::size_t size = 0;
  for (const auto& field : trailers) size += field.name.size() + field.value.size();
  answer_trailer_text_.reserve(size);
  for (const auto& field : trailers) {
    const std::string_view name = kept_in(answer_trailer_text_, field.name);
    answer_trailers_.push_back({name, kept_in(answer_trailer_text_, field.value), field.id});
  }
}

Http2Outgoing Http2Exchange::outgoing(std::span<char> room) {
  Http2Outgoing out;
  const auto copy = [&](std::string_view from) {
    const std::size_t size = std::min(from.size(), room.size() - out.bytes);
    std::memcpy(room.data() + out.bytes, from.data(), size);
    out.bytes += size;
    return size;
  };
  kept_sent_ += copy(std::string_view(kept_).substr(kept_sent_));
  if (!lent_.empty()) {
    lent_.remove_prefix(copy(lent_));
    if (lent_.empty()) departure_.cancel();
  }
  const bool drained = kept_sent_ == kept_.size() && lent_.empty();
  out.last = drained && last_;
  out.wait = out.bytes == 0 && !out.last;
  if (out.last) out.trailers = &answer_trailers_;
  if (drained)
    sending_.clear();
  else if (out.bytes > 0)
    sending_.within(connection_.terms_.write_idle);
  if (out.last && !remote_ended_) connection_.reset_when_sent(stream_);
  return out;
}

Awaitable<Result<void>> Http2Exchange::respond(std::uint16_t status, std::vector<HeaderField> fields,
                                               std::string_view body) {
  ResponseHead head;
  head.status = status;
  head.fields = std::move(fields);
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), body.size()).ptr;
  const bool has_body = !body.empty() && request_.method != "HEAD";
  if (has_body)
    head.body = {BodyKind::length, body.size()};
  else
    head.fields.push_back({"content-length", {digits, end}, HeaderId::content_length});
  co_return co_await send_head(head, {body, true}, {}, {});
}

void Http2Exchange::break_off() {
  if (!stream_closed_) connection_.codec_.reset(stream_, begun_ ? Http2Error::internal_error : Http2Error::cancel);
  connection_.flush_soon();
  leave(Failure(FailureKind::client_gone));
}

Stream& Http2Exchange::tunnel() { return connection_.link_.stream; }

Http2Connection::Http2Connection(Http2Link link, Http2Terms terms, Serve serve)
    : link_(link),
      terms_(std::move(terms)),
      serve_(std::move(serve)),
      codec_(Http2Codec::Side::server, terms_.limits, *this, link_.clock.now()),
      ended_(link_.executor, TimePoint::max()),
      last_call_(link_.deadlines, *this) {}

Http2Connection::~Http2Connection() { exchanges_.clear(); }  // they still speak to the codec

Awaitable<Result<void>> Http2Connection::run() {
  Result<void> result;
  link_.reading.within(terms_.head_time);
  while (true) {
    const std::string_view bytes = link_.inbox.unread();
    if (!bytes.empty()) {
      result = codec_.receive(bytes, link_.clock.now());
      link_.inbox.consume(bytes.size());
    }
    flush();
    if (!result || lost_ || (codec_.over() && exchanges_.empty())) break;
    auto more = co_await read_more();
    if (!more) {
      result = more.error();
      break;
    }
    if (!*more) break;
  }
  link_.reading.clear();
  co_await finish_exchanges();
  co_return result;
}

// False: the client has closed, nothing is owed any more, or it was asked to go.
Awaitable<Result<bool>> Http2Connection::read_more() {
  link_.inbox.release_if_empty();
  const error_code error = co_await link_.stream.wait_readable();
  if (link_.reading.expired()) {
    if (head_under_way_ != 0) co_return Failure(FailureKind::head_timeout);
    codec_.end(Http2Error::none);
    flush();
    co_return false;
  }
  if (said_goodbye_ && exchanges_.empty()) co_return false;
  if (error == asio::error::operation_aborted && said_goodbye_) co_return true;
  if (error) co_return false;
  auto read = co_await link_.inbox.refill(Buffers::large);
  co_return read&&* read > 0;
}

// Those that still run see that the client is gone; nothing of this is touched when they have ended.
Awaitable<void> Http2Connection::finish_exchanges() {
  for (auto& [stream, exchange] : exchanges_) exchange->leave(Failure(FailureKind::client_gone));
  flush();
  while (serving_ > 0 || flush_posted_ || writing_) co_await wait_on(ended_);
}

void Http2Connection::drain() {
  if (std::exchange(draining_, true)) return;
  codec_.announce_end();
  flush_soon();
  last_call_.within(last_call);
}

void Http2Connection::LastCall::due() {
  connection.said_goodbye_ = true;
  connection.codec_.end(Http2Error::none);
  connection.flush();
  if (connection.exchanges_.empty()) connection.wake_reader();
}

void Http2Connection::wake_reader() {
  error_code ignored;
  link_.plain.socket().cancel(ignored);
}

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
  if (exchange->head_done_) {
    exchange->take_trailer(name, value);
    return true;
  }
  exchange->head_.add(name, value);
  // A little beyond gets its 431; what a compressed bomb unfolds to (RFC 7541 §7.3) is not even looked at.
  return exchange->head_.size() <= 4 * terms_.head_bytes;
}

void Http2Connection::head_ends(StreamId stream, bool last) {
  head_under_way_ = 0;
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return limit_reading();
  if (exchange->head_done_) return exchange->arrive_end();
  exchange->finish_head(last);
  start(*exchange);
}

void Http2Connection::start(Http2Exchange& exchange) {
  exchange.serving_ = true;
  ++serving_;
  link_.reading.clear();
  asio::co_spawn(link_.executor, serve_(exchange), [this, &exchange](std::exception_ptr bug) {
    exchange.serving_ = false;
    --serving_;
    if (!exchange.complete_ || bug) exchange.break_off();
    if (exchange.stream_closed_) forget(exchange);
    ended_.cancel();
    limit_reading();
  });
  if (terms_.requests != 0 && ++served_ == terms_.requests) drain();
}

void Http2Connection::data(StreamId stream, std::string_view bytes) {
  if (Http2Exchange* exchange = find(stream))
    exchange->arrive(bytes);
  else
    codec_.consume(stream, bytes.size());
}

void Http2Connection::data_ends(StreamId stream) {
  if (Http2Exchange* exchange = find(stream)) exchange->arrive_end();
}

void Http2Connection::closed(StreamId stream, Http2Error) {
  if (head_under_way_ == stream) head_under_way_ = 0;
  Http2Exchange* exchange = find(stream);
  if (exchange == nullptr) return;
  exchange->stream_closed_ = true;
  exchange->leave(Failure(FailureKind::client_gone));
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

// Nothing is owed while an exchange runs; between them the client may stay for a while.
void Http2Connection::limit_reading() {
  if (head_under_way_ != 0 || lost_) return;
  if (serving_ == 0)
    link_.reading.within(terms_.keep_alive);
  else
    link_.reading.clear();
}

void Http2Connection::flush_soon() {
  if (flush_posted_ || writing_ || lost_) return;
  flush_posted_ = true;
  asio::post(link_.executor, [this] {
    flush_posted_ = false;
    flush();
    ended_.cancel();
  });
}

void Http2Connection::flush() {
  while (!writing_ && !lost_) {
    out_.clear();
    codec_.take_output(out_, flush_bytes);
    if (out_.size() < flush_bytes) reset_sent();
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
      link_.writing.clear();
      flush();
      ended_.cancel();
    });
  }
}

Awaitable<void> Http2Connection::write_rest() {
  link_.writing.within(terms_.write_idle);
  const error_code error = co_await link_.stream.write(std::span(&unsent_, 1));
  if (error) lose();
}

// An answer that was complete before its request: the rest of that is not wanted (RFC 9113 §8.1).
void Http2Connection::reset_sent() {
  for (StreamId stream : std::exchange(resets_, {}))
    if (const Http2Exchange* exchange = find(stream); exchange != nullptr && !exchange->remote_ended_)
      codec_.reset(stream, Http2Error::none);
}

void Http2Connection::lose() {
  lost_ = true;
  for (auto& [stream, exchange] : exchanges_) exchange->leave(Failure(FailureKind::client_gone));
  wake_reader();
}

}  // namespace gatehouse
