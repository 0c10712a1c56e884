#include "proxy/http/http2_request_fields.h"

#include "proxy/http/http2_head.h"

#include <algorithm>

namespace gatehouse {
namespace {

bool takes_trailers(const RequestHead& request) {
  bool found = false;
  for (const auto& field : request.fields)
    if (field.id == HeaderId::te)
      for_each_element(field.value, [&](std::string_view coding) { found |= same_name(coding, "trailers"); });
  return found;
}

std::string_view take_line(std::string_view& head) {
  const auto end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(std::min(end + 2, head.size()));
  return line;
}

bool of_http1_alone(std::string_view name) {
  return same_name(name, "transfer-encoding") || same_name(name, "connection") || same_name(name, "upgrade");
}

}  // namespace

Http2RequestFields http2_request_fields(std::string_view head, const RequestHead& request, std::string_view scheme,
                                        bool websocket) {
  Http2RequestFields out;
  const std::string_view first = take_line(head);
  const auto blank = first.find(' ');
  out.line.method = websocket ? "CONNECT" : first.substr(0, blank);
  out.line.path = first.substr(blank + 1, first.rfind(' ') - blank - 1);
  out.line.scheme = scheme;
  if (websocket) out.line.protocol = "websocket";
  out.fields.reserve(request.fields.size() + 8);
  for (std::string_view line = take_line(head); !line.empty(); line = take_line(head)) {
    const auto colon = line.find(": ");
    const HeaderField field{line.substr(0, colon), line.substr(colon + 2), HeaderId::other};
    if (same_name(field.name, "host"))
      out.line.authority = field.value;
    else if (!of_http1_alone(field.name) && !(websocket && same_name(field.name, "sec-websocket-key")))
      out.fields.push_back(field);
  }
  if (takes_trailers(request)) out.fields.push_back({"te", "trailers", HeaderId::te});
  return out;
}

ResponseHead websocket_granted(const ResponseHead& granted, const RequestHead& request, std::string& text) {
  text = websocket_accept(request.find("sec-websocket-key"));
  ResponseHead head;
  head.status = 101;
  head.reason = "Switching Protocols";
  head.upgrade = "websocket";
  for (const auto& field : granted.fields)
    if (field.id != HeaderId::content_length && !same_name(field.name, "sec-websocket-accept"))
      head.fields.push_back(field);
  head.fields.push_back({"Sec-WebSocket-Accept", text, HeaderId::other});
  return head;
}

}  // namespace gatehouse
