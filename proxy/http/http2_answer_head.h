// An answer's head as HTTP/2 has it (RFC 9113 §8.3.2), read by the rules of HTTP/1: its fields are written as an
// HTTP/1.1 head and parsed by the one strict parser, so nothing reaches a client that an HTTP/1.1 upstream could not
// have sent.
#pragma once

#include "proxy/http/http1_parser.h"

#include <string>
#include <string_view>

namespace gatehouse {

class Http2AnswerHead {
 public:
  explicit Http2AnswerHead(std::size_t limit) : limit_(limit) {}

  // One field of the block, in order. What exceeds the limit is counted and not kept.
  void add(std::string_view name, std::string_view value);
  // Of all that came, kept or not, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2).
  std::size_t size() const { return size_; }

  // All fields are here. `last`: no body follows. `method`: of the request. `answer` views into this object; a body
  // whose length is not stated is BodyKind::chunked in it, since its end is as certain. Failures are bad_answer.
  Result<void> finish(bool last, const HeadLimits& limits, std::string_view method, ResponseHead& answer);

 private:
  void begin(std::string_view status);

  const std::size_t limit_;
  std::size_t size_ = 0;
  int lengths_ = 0;
  bool malformed_ = false;
  std::string text_;
};

}  // namespace gatehouse
