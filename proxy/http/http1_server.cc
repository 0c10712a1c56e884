#include "proxy/http/http1_server.h"

#include "proxy/http/chunked.h"
#include "proxy/http/error_page.h"

#include <array>
#include <charconv>

namespace gatehouse {
namespace {

// How the answer's body goes to this client.
BodyKind framing_for(const RequestHead& request, const ResponseHead& response) {
  const BodyKind kind = response.body.kind;
  if (kind == BodyKind::none || kind == BodyKind::length) return kind;
  return request.minor_version > 0 ? BodyKind::chunked : BodyKind::until_close;
}

// The upstream's Content-Length says something true: of the body, or of what GET would have given.
bool keeps_length(const ResponseHead& response) {
  return response.status >= 200 && response.status != 204 &&
         (response.body.kind == BodyKind::none || response.body.kind == BodyKind::length);
}

}  // namespace

Awaitable<Result<bool>> read_request_head(Http1Link link, Duration limit, std::size_t head_bytes,
                                          const HeadLimits& limits, RequestHead& request) {
  HeadEnd end;
  link.reading.within(limit);
  while (true) {
    const std::string_view unread = link.inbox.unread();
    auto size = end.find(unread);
    if (!size) co_return size.error();
    if (*size > head_bytes) co_return Failure(FailureKind::head_too_large);  // came with others in one piece
    if (*size > 0) {
      link.reading.clear();
      auto parsed = parse_request_head(unread.substr(0, *size), limits, request);
      link.inbox.keep_head(*size);
      if (!parsed) co_return parsed.error();
      co_return true;
    }
    if (unread.size() >= head_bytes)
      co_return Failure(unread.find('\n') == std::string_view::npos ? FailureKind::uri_too_long
                                                                    : FailureKind::head_too_large);
    const bool nothing_yet = unread.empty();
    auto read = link.inbox.gather_now(head_bytes);
    if (!read && would_block(read.error())) {
      link.inbox.release_if_empty();
      const error_code error = co_await link.stream.wait_readable();
      if (!error) continue;
    }
    if (read && *read > 0) continue;
    const bool expired = link.reading.expired();
    link.reading.clear();
    if (expired) co_return Failure(FailureKind::head_timeout);
    if (nothing_yet) co_return false;
    co_return Failure(FailureKind::client_gone, "in the middle of a request head");
  }
}

Http1Exchange::Http1Exchange(Http1Link link, const RequestHead& request, Origin origin, std::string_view date,
                             bool may_continue)
    : link_(link),
      request_(request),
      origin_(origin),
      date_(date),
      // A client that waits for 100 Continue owes nothing until it has come.
      body_(link_.inbox, link_.reading, request.body, request.expect_continue ? Duration::zero() : link.body_idle,
            request_body_failures),
      watch_(link_.deadlines, link_.departures, link_.stream, link_.plain),
      close_(!may_continue || !request.keep_alive) {
  if (body_.ended()) watch_.request_ended();
}

Awaitable<Result<BodyPiece>> Http1Exchange::next_piece() {
  if (stopped_) co_return Failure(FailureKind::client_gone);
  watch_.attention_begins();
  auto piece = co_await body_.next();
  watch_.attention_ends();
  watch_.moved();
  if (body_.ended()) watch_.request_ended();
  if (piece && !begun_) body_.set_idle(link_.body_idle);  // also for a client that did not wait for its 100
  co_return piece;
}

Result<std::optional<BodyPiece>> Http1Exchange::piece_now() {
  auto piece = body_.next_now();
  if (body_.ended()) watch_.request_ended();
  return piece;
}

Stream& Http1Exchange::tunnel() {
  link_.reading.clear();  // the relay has limits of its own
  return link_.stream;
}

void Http1Exchange::stop_body() {
  stopped_ = true;
  link_.plain.wake();
}

Awaitable<Result<void>> Http1Exchange::send_interim(const ResponseHead& head) {
  if (head.status == 100) body_.set_idle(link_.body_idle);
  if (request_.minor_version == 0 || (head.status == 100 && !request_.expect_continue)) co_return Result<void>();
  std::string text;
  write_interim(text, head);
  asio::const_buffer buffer = buffer_of(text);
  co_return co_await write(std::span(&buffer, 1));
}

Awaitable<Result<void>> Http1Exchange::send_head(const ResponseHead& head, BodyPiece first,
                                                 const std::vector<HeaderField>& trailers,
                                                 std::string_view set_cookie) {
  answer_body_ = framing_for(request_, head);
  // A request still arriving may never end properly; only the close tells where the next one would begin.
  if (!body_.ended() || answer_body_ == BodyKind::until_close || head.status == 101) close_ = true;
  if (link_.draining && *link_.draining) close_ = true;
  // A client that has its answer may stop sending; the answer is not cut for that.
  if (!body_.ended()) {
    body_.set_idle(Duration::zero());
    link_.reading.clear();
  }
  ResponseRules rules;
  rules.body = {answer_body_, head.body.length};
  rules.body_length_known = keeps_length(head);
  rules.close = close_;
  rules.http10 = request_.minor_version == 0;
  rules.date = date_;
  rules.set_cookie = set_cookie;
  head_text_.reserve(512);
  write_client_response(head_text_, head, rules);
  begun_ = true;
  if (answer_body_ == BodyKind::none) first = {{}, true};
  return write_piece(head_text_, first, trailers);
}

Awaitable<Result<void>> Http1Exchange::send_piece(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  return write_piece({}, piece, trailers);
}

Awaitable<Result<void>> Http1Exchange::write_piece(std::string_view head, BodyPiece piece,
                                                   const std::vector<HeaderField>& trailers) {
  const bool chunked = answer_body_ == BodyKind::chunked;
  const bool sized = chunked && !piece.bytes.empty();
  const ChunkSizeLine size_line(piece.bytes.size());
  std::string tail = sized ? "\r\n" : "";
  if (chunked && piece.last) write_trailers(tail.append("0\r\n"), trailers);
  std::array buffers{buffer_of(head), buffer_of(sized ? size_line.text() : std::string_view{}), buffer_of(piece.bytes),
                     buffer_of(tail)};
  std::span<asio::const_buffer> rest(buffers);
  error_code error;
  Result<void> written;
  watch_.moved();
  if (!link_.stream.write_now(rest, error))
    written = co_await write(rest);
  else if (error)
    written = Failure(FailureKind::client_gone, error.message());
  if (written && piece.last) complete_ = true;
  co_return written;
}

Awaitable<Result<void>> Http1Exchange::respond(std::uint16_t status, std::vector<HeaderField> fields,
                                               std::string_view body) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, body.size()).ptr;
  ResponseHead head;
  head.status = status;
  head.reason = reason_phrase(status);
  head.fields = std::move(fields);
  head.fields.push_back({"Content-Length", {digits, static_cast<std::size_t>(end - digits)}, HeaderId::content_length});
  if (!body.empty() && request_.method != "HEAD") head.body = {BodyKind::length, body.size()};
  co_return co_await send_head(head, {body, true}, {}, {});
}

Awaitable<Result<void>> Http1Exchange::write(std::span<asio::const_buffer> buffers) {
  const ClientWatch::Attended attended(watch_);
  link_.writing.within(link_.write_idle);
  const error_code error = co_await link_.stream.write(buffers);
  link_.writing.clear();
  if (!error) co_return Result<void>();
  co_return Failure(link_.writing.expired() ? FailureKind::reading_stalled : FailureKind::client_gone, error.message());
}

void Http1Exchange::break_off() {
  close_ = true;
  begun_ ? link_.stream.abort() : link_.stream.close();
}

Awaitable<void> linger(Http1Link link, Clock& clock) {
  link.writing.within(std::chrono::seconds(5));
  co_await link.stream.shutdown_write();
  link.writing.clear();
  const TimePoint end = clock.now() + std::chrono::seconds(30);
  link.inbox.consume(link.inbox.unread().size());
  link.inbox.release_head();
  while (clock.now() < end) {
    link.reading.within(std::chrono::seconds(5));
    const auto read = co_await link.inbox.refill(Buffers::large);
    if (!read || *read == 0) break;
    link.inbox.consume(*read);
  }
}

}  // namespace gatehouse
