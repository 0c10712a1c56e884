#include "proxy/http/http2_exchange.h"

#include "proxy/http/http2_server.h"

#include <charconv>

namespace gatehouse {
namespace {

BodyKind framing_for(const ResponseHead& response) {
  const BodyKind kind = response.body.kind;
  return kind == BodyKind::none || kind == BodyKind::length ? kind : BodyKind::until_close;
}

// The upstream's Content-Length says something true: of the body, or of what GET would have given.
bool keeps_length(const ResponseHead& response) {
  return response.status >= 200 && response.status != 204 &&
         (response.body.kind == BodyKind::none || response.body.kind == BodyKind::length);
}

}  // namespace

Http2Exchange::Http2Exchange(Http2Connection& connection, StreamId stream)
    : Http2Flow(connection.link_.executor, connection.link_.deadlines, connection.codec_, connection.terms_.write_idle),
      connection_(connection),
      head_(connection.terms_.head_bytes),
      receiving_(connection.link_.deadlines, *this, &Http2Exchange::stall_receiving) {
  stream_ = stream;
}

Http2Exchange::~Http2Exchange() {
  // Of the connection's window alone: the stream is over.
  const std::size_t held = in_.drop() + in_.release();
  if (held > 0) codec_.consume_of_connection(held);
}

void Http2Exchange::flush_soon() { connection_.flush_soon(); }

// It may still read why. Where it could not send, uploads that nobody takes have the connection's window, and it is not
// to blame.
void Http2Exchange::stall_receiving() {
  if (!codec_.peer_has_room(stream_)) return receiving_.within(connection_.terms_.body_idle);
  stalled_ = true;
  arrival_.cancel();
}

void Http2Exchange::stall() {
  reset(Http2Error::cancel);
  leave(Failure(FailureKind::reading_stalled));
}

void Http2Exchange::finish_head(bool last) {
  head_done_ = true;
  if (last) in_.arrive_end();
  head_result_ = head_.finish(last, connection_.terms_.head, request_);
  if (!head_result_) request_ = RequestHead{};
  waits_for_continue_ = request_.expect_continue;
  if (last || head_.opens_websocket()) in_.no_body();  // what follows a CONNECT is none
}

// A body whose trailers cannot be passed on is not whole.
void Http2Exchange::finish_trailers() {
  if (in_.finish_trailers()) return arrive_end();
  reset(Http2Error::protocol_error);
  leave(Failure(FailureKind::bad_request, "malformed trailers"));
}

void Http2Exchange::arrive(std::string_view bytes) {
  if (!serving_ || failure_ || stopped_) return give_back(bytes.size());  // nobody will ask for it
  in_.arrive(bytes);
  received_ += bytes.size();
  waits_for_continue_ = false;
  arrival_.cancel();
}

void Http2Exchange::leave(Failure why) {
  if (failure_) return;
  part(std::move(why));
  if (tell_gone_) std::exchange(tell_gone_, nullptr)();
}

void Http2Exchange::close_stream() {
  mark_closed();
  if (!out_.end_sent()) return leave(Failure(FailureKind::client_gone));
  if (!failure_) part(Failure(FailureKind::client_gone));
}

void Http2Exchange::part(Failure why) {
  fail(std::move(why));
  out_.cut();  // it must not end like a whole answer
  receiving_.clear();
}

void Http2Exchange::when_gone(std::function<void()> told) {
  if (failure_ && told) return told();
  tell_gone_ = std::move(told);
}

void Http2Exchange::give_back(std::size_t bytes) {
  if (bytes == 0) return;
  const bool wanted = serving_ && !failure_ && !stopped_;
  wanted ? codec_.consume(stream_, bytes) : codec_.discard(stream_, bytes);
  flush_soon();
}

Result<std::optional<BodyPiece>> Http2Exchange::piece_now() {
  release();
  if (failure_) return *failure_;
  if (in_.ended()) return std::optional<BodyPiece>(BodyPiece{{}, true});
  if (!in_.at_hand()) return std::optional<BodyPiece>();
  return std::optional<BodyPiece>(in_.take());
}

Awaitable<Result<BodyPiece>> Http2Exchange::next_piece() {
  release();
  pulling_ = true;
  limit_receiving();
  while (!in_.at_hand() && !failure_ && !stopped_ && !stalled_) co_await wait_on(arrival_);
  pulling_ = false;
  receiving_.clear();
  if (failure_) co_return *failure_;
  if (stopped_) co_return Failure(FailureKind::client_gone);
  if (stalled_) co_return Failure(FailureKind::body_stalled);
  co_return in_.take();
}

// A client that waits for 100 Continue, or has its answer, owes nothing.
void Http2Exchange::limit_receiving() {
  const bool owed = !begun_ && !waits_for_continue_;
  if (pulling_ && !in_.at_hand() && owed) receiving_.within(connection_.terms_.body_idle);
}

// From here on the client may take as long over its body as the answer lasts.
void Http2Exchange::answer_begins() {
  begun_ = true;
  receiving_.clear();
}

void Http2Exchange::drop_body() {
  release();
  stop_body();
}

// Its windows are given back, or an upload that goes nowhere would hold up the others. The piece handed out last may
// still be in use.
void Http2Exchange::stop_body() {
  stopped_ = true;
  give_back(in_.drop());
  arrival_.cancel();
}

Awaitable<Result<void>> Http2Exchange::send_interim(const ResponseHead& head) {
  if (failure_) co_return *failure_;
  if (head.status == 100 && !request_.expect_continue) co_return Result<void>();
  std::vector<HeaderField> fields;
  collect_interim(fields, head);
  codec_.submit_interim(stream_, head.status, fields);
  flush_soon();
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
  if (failure_) co_return *failure_;
  ResponseRules rules;
  rules.body = {framing_for(head), head.body.length};
  rules.body_length_known = keeps_length(head);
  rules.date = date_;
  rules.set_cookie = set_cookie;
  std::vector<HeaderField> fields;
  fields.reserve(head.fields.size() + 4);
  LengthText length;
  collect_client_response(fields, head, rules, length);
  // Where nothing follows, the stream ends with the head: gRPC's clients look for that.
  const bool nothing = first.bytes.empty() && first.last && trailers.empty();
  const bool body = rules.body.kind != BodyKind::none && !nothing;
  codec_.submit_answer(stream_, head.status, fields, body);
  flush_soon();
  answer_begins();
  if (!body) out_.no_body();
  if (!body && !in_.end_arrived()) connection_.reset_when_sent(stream_);
  const bool later = first.bytes.empty() && !first.last;
  if (!body || later) co_return Result<void>();
  co_return co_await send_piece(first, trailers);
}

// What HTTP/1 has as 101 is a 200 here (RFC 8441 §5).
Result<void> Http2Exchange::grant_tunnel(const ResponseHead& head) {
  if (!head_.opens_websocket() || !same_name(head.upgrade, "websocket") ||
      !head_.accepted_by(head.find("sec-websocket-accept")))
    return Failure(FailureKind::bad_answer, "an upgrade to something else");
  if (failure_) return *failure_;
  ResponseRules rules;
  rules.date = date_;
  std::vector<HeaderField> fields;
  LengthText length;
  collect_client_response(fields, head, rules, length);
  std::erase_if(fields, [](const HeaderField& field) { return same_name(field.name, "sec-websocket-accept"); });
  open_tunnel();
  answer_begins();
  codec_.submit_answer(stream_, 200, fields, true);
  flush_soon();
  return {};
}

Awaitable<Result<void>> Http2Exchange::send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (failure_) co_return *failure_;
  if (out_.end_put()) co_return Result<void>();  // the answer to a HEAD has no body
  put(piece, trailers);
  // Where the client takes nothing, no more is fetched for it: what waits for it is one piece, and no block of memory.
  const bool shut = !piece.last && out_.kept() > codec_.room(stream_);
  while ((!out_.taken() || (shut && out_.kept() > 0)) && !failure_) co_await wait_on(departure_);
  if (failure_ && !out_.end_sent()) co_return *failure_;
  co_return Result<void>();
}

Http2Outgoing Http2Exchange::outgoing(std::span<char> room) {
  const Http2Outgoing out = Http2Flow::outgoing(room);
  if (out.last && !in_.end_arrived() && !tunnel_) connection_.reset_when_sent(stream_);
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
  const bool broken = begun_ && !tunnel_;
  reset(broken ? Http2Error::internal_error : Http2Error::cancel);
  leave(Failure(FailureKind::client_gone));
}

}  // namespace gatehouse
