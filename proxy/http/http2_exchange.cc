#include "proxy/http/http2_exchange.h"

#include "proxy/http/http2_server.h"
#include "proxy/http/http2_tunnel.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gatehouse {
namespace {

constexpr std::size_t kept_piece = 16 * 1024;  // copied at most, so that its sender need not wait
constexpr std::size_t field_overhead = 32;  // of each field in what counts (RFC 9113 §6.5.2)
constexpr std::size_t trailer_limit = 16 * 1024;
constexpr HeadLimits trailer_limits{.target_bytes = 0, .fields = 64};
constexpr std::size_t least_progress = 1024;  // of an answer, within the limit on writing

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
  // Of the connection's window alone: the stream is over.
  const std::size_t held = arrived_.size() + current_.size();
  if (held > 0) connection_.codec_.consume_of_connection(held);
}

void Http2Exchange::Stall::due() {
  Http2Connection& connection = exchange.connection_;
  if (kind == FailureKind::body_stalled) {
    // It could not send: then uploads that nobody takes have the connection's window, and it is not to blame.
    if (!connection.codec_.peer_has_room(exchange.stream_)) return within(connection.terms_.body_idle);
    exchange.stalled_ = true;  // it may still read why
    exchange.arrival_.cancel();
    return;
  }
  // It could take more: then other streams or the socket, which has a limit of its own, keep this one waiting.
  if (connection.codec_.has_room(exchange.stream_)) return within(connection.terms_.write_idle);
  connection.codec_.reset(exchange.stream_, Http2Error::cancel);
  connection.flush_soon();
  exchange.leave(Failure(kind));
}

Stream& Http2Exchange::tunnel() { return *tunnel_; }

void Http2Exchange::finish_head(bool last) {
  head_done_ = true;
  remote_ended_ = last;
  head_result_ = head_.finish(last, connection_.terms_.head, request_);
  if (!head_result_) request_ = RequestHead{};
  waits_for_continue_ = request_.expect_continue;
  ended_ = last || head_.opens_websocket();  // what follows a CONNECT is no body
}

std::size_t Http2Exchange::take_trailer(std::string_view name, std::string_view value) {
  trailers_size_ += name.size() + value.size() + field_overhead;
  malformed_trailers_ |= trailers_size_ > trailer_limit || holds_line_end(name) || holds_line_end(value);
  if (!malformed_trailers_) trailer_text_.append(name).append(": ").append(value).append("\r\n");
  return trailers_size_;
}

// Read by the rules of HTTP/1, as the head is. A body whose trailers cannot be passed on is not whole.
void Http2Exchange::finish_trailers() {
  trailer_text_.append("\r\n");
  if (!malformed_trailers_ && parse_trailers(trailer_text_, trailer_limits, trailers_)) return arrive_end();
  connection_.codec_.reset(stream_, Http2Error::protocol_error);
  leave(Failure(FailureKind::bad_request, "malformed trailers"));
}

void Http2Exchange::arrive(std::string_view bytes) {
  if (!serving_ || gone_ || stopped_) {  // nobody will ask for it
    connection_.codec_.consume(stream_, bytes.size());
    return;
  }
  arrived_.append(bytes);
  received_ += bytes.size();
  waits_for_continue_ = false;
  arrival_.cancel();
}

void Http2Exchange::arrive_end() {
  remote_ended_ = true;
  arrival_.cancel();
}

void Http2Exchange::leave(Failure why) {
  if (gone_) return;
  part(std::move(why));
  if (tell_gone_) std::exchange(tell_gone_, nullptr)();
}

void Http2Exchange::close_stream() {
  stream_closed_ = true;
  if (!last_sent_) return leave(Failure(FailureKind::client_gone));
  if (!gone_) part(Failure(FailureKind::client_gone));
}

void Http2Exchange::part(Failure why) {
  gone_ = true;
  why_gone_ = std::move(why);
  if (!lent_.empty()) last_ = false;  // what is cut off here must not end like a whole answer
  lent_ = {};
  receiving_.clear();
  sending_.clear();
  arrival_.cancel();
  departure_.cancel();
}

void Http2Exchange::when_gone(std::function<void()> told) {
  if (gone_ && told) return told();
  tell_gone_ = std::move(told);
}

// The piece handed out last is done with: the client may send as much again.
void Http2Exchange::give_back() {
  if (current_.empty()) return;
  connection_.codec_.consume(stream_, current_.size());
  connection_.flush_soon();
  if (current_.capacity() > kept_piece) current_ = {};
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
  pulling_ = true;
  limit_receiving();
  while (arrived_.empty() && !remote_ended_ && !gone_ && !stopped_ && !stalled_) co_await wait_on(arrival_);
  pulling_ = false;
  receiving_.clear();
  if (gone_) co_return *why_gone_;
  if (stopped_) co_return Failure(FailureKind::client_gone);
  if (stalled_) co_return Failure(FailureKind::body_stalled);
  co_return take();
}

