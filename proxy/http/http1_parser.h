// HTTP/1 heads: bytes → values. Pure and strict: what two parsers could read differently is refused, because a
// proxy that guesses is how requests are smuggled (RFC 9112 §11.2; docs/decisions/0001).
//
// Refused in requests, each with 400 unless another status is named:
//  - bare LF or CR, NUL and other control bytes, obs-fold, white space before a colon or around the request line;
//  - Content-Length together with Transfer-Encoding, more than one of either, a length that is not plain digits,
//    any transfer coding but a single `chunked`, Transfer-Encoding in HTTP/1.0;
//  - no Host, more than one, or one that is malformed; a Host that differs from an absolute-form target's;
//  - a fragment or bytes beyond ASCII in the target; CONNECT (405); versions other than 1.x (505);
//  - an expectation other than 100-continue (417); too many fields or bytes (431), too long a target (414).
#pragma once

#include "base/result.h"
#include "proxy/http/message.h"

#include <cstddef>
#include <string_view>

namespace gatehouse {

struct HeadLimits {
  std::size_t target_bytes = 32 * 1024;
  std::size_t fields = 128;
};

// Looks for the end of a head in bytes that arrive in pieces. One object per head.
class HeadEnd {
 public:
  // The length of the head including its empty line; 0 when more bytes are needed. `bytes` grows from call to call.
  // Refuses a bare LF as soon as it is seen.
  Result<std::size_t> find(std::string_view bytes);

 private:
  std::size_t line_start_ = 0;
};

// `head` is a whole head as found by HeadEnd (one leading empty line is tolerated, RFC 9112 §2.2). Fills `request`,
// whose views point into `head`; fields' capacity is reused.
Result<void> parse_request_head(std::string_view head, const HeadLimits& limits, RequestHead& request);

// The answer to a request with method `request_method`. Same strictness; failures are bad_answer.
Result<void> parse_response_head(std::string_view head, const HeadLimits& limits, std::string_view request_method,
                                 ResponseHead& response);

// The field lines of a trailer section, ending with its empty line. Appends to `fields`.
Result<void> parse_trailers(std::string_view section, const HeadLimits& limits, std::vector<HeaderField>& fields);

}  // namespace gatehouse
