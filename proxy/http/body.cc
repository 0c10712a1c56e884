#include "proxy/http/body.h"

#include <algorithm>

namespace gatehouse {

Http1Body::Http1Body(Inbox& inbox, Deadline& deadline, BodyFraming framing, Duration idle, const BodyFailures& failures)
    : inbox_(inbox),
      deadline_(deadline),
      framing_(framing),
      idle_(idle),
      failures_(failures),
      left_(framing.length),
      ended_(framing.kind == BodyKind::none) {}

Awaitable<Result<BodyPiece>> Http1Body::next() {
  while (true) {
    auto now = next_now();
    if (!now) co_return now.error();
    if (*now) co_return **now;
    auto read = inbox_.refill_now(expected());
    if (!read && would_block(read.error())) {
      deadline_.within(idle_);
      const error_code error = co_await inbox_.stream().wait_readable();
      deadline_.clear();
      if (!error) continue;
    }
    if (!read) co_return Failure(deadline_.expired() ? failures_.stalled : failures_.broken_off);
    if (*read > 0) continue;
    if (framing_.kind != BodyKind::until_close) co_return Failure(failures_.broken_off);
    co_return piece({}, true);
  }
}

Result<std::optional<BodyPiece>> Http1Body::next_now() {
  if (ended_) return std::optional(BodyPiece{{}, true});
  if (inbox_.unread().empty()) return std::optional<BodyPiece>();
  auto taken = take();
  if (!taken) return taken.error();
  if (taken->bytes.empty() && !taken->last) return std::optional<BodyPiece>();
  return std::optional(*taken);
}

Result<BodyPiece> Http1Body::take() {
  if (framing_.kind == BodyKind::chunked) return take_chunked();
  return take_length();
}

Result<BodyPiece> Http1Body::take_length() {
  std::string_view bytes = inbox_.unread();
  if (framing_.kind == BodyKind::length) {
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    left_ -= bytes.size();
  }
  inbox_.consume(bytes.size());
  return piece(bytes, framing_.kind == BodyKind::length && left_ == 0);
}

Result<BodyPiece> Http1Body::take_chunked() {
  auto step = chunks_.next(inbox_.unread());
  if (!step) return Failure(failures_.malformed, step.error().detail);
  inbox_.consume(step->consumed);
  // The end is often here already: found now, the last piece can say so.
  if (!step->payload.empty() && !inbox_.unread().empty()) {
    const auto payload = step->payload;
    if (chunks_.chunk_left() == 0 && inbox_.unread().size() >= 7) {
      // The copy is what is put back: the trailers of one that has ended point into itself.
      const ChunkedDecoder before = chunks_;
      auto rest = chunks_.next(inbox_.unread());
      if (rest && rest->ended) {
        inbox_.consume(rest->consumed);
        return piece(payload, true);
      }
      chunks_ = before;
    }
    return piece(payload, false);
  }
  return piece(step->payload, step->ended);
}

BodyPiece Http1Body::piece(std::string_view bytes, bool last) {
  received_ += bytes.size();
  ended_ = last;
  return {bytes, last};
}

std::uint64_t Http1Body::expected() const {
  switch (framing_.kind) {
    case BodyKind::length: return left_;
    case BodyKind::chunked: return chunks_.chunk_left() + 1024;
    default: return Buffers::large;
  }
}

}  // namespace gatehouse
