// Absolute http and https URLs, as far as our own calls need them (RFC 9110 §4.2). ◦ Strict: what two readers could
// take differently is refused.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse {

struct Url {
  bool tls = false;
  std::string host;  // a normalised DNS name, or an address without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query as they go into the request line; begins with `/`

  // What a Host field says: the port only where it is not the scheme's own.
  std::string authority() const;
  // "https://host:port": what one connection serves.
  std::string origin() const;
};

// At most 2048 bytes of visible ASCII; no user, no fragment, no other scheme. Fails with bad_configuration.
Result<Url> parse_url(std::string_view text);

}  // namespace gatehouse
