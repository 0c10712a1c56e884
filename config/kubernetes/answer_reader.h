// AnswerReader: takes an API server's answer as it comes over HTTP. Gzip is undone here; the body of a good answer goes
// to whoever wants it in pieces, or is collected up to a limit; any other is collected and read as a Status object
// (apimachinery meta/v1). Nothing here trusts that it is an API server that answers.
#pragma once

#include "config/kubernetes/api.h"
#include "proxy/http/fetch.h"
#include "proxy/http/inflater.h"

#include <memory>

namespace gatehouse::kubernetes {

class AnswerReader {
 public:
  using Piece = std::function<bool(std::string_view)>;
  static constexpr std::size_t max_refusal_bytes = 256 * 1024;  // of an answer that is not good; what follows is left
  static constexpr Duration longest_retry_after = std::chrono::minutes(10);

  // `piece`: null when the body is to be collected, up to `max_bytes`.
  AnswerReader(Piece piece, std::size_t max_bytes) : piece_(std::move(piece)), max_bytes_(max_bytes) {}

  // The next piece of the body, as StreamTerms::piece.
  bool take(const FetchResponse& head, std::string_view bytes);
  // When it has ended, or take() has said so.
  Result<ApiAnswer> answer(const FetchResponse& head);

 private:
  bool begin(const FetchResponse& head);
  bool take_plain(std::string_view bytes);

  Piece piece_;
  std::size_t max_bytes_;
  bool begun_ = false, streamed_ = false, good_ = false, left_ = false;
  std::unique_ptr<Inflater> inflater_;  // null: not packed
  std::string text_;
  std::optional<Failure> failure_;
};

// Fills what is said about an answer that is not good.
void read_refusal(const FetchResponse& head, ApiAnswer& answer);

}  // namespace gatehouse::kubernetes
