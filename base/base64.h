// Base64 (RFC 4648), strict: no white space, no bits beyond the last byte.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gatehouse {

// The URL alphabet without padding (§5; RFC 8555 §6.1).
std::string base64url(std::string_view bytes);
Result<std::string> from_base64url(std::string_view text);

// The standard alphabet with its padding (§4).
Result<std::string> from_base64(std::string_view text);

}  // namespace gatehouse
