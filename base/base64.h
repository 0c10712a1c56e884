// Base64 (RFC 4648 §4) and its URL-safe form without padding (§5), as JOSE writes it (RFC 7515 §2). Decoding is strict:
// foreign bytes, white space, wrong padding and unused bits that are set are refused, so one value has one spelling.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gatehouse {

std::string base64url(std::string_view bytes);
std::string base64(std::string_view bytes);
// Fails with bad_configuration, never quoting the text: it may be a secret.
Result<std::string> from_base64url(std::string_view text);
// With its padding.
Result<std::string> from_base64(std::string_view text);

}  // namespace gatehouse
