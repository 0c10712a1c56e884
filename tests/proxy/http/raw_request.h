// Requests as raw bytes: how a test builds one and asks what becomes of it.
#pragma once

#include "proxy/http/http1_parser.h"

#include <string>
#include <string_view>

namespace gatehouse {

inline constexpr std::string_view accepted = "accepted";
inline constexpr std::string_view bad_request = "bad_request";

// Finds the head at the start of `bytes` and reads it: "accepted", "incomplete", or the failure's name.
inline std::string_view find_and_parse(std::string_view bytes, RequestHead& request, const HeadLimits& limits = {}) {
  HeadEnd end;
  const auto size = end.find(bytes);
  if (!size) return row(size.error().kind).name;
  if (*size == 0) return "incomplete";
  const auto parsed = parse_request_head(bytes.substr(0, *size), limits, request);
  return parsed ? accepted : row(parsed.error().kind).name;
}

inline std::string_view outcome(std::string_view bytes) {
  RequestHead request;
  return find_and_parse(bytes, request);
}

// `fields` after a Host of `a`, without the last line's end.
inline std::string with_fields(std::string_view request_line, std::string_view fields) {
  std::string head(request_line);
  head.append("\r\nHost: a\r\n").append(fields);
  if (!fields.empty()) head.append("\r\n");
  return head.append("\r\n");
}

inline std::string post(std::string_view fields) { return with_fields("POST / HTTP/1.1", fields); }

}  // namespace gatehouse
