// A Failure as a response: the only place.
#pragma once

#include "base/failure.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse {

// The registered reason phrase, or an empty text (RFC 9110 §15).
std::string_view reason_phrase(std::uint16_t status);

// A short text/plain page: status, words; nothing of the client's own bytes, nothing of the inside.
std::string error_page(FailureKind kind);

}  // namespace gatehouse
