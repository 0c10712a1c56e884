// Digests, keyed digests and random bytes. All strings are binary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::tls {

enum class Hash : std::uint8_t { sha1, sha256, sha384, sha512 };

std::string digest(Hash hash, std::string_view data);
// RFC 2104.
std::string hmac(Hash hash, std::string_view key, std::string_view data);

// Fit for keys. Throws std::runtime_error when the system has no randomness.
std::string random_bytes(std::size_t n);

// Lower case.
std::string hex(std::string_view bytes);

}  // namespace gatehouse::tls
