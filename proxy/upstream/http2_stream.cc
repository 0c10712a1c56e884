#include "proxy/upstream/http2_stream.h"

#include <utility>

namespace gatehouse {
namespace {

constexpr HeadLimits answer_limits{.target_bytes = 0, .fields = 512};
constexpr std::size_t most_interims = 10;

}  // namespace

Http2Stream::Http2Stream(std::shared_ptr<Http2Upstream> connection, std::string_view method, Duration idle)
    : Http2Flow(connection->executor_, connection->deadlines_, connection->codec_, idle),
      connection_(std::move(connection)),
      method_(method),
      waiting_(connection_->deadlines_, *this, &Http2Stream::stall) {
  stream_closed_ = true;  // until open()
}

Http2Stream::~Http2Stream() {
  if (stream_ == 0) return;
  if (lacks_only_its_end())
    connection_->await_end_of(stream_);
  else
    reset(Http2Error::cancel);
  connection_->give_back_window(window_);
  connection_->forget(stream_);
  flush_soon();
}

void Http2Stream::flush_soon() { connection_->flush_soon(); }

bool Http2Stream::open(const Http2RequestLine& line, const std::vector<HeaderField>& fields, bool body) {
  stream_ = connection_->open(*this, line, fields, body);
  stream_closed_ = stream_ == 0;
  has_body_ = body;
  return !stream_closed_;
}

// The answer to a HEAD, a 204 or a 304, to a request that has gone out.
bool Http2Stream::lacks_only_its_end() const {
  return !stream_closed_ && !failure_ && bodyless_ && (!has_body_ || out_.end_sent());
}

Awaitable<Result<void>> Http2Stream::send(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (failure_) co_return *failure_;
  if (stopped_ || stream_closed_) co_return Failure(FailureKind::upstream_closed);
  if (put(piece, trailers)) co_return Result<void>();
  while (!out_.taken() && !failure_ && !stopped_ && !stream_closed_) co_await wait_on(departure_);
  const bool all = out_.taken() && !stopped_;  // stop_sending() has taken the rest away
  out_.cut();
  if (all) co_return Result<void>();
  co_return failure_.value_or(Failure(FailureKind::upstream_closed));
}

bool Http2Stream::send_now(BodyPiece piece, const std::vector<HeaderField>& trailers) {
  if (stream_closed_ || !out_.drained() || piece.bytes.size() > Http2Outflow::kept_piece) return false;
  return put(piece, trailers);
}

void Http2Stream::stop_sending() {
  stopped_ = true;
  out_.cut();
  departure_.cancel();
}

void Http2Stream::begin_head() {
  if (!final_head_) arriving_ = std::make_unique<Head>();
}

std::size_t Http2Stream::take_field(std::string_view name, std::string_view value) {
  if (!arriving_) return in_.take_trailer(name, value);
  arriving_->text.add(name, value);
  return arriving_->text.size();
}

void Http2Stream::end_head(bool last) {
  if (failure_) return;
  if (!arriving_) return in_.finish_trailers() ? arrive_end() : refuse("malformed trailers");
  auto finished = arriving_->text.finish(last, answer_limits, method_, arriving_->head);
  if (!finished) return refuse(finished.error().detail);
  final_head_ = !arriving_->head.interim();
  bodyless_ = final_head_ && arriving_->head.body.kind == BodyKind::none;
  if (!final_head_ && ++interims_ > most_interims) return refuse("too many interim answers");
  if (!final_head_ && (interim_bytes_ += arriving_->text.size()) > head_limit)
    return refuse("the interim answers are too large");
  heads_.push_back(std::move(arriving_));
  if (last) in_.arrive_end();
  arrival_.cancel();
}

void Http2Stream::arrive(std::string_view bytes) {
  if (failure_) return;  // nobody will ask for it
  in_.arrive(bytes);
  used_of_window_ += bytes.size();
  arrival_.cancel();
}

// Of a whole answer it says nothing: the upstream wants no more of the request (RFC 9113 §8.1).
void Http2Stream::close(Http2Error error) {
  mark_closed();
  connection_->forget(stream_);
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
  mark_closed();
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
  reset(Http2Error::protocol_error);
  fail(Failure(FailureKind::bad_answer, std::string(words)));
}

void Http2Stream::cancel(Failure why) {
  reset(Http2Error::cancel);
  fail(std::move(why));
}

void Http2Stream::stall() { cancel(Failure(FailureKind::answer_timeout, connection_->link().endpoint().text())); }

Awaitable<Result<ResponseHead>> Http2Stream::next_head() {
  head_.reset();
  while (heads_.empty() && !failure_) co_await wait_on(arrival_);
  if (heads_.empty()) co_return *failure_;
  head_ = std::move(heads_.front());
  heads_.pop_front();
  co_return std::move(head_->head);
}

void Http2Stream::give_back(std::size_t bytes) {
  if (bytes == 0) return;
  if (!stream_closed_) codec_.consume_of_stream(stream_, bytes);
  if (!stream_closed_ && !in_.end_arrived() && in_.waiting().empty() && used_of_window_ >= window_) {
    used_of_window_ = 0;
    connection_->widen(stream_, window_);
  }
  flush_soon();
}

Result<std::optional<BodyPiece>> Http2Stream::piece_now() {
  release();
  if (in_.at_hand()) return std::optional<BodyPiece>(in_.take());
  if (failure_) return *failure_;
  return std::optional<BodyPiece>();
}

Awaitable<Result<BodyPiece>> Http2Stream::next_piece() {
  release();
  while (!in_.at_hand() && !failure_) co_await wait_on(arrival_);
  if (in_.at_hand()) co_return in_.take();
  co_return *failure_;
}

}  // namespace gatehouse
