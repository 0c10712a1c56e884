// A request head as HTTP/2 has it, made of the one that would go upstream over HTTP/1.1: so the header rules are the
// same for both versions.
#pragma once

#include "proxy/http/http2_codec.h"
#include "proxy/http/message.h"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

struct Http2RequestFields {
  Http2RequestLine line;
  std::vector<HeaderField> fields;
};

// `head`: written by write_upstream_request() for `request`; the result views into both. What only HTTP/1 has is left
// out (RFC 9113 §8.2.2); `te: trailers`, which gRPC servers insist on, is passed on where the client says it. With
// `websocket` it becomes an extended CONNECT (RFC 8441 §5).
Http2RequestFields http2_request_fields(std::string_view head, const RequestHead& request, std::string_view scheme,
                                        bool websocket);

// Of the 200 to an extended CONNECT, the 101 that HTTP/1.1 has for it: `text` holds what its new fields view into.
ResponseHead websocket_granted(const ResponseHead& granted, const RequestHead& request, std::string& text);

}  // namespace gatehouse
