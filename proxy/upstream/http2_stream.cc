#include "proxy/upstream/http2_stream.h"

#include "proxy/http/http2_head.h"
#include "proxy/upstream/http2_upstream_tunnel.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace gatehouse {
namespace {

constexpr HeadLimits answer_limits{.target_bytes = 0, .fields = 512};
constexpr HeadLimits trailer_limits{.target_bytes = 0, .fields = 64};
constexpr std::size_t most_interims = 10;
constexpr std::size_t trailer_limit = 16 * 1024;
constexpr std::size_t field_overhead = 32;  // of each field in what counts (RFC 9113 §6.5.2)
constexpr std::size_t least_progress = 1024;  // of a request, within the limit on sending

Awaitable<void> wait_on(asio::steady_timer& timer) {
  error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

}  // namespace

Http2Stream::Http2Stream(std::shared_ptr<Http2Upstream> connection, std::string_view method, Duration idle)
    : connection_(std::move(connection)),
      method_(method),
      idle_(idle),
      arrival_(connection_->executor_, TimePoint::max()),
      departure_(connection_->executor_, TimePoint::max()),
      waiting_(connection_->deadlines_, *this, &Http2Stream::stall_answer),
      sending_(connection_->deadlines_, *this, &Http2Stream::stall_sending) {}

Http2Stream::~Http2Stream() {
  if (id_ == 0) return;
  if (lacks_only_its_end())
    connection_->await_end_of(id_);
  else if (!closed_)
    connection_->codec_.reset(id_, Http2Error::cancel);
  connection_->give_back_window(window_);
  connection_->forget(id_);
  connection_->flush_soon();
}

bool Http2Stream::open(const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body) {
  id_ = connection_->open(*this, line, fields, body);
  closed_ = id_ == 0;
  has_body_ = body;
  return !closed_;
}

// The answer to a HEAD, a 204 or a 304, to a request that has gone out.
bool Http2Stream::lacks_only_its_end() const {
  return !closed_ && !failure_ && bodyless_ && (!has_body_ || out_.end_sent());
}

Awaitable<Result<void>> Http2Stream::send(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (failure_) co_return *failure_;
  if (stopped_ || closed_) co_return Failure(FailureKind::upstream_closed);
  if (piece.last) out_.keep_trailers(trailers);
  const bool taken = out_.put(piece);
  progress_ = 0;
  sending_.within(idle_);
  connection_->codec_.resume(id_);
  connection_->flush_soon();
  if (taken) co_return Result<void>();
  while (!out_.taken() && !failure_ && !stopped_ && !closed_) co_await wait_on(departure_);
  const bool all = out_.taken() && !stopped_;  // stop_sending() has taken the rest away
  out_.cut();
  if (all) co_return Result<void>();
  co_return failure_.value_or(Failure(FailureKind::upstream_closed));
}

bool Http2Stream::send_now(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (closed_ || !out_.drained() || piece.bytes.size() > Http2Outflow::kept_piece) return false;
  if (piece.last) out_.keep_trailers(trailers);
  out_.put(piece);
  sending_.within(idle_);
  connection_->codec_.resume(id_);
  return true;
}

void Http2Stream::stop_sending() {
  stopped_ = true;
  out_.cut();
  departure_.cancel();
}

Http2Outgoing Http2Stream::outgoing(std::span<char> room) {
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

void Http2Stream::begin_head() {
  if (!final_head_) arriving_ = std::make_unique<Head>();
}

std::size_t Http2Stream::take_field(std::string_view name, std::string_view value) {
  if (arriving_) {
    arriving_->text.add(name, value);
    return arriving_->text.size();
  }
  trailers_size_ += name.size() + value.size() + field_overhead;
  malformed_trailers_ |= trailers_size_ > trailer_limit || holds_line_end(name) || holds_line_end(value);
  if (!malformed_trailers_) trailer_text_.append(name).append(": ").append(value).append("\r\n");
  return trailers_size_;
}

void Http2Stream::end_head(bool last) {
  if (failure_) return;
  if (!arriving_) return finish_trailers();
  auto finished = arriving_->text.finish(last, answer_limits, method_, arriving_->head);
  if (!finished) return refuse(finished.error().detail);
  final_head_ = !arriving_->head.interim();
  bodyless_ = final_head_ && arriving_->head.body.kind == BodyKind::none;
  if (!final_head_ && ++interims_ > most_interims) return refuse("too many interim answers");
  heads_.push_back(std::move(arriving_));
  if (last) in_.arrive_end();
  arrival_.cancel();
}

// Read by the rules of HTTP/1, as the head is.
void Http2Stream::finish_trailers() {
  trailer_text_.append("\r\n");
  if (malformed_trailers_ || !parse_trailers(trailer_text_, trailer_limits, trailers_))
    return refuse("malformed trailers");
  arrive_end();
}

void Http2Stream::arrive(std::string_view bytes) {
  if (failure_) return;  // nobody will ask for it
  in_.arrive(bytes);
  used_of_window_ += bytes.size();
  arrival_.cancel();
}

void Http2Stream::arrive_end() {
  in_.arrive_end();
  arrival_.cancel();
}

// Of a whole answer it says nothing: the upstream wants no more of the request (RFC 9113 §8.1).
void Http2Stream::close(Http2Error error) {
  closed_ = true;
  connection_->forget(id_);
  sending_.clear();
  departure_.cancel();
  if (in_.end_arrived() || failure_) return;
  unprocessed_ = !final_head_ && error == Http2Error::refused_stream;
  asks_for_http1_ = (unprocessed_ && connection_->wants_http1()) ||
                    (!final_head_ && reset_by_upstream_ && error == Http2Error::http_1_1_required);
  if (unprocessed_ || reset_by_upstream_ || error == Http2Error::none)
    fail(broken_off());
  else
    fail(Failure(FailureKind::bad_answer, "against the rules of HTTP/2"));
}

void Http2Stream::lose(Failure why) {
  closed_ = true;
  sending_.clear();
  departure_.cancel();
  if (in_.end_arrived()) return;
  if (final_head_ && why.kind == FailureKind::upstream_closed) why = broken_off();
  fail(std::move(why));
}

Failure Http2Stream::broken_off() const {
  std::string detail = connection_->link().endpoint().text();
  if (asks_for_http1_) detail.append(" asks for HTTP/1.1");
  return Failure(final_head_ ? FailureKind::answer_truncated : FailureKind::upstream_closed, std::move(detail));
}

void Http2Stream::refuse(std::string_view words) {
  if (!closed_) connection_->codec_.reset(id_, Http2Error::protocol_error);
  connection_->flush_soon();
  fail(Failure(FailureKind::bad_answer, std::string(words)));
}

void Http2Stream::cancel(Failure why) {
  if (!closed_) connection_->codec_.reset(id_, Http2Error::cancel);
  connection_->flush_soon();
  fail(std::move(why));
}

void Http2Stream::fail(Failure why) {
  if (failure_) return;
  failure_ = std::move(why);
  arrival_.cancel();
  departure_.cancel();
}

void Http2Stream::stall_answer() {
  cancel(Failure(FailureKind::answer_timeout, connection_->link().endpoint().text()));
}

// It could take more: then other streams or the socket, which has a limit of its own, keep this one waiting.
void Http2Stream::stall_sending() {
  if (connection_->codec_.has_room(id_)) return sending_.within(idle_);
  stall_answer();
}

Awaitable<Result<ResponseHead>> Http2Stream::next_head() {
  head_.reset();
  while (heads_.empty() && !failure_) co_await wait_on(arrival_);
  if (heads_.empty()) co_return *failure_;
  head_ = std::move(heads_.front());
  heads_.pop_front();
  co_return std::move(head_->head);
}

// The piece handed out last is done with: the upstream may send as much again.
void Http2Stream::give_back() { give_back(in_.release()); }

void Http2Stream::give_back(std::size_t bytes) {
  if (bytes == 0) return;
  if (!closed_) connection_->codec_.consume_of_stream(id_, bytes);
  if (!closed_ && !in_.end_arrived() && in_.waiting().empty() && used_of_window_ >= window_) {
    used_of_window_ = 0;
    connection_->widen(id_, window_);
  }
  connection_->flush_soon();
}

Result<std::optional<BodyPiece>> Http2Stream::piece_now() {
  give_back();
  if (in_.at_hand()) return std::optional<BodyPiece>(in_.take());
  if (failure_) return *failure_;
  return std::optional<BodyPiece>();
}

Awaitable<Result<BodyPiece>> Http2Stream::next_piece() {
  give_back();
  while (!in_.at_hand() && !failure_) co_await wait_on(arrival_);
  if (in_.at_hand()) co_return in_.take();
  co_return *failure_;
}

Stream& Http2Stream::tunnel() {
  if (!tunnel_) tunnel_ = std::make_unique<Tunnel>(*this);
  return *tunnel_;
}

}  // namespace gatehouse
