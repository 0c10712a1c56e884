// What is added, kept and removed between client and upstream (RFC 9110 §7.6, facts in docs/life_of_a_request.md).
// Pure. Nothing is ever copied from a message but single fields; framing is always written anew.
//
// Towards the upstream:
//  - Host as the client sent it; hop-by-hop fields, whatever `Connection` names, and names with `_`, `.` or `%` go;
//  - X-Forwarded-For/-Host/-Port/-Proto/-Ssl and X-Real-IP are ours, kept only from trusted peers (where
//    X-Forwarded-For is appended to); every other X-Forwarded-*, Forwarded, X-Request-Id and X-SSL-Client-* go
//    likewise;
//  - Upgrade and Connection only for an upgrade; Expect: 100-continue is passed on.
// Towards the client: hop-by-hop fields go; Server and Date are added when missing.
#pragma once

#include "proxy/http/message.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse {

// What the proxy knows about where a request came from.
struct Origin {
  std::string_view client_address;  // text of the resolved client address
  std::string_view peer_address;    // text of the connection's peer, appended to X-Forwarded-For
  bool trusted = false;             // the peer's X-Forwarded-* are believed
  bool over_tls = false;
};

// Appends the whole head, empty line included. `host_override` replaces Host when not empty.
void write_upstream_request(std::string& out, const RequestHead& request, const Origin& origin,
                            std::string_view host_override);

// What is decided about the answer beside the upstream's fields.
struct ResponseRules {
  BodyFraming body;               // as it goes to the client
  bool body_length_known = false; // write Content-Length (also for HEAD and 304, from the upstream's fields)
  bool close = false;             // Connection: close
  bool http10 = false;            // to an HTTP/1.0 client
  std::string_view date;          // IMF-fixdate, for answers without one
  std::string_view set_cookie;    // one more Set-Cookie (stickiness); may be empty
};

// Appends the whole head of a final or switching answer.
void write_client_response(std::string& out, const ResponseHead& response, const ResponseRules& rules);

// The same fields as a list, without those that only HTTP/1 has (RFC 9113 §8.2.2); `rules.close` and `http10` mean
// nothing there. `length` holds the digits of Content-Length as long as the list is used.
struct LengthText {
  char digits[20];
};
void collect_client_response(std::vector<HeaderField>& out, const ResponseHead& response, const ResponseRules& rules,
                             LengthText& length);

// Appends an interim answer (1xx).
void write_interim(std::string& out, const ResponseHead& response);

void collect_interim(std::vector<HeaderField>& out, const ResponseHead& response);

// Appends a trailer section (fields that may pass, then the empty line) after the last chunk's "0\r\n".
void write_trailers(std::string& out, const std::vector<HeaderField>& trailers);

// The scheme the client used, a trusted peer's word included: "https" or "http".
std::string_view client_scheme(const RequestHead& request, const Origin& origin);

}  // namespace gatehouse
