#include "base/base64.h"

#include <cstdint>

namespace gatehouse {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Failure bad(const char* words) { return Failure(FailureKind::bad_configuration, words); }

// `text` without padding.
Result<std::string> decode(std::string_view text, std::string_view alphabet) {
  if (text.size() % 4 == 1) return bad("not base64: its length is impossible");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return bad("not base64: a byte outside its alphabet");
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  if ((bits & ((1u << count) - 1)) != 0) return bad("not base64: unused bits are set");
  return bytes;
}

std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string text;
  text.reserve(bytes.size() / 3 * 4 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (count += 8; count >= 6;) {
      count -= 6;
      text += alphabet[bits >> count & 63];
    }
  }
  if (count > 0) text += alphabet[bits << (6 - count) & 63];
  return text;
}

}  // namespace

std::string base64url(std::string_view bytes) { return encode(bytes, url_safe); }

std::string base64(std::string_view bytes) {
  std::string text = encode(bytes, standard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<std::string> from_base64url(std::string_view text) { return decode(text, url_safe); }

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return bad("not base64: its length is no multiple of four");
  if (text.ends_with("==")) return decode(text.substr(0, text.size() - 2), standard);
  if (text.ends_with('=')) return decode(text.substr(0, text.size() - 1), standard);
  return decode(text, standard);
}

}  // namespace gatehouse
