#include "base/base64.h"

namespace gatehouse {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view for_urls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Result<std::string> decode(std::string_view text, std::string_view alphabet) {
  const Failure not_base64(FailureKind::bad_request, "not base64");
  if (text.size() % 4 == 1) return not_base64;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned gathered = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return not_base64;
    gathered = (gathered << 6 | static_cast<unsigned>(value)) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(gathered >> bits & 0xff);
  }
  if ((gathered & ((1u << bits) - 1)) != 0) return not_base64;
  return bytes;
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 4 / 3 + 3);
  unsigned gathered = 0;
  int bits = 0;
  for (const char c : bytes) {
    gathered = (gathered << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) text += for_urls[gathered >> (bits - 6) & 63];
  }
  if (bits > 0) text += for_urls[gathered << (6 - bits) & 63];
  return text;
}

Result<std::string> from_base64url(std::string_view text) { return decode(text, for_urls); }

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return Failure(FailureKind::bad_request, "not base64: its padding is missing");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, standard);
}

}  // namespace gatehouse