// A client that waits for 100 Continue, or has its answer, owes nothing.
void Http2Exchange::limit_receiving() {
  const bool owed = !begun_ && !waits_for_continue_;
  if (pulling_ && arrived_.empty() && !remote_ended_ && owed) receiving_.within(connection_.terms_.body_idle);
}

// From here on the client may take as long over its body as the answer lasts.
void Http2Exchange::answer_begins() {
  begun_ = true;
  receiving_.clear();
}

void Http2Exchange::drop_body() {
  give_back();
  stop_body();
}

// Its windows are given back, or an upload that goes nowhere would hold up the others. The piece handed out last may
// still be in use.
void Http2Exchange::stop_body() {
  stopped_ = true;
  connection_.codec_.consume(stream_, arrived_.size());
  arrived_ = {};
  connection_.flush_soon();
  arrival_.cancel();
}

Awaitable<Result<void>> Http2Exchange::send_interim(const ResponseHead& head) {
  if (gone_) co_return *why_gone_;
  if (head.status == 100 && !request_.expect_continue) co_return Result<void>();
  std::vector<HeaderField> fields;
  collect_interim(fields, head);
  connection_.codec_.submit_interim(stream_, head.status, fields);
  connection_.flush_soon();
  if (head.status == 100 && std::exchange(waits_for_continue_, false)) limit_receiving();
  co_return Result<void>();
}

Awaitable<Result<void>> Http2Exchange::send_head(const ResponseHead& head, BodyPiece first,
                                                 const std::vector<HeaderField>& trailers,
                                                 std::string_view set_cookie) {
  if (head.status == 101) co_return grant_tunnel(head);
  // It would take any 2xx for its tunnel.
  if (head_.opens_websocket() && head.status / 100 == 2)
    co_return Failure(FailureKind::bad_answer, "an upgrade answered without one");
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
    // Where nothing follows, the stream ends with the head: gRPC's clients look for that.
    const bool nothing = first.bytes.empty() && first.last && trailers.empty();
    const bool body = rules.body.kind != BodyKind::none && !nothing;
    connection_.codec_.submit_answer(stream_, head.status, fields, body);
    answer_begins();
    if (!body) complete_ = last_ = last_sent_ = true;
    if (!body && !remote_ended_) connection_.reset_when_sent(stream_);
  }
  connection_.flush_soon();
  if (!gone_ && !complete_ && first.bytes.empty() && !first.last) co_return Result<void>();
  if (!gone_ && complete_) co_return Result<void>();
  co_return co_await send(first, trailers);
}

// What HTTP/1 has as 101 is a 200 here (RFC 8441 §5).
Result<void> Http2Exchange::grant_tunnel(const ResponseHead& head) {
  if (!head_.opens_websocket() || !same_name(head.upgrade, "websocket") ||
      !head_.accepted_by(head.find("sec-websocket-accept")))
    return Failure(FailureKind::bad_answer, "an upgrade to something else");
  if (gone_) return *why_gone_;
  ResponseRules rules;
  rules.date = date_;
  std::vector<HeaderField> fields;
  LengthText length;
  collect_client_response(fields, head, rules, length);
  std::erase_if(fields, [](const HeaderField& field) { return same_name(field.name, "sec-websocket-accept"); });
  tunnel_ = std::make_unique<Tunnel>(*this);
  answer_begins();
  connection_.codec_.submit_answer(stream_, 200, fields, true);
  connection_.flush_soon();
  return {};
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
  progress_ = 0;
  sending_.within(connection_.terms_.write_idle);
  connection_.codec_.resume(stream_);
  connection_.flush_soon();
  // Where the client takes nothing, no more is fetched for it: what waits for it is one piece, and no block of memory.
  const bool shut = !piece.last && kept_.size() - kept_sent_ > connection_.codec_.room(stream_);
  while ((!lent_.empty() || (shut && kept_sent_ < kept_.size())) && !gone_) co_await wait_on(departure_);
  if (gone_ && !last_sent_) co_return *why_gone_;
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
  out.last = last_sent_ = drained && last_;
  out.wait = out.bytes == 0 && !out.last;
  if (out.last) out.trailers = &answer_trailers_;
  sent(out.bytes, drained);
  if (out.last && !remote_ended_ && !(tunnel_ && tunnel_->half_closed())) connection_.reset_when_sent(stream_);
  return out;
}

// A client that opens its window by a byte now and then does not get on.
void Http2Exchange::sent(std::size_t bytes, bool drained) {
  progress_ += bytes;
  if (drained) {
    sending_.clear();
    departure_.cancel();
  } else if (progress_ >= least_progress) {
    progress_ = 0;
    sending_.within(connection_.terms_.write_idle);
  }
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
  const bool broken = begun_ && !tunnel_;
  if (!stream_closed_) connection_.codec_.reset(stream_, broken ? Http2Error::internal_error : Http2Error::cancel);
  connection_.flush_soon();
  leave(Failure(FailureKind::client_gone));
}

}  // namespace gatehouse
