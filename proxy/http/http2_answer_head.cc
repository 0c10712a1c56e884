#include "proxy/http/http2_answer_head.h"

#include "proxy/http/error_page.h"
#include "proxy/http/http2_head.h"

#include <algorithm>

namespace gatehouse {
namespace {

constexpr std::size_t entry_overhead = 32;
constexpr std::size_t usual_head = 512;

Failure bad(std::string_view words) { return Failure(FailureKind::bad_answer, std::string(words)); }

bool is_status(std::string_view text) {
  return text.size() == 3 && text.front() != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void Http2AnswerHead::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + entry_overhead;
  if (size_ > limit_) return;
  if (name == ":status" && text_.empty() && is_status(value)) return begin(value);
  // A pseudo-header field that is unknown, comes twice or too late, or fields without a status.
  if (text_.empty() || name.find(':') != name.npos || concerns_connection(name)) malformed_ = true;
  if (holds_line_end(name) || holds_line_end(value) || name.empty()) malformed_ = true;
  if (malformed_) return;
  if (name == "content-length") ++lengths_;
  text_.append(name).append(": ").append(value).append("\r\n");
}

void Http2AnswerHead::begin(std::string_view status) {
  const auto number = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
  text_.reserve(usual_head);
  text_.append("HTTP/1.1 ").append(status).append(" ").append(reason_phrase(number)).append("\r\n");
}

Result<void> Http2AnswerHead::finish(bool last, const HeadLimits& limits, std::string_view method,
                                     ResponseHead& answer) {
  if (size_ > limit_) return bad("the head is too large");
  if (malformed_ || text_.empty()) return bad("a field is malformed");
  if (lengths_ == 0) text_.append("transfer-encoding: chunked\r\n");
  text_.append("\r\n");
  if (auto parsed = parse_response_head(text_, limits, method, answer); !parsed) return parsed;
  // There is no switching of protocols here (§8.6).
  if (answer.status == 101) return bad("a 101");
  if (last && (answer.interim() || answer.body.kind == BodyKind::length)) return bad("it ends too early");
  return {};
}

}  // namespace gatehouse
