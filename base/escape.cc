#include "base/escape.h"

#include <array>

namespace gatehouse {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& out, std::string_view prefix, unsigned char byte) {
  out += prefix;
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 15];
}

// The letter of the short escape of `byte`, or 0.
char short_escape(unsigned char byte) {
  switch (byte) {
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\\': return '\\';
    default: return 0;
  }
}

bool is_plain(unsigned char byte) { return byte >= 0x20 && byte < 0x7f && byte != '\\'; }

// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15 table 3-7), 0 when malformed.
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && at(1) < 0xa0;
    const bool surrogate = first == 0xed && at(1) > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && at(1) < 0x90;
    const bool too_large = first == 0xf4 && at(1) > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

bool is_c1_control(std::string_view sequence) {
  return sequence.size() == 2 && sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

}  // namespace

void append_printable(std::string& out, std::string_view text, char quote) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const char letter = short_escape(byte)) {
      out += {'\\', letter};
    } else if (quote != '\0' && c == quote) {
      out += {'\\', c};
    } else if (is_plain(byte)) {
      out += c;
    } else {
      append_hex(out, "\\x", byte);
    }
  }
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (const char letter = short_escape(byte)) {
      out += {'\\', letter};
    } else if (byte == '"') {
      out += "\\\"";
    } else if (is_plain(byte)) {
      out += text.front();
    } else if (length = utf8_sequence(text); length > 1 && !is_c1_control(text.substr(0, length))) {
      out += text.substr(0, length);
    } else {
      // A C1 control's code point is its second byte.
      append_hex(out, "\\u00", static_cast<unsigned char>(text[length == 2 ? 1 : 0]));
      if (length == 0) length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace gatehouse
