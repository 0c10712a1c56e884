// An answer's head: what is accepted is written to the client as a head that parses again with the same status.
#include "proxy/http/header_rules.h"
#include "proxy/http/http1_parser.h"
#include "tests/fuzz/promise.h"

#include <array>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  if (size == 0) return 0;
  static constexpr std::array<std::string_view, 4> methods{"GET", "HEAD", "POST", "OPTIONS"};
  const std::string_view method = methods[data[0] % methods.size()];
  const std::string_view bytes = as_text(data + 1, size - 1);
  HeadEnd end;
  const auto found = end.find(bytes);
  if (!found || *found == 0) return 0;
  const HeadLimits limits;
  ResponseHead response;
  if (!parse_response_head(bytes.substr(0, *found), limits, method, response)) return 0;
  promise(response.status >= 100 && response.status <= 999, "a status has three digits");
  if (response.status < 200) return 0;

  std::string head;
  const ResponseRules rules{.body = response.body, .body_length_known = response.body.kind == BodyKind::length};
  write_client_response(head, response, rules);
  HeadEnd end_again;
  const auto found_again = end_again.find(head);
  promise(found_again && *found_again == head.size(), "what is written is one head");
  ResponseHead again;
  const auto parsed = parse_response_head(head, {.target_bytes = 1 << 20, .fields = 1000}, method, again);
  promise(parsed && again.status == response.status, "that parses as the same answer");
  return 0;
}
