// A request head: its end is found in any pieces; what is accepted holds no byte that ends a line; what goes to the
// upstream is a head that the same strict parser takes, with the same method, target and framing.
#include "proxy/http/header_rules.h"
#include "proxy/http/http1_parser.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;

std::size_t end_of_head(std::string_view bytes, std::size_t step, bool& refused) {
  HeadEnd end;
  for (std::size_t have = std::min(step, bytes.size());; have = std::min(have + step, bytes.size())) {
    const auto found = end.find(bytes.substr(0, have));
    if (!found) {
      refused = true;
      return 0;
    }
    if (*found > 0 || have == bytes.size()) return *found;
  }
}

bool holds_line_end(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos; }

void check_accepted(const RequestHead& request, const HeadLimits& limits) {
  promise(request.fields.size() <= limits.fields, "the field limit holds");
  promise(request.target.size() <= limits.target_bytes, "the target limit holds");
  for (const auto text : {request.method, request.target, request.path, request.authority, request.upgrade})
    promise(!holds_line_end(text), "no line end in a part of the request line");
  for (const auto& field : request.fields)
    promise(!field.name.empty() && !holds_line_end(field.name) && !holds_line_end(field.value), "nor in a field");
}

void check_forwarded(const RequestHead& request) {
  std::string head;
  const Origin origin{.client_address = "192.0.2.1", .peer_address = "192.0.2.1", .trusted = true};
  write_upstream_request(head, request, origin, request.authority.empty() ? "nobody.test" : "");
  bool refused = false;
  promise(end_of_head(head, head.size(), refused) == head.size(), "what is forwarded is one head");
  RequestHead again;
  promise(parse_request_head(head, {.target_bytes = 1 << 20, .fields = 1000}, again).has_value(), "that parses");
  const bool no_path = request.target.empty() || request.target.front() == '?';  // of an absolute-form target
  promise(again.method == request.method, "as the same request");
  promise(again.target == (no_path ? "/" : "") + std::string(request.target), "for the same target");
  promise(again.authority == (request.authority.empty() ? "nobody.test" : request.authority), "at the same host");
  promise(again.body == request.body && again.upgrade == request.upgrade, "with the same body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = as_text(data + 1, size - 1);
  bool refused = false;
  bool refused_in_pieces = false;
  const std::size_t end = end_of_head(bytes, std::max<std::size_t>(bytes.size(), 1), refused);
  const std::size_t end_in_pieces = end_of_head(bytes, 1 + data[0] % 16, refused_in_pieces);
  // Given everything at once, a head may be found before a mistake that comes after it; never the other way round.
  promise(refused || refused_in_pieces || end == end_in_pieces, "the end does not depend on the pieces");
  if (end == 0) return 0;
  promise(end <= bytes.size() && bytes.substr(0, end).ends_with("\r\n\r\n"), "a head ends with an empty line");
  const HeadLimits limits;
  RequestHead request;
  if (!parse_request_head(bytes.substr(0, end), limits, request)) return 0;
  check_accepted(request, limits);
  check_forwarded(request);
  return 0;
}
