#include "config/kubernetes/url_text.h"

namespace gatehouse::kubernetes {
namespace {

bool is_plain(char c) {
  const auto in = [c](char first, char last) { return c >= first && c <= last; };
  return in('a', 'z') || in('A', 'Z') || in('0', '9') || c == '-' || c == '_' || c == '~' || c == '.';
}

void append_escaped(std::string& text, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  (text += '%').append({digits[byte >> 4], digits[byte & 15]});
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_plain(c))
      encoded += c;
    else
      append_escaped(encoded, c);
  }
  return encoded;
}

std::string path_segment(std::string_view name) {
  if (name != "." && name != "..") return percent_encoded(name);
  std::string encoded;
  for (const char c : name) append_escaped(encoded, c);
  return encoded;
}

}  // namespace gatehouse::kubernetes
