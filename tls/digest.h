// Digests, message authentication and randomness over binary strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::tls {

enum class Hash : std::uint8_t { sha1, sha256, sha384, sha512 };

std::string digest(Hash hash, std::string_view data);
// RFC 2104.
std::string hmac(Hash hash, std::string_view key, std::string_view data);
// Unpredictable bytes. Throws when the system has none: nothing can be done safely then.
std::string random_bytes(std::size_t n);
// Lower case.
std::string hex(std::string_view bytes);
// Either case; nothing: it is not that, or half a byte is left.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace gatehouse::tls
