// Answer heads of HTTP/2: a line of input is a field, its name up to the first `=`. What is accepted reads the same
// when it goes on as HTTP/1.1.
#include "proxy/http/header_rules.h"
#include "proxy/http/http2_answer_head.h"
#include "tests/fuzz/promise.h"

#include <string>
#include <string_view>

using namespace gatehouse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  constexpr HeadLimits limits{.target_bytes = 0, .fields = 64};
  Http2AnswerHead text(16 * 1024);
  const bool last = !input.empty() && (input.front() & 1) != 0;
  const std::string_view method = !input.empty() && (input.front() & 2) != 0 ? "HEAD" : "GET";
  input.remove_prefix(input.empty() ? 0 : 1);
  while (!input.empty()) {
    const auto end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    const auto equals = std::min(line.find('='), line.size());
    text.add(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  ResponseHead head;
  if (!text.finish(last, limits, method, head)) return 0;
  promise(head.status >= 100 && head.status != 101, "no switching of protocols");
  promise(!last || head.body.kind != BodyKind::length, "no body is missing");
  std::string http1;
  ResponseRules rules;
  rules.body = head.body;
  rules.body_length_known = head.body.kind == BodyKind::none || head.body.kind == BodyKind::length;
  rules.date = "Mon, 23 Nov 2026 00:00:00 GMT";
  write_client_response(http1, head, rules);
  HeadEnd whole;
  const auto found = whole.find(http1);
  promise(found && *found == http1.size(), "it is one head");
  ResponseHead again;
  promise(bool(parse_response_head(http1, {.target_bytes = 0, .fields = 80}, method, again)), "it can be read again");
  promise(again.status == head.status && again.body == head.body, "and means the same");
  return 0;
}
