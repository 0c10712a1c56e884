#include "acme/dns_wire.h"

namespace gatehouse::acme {
namespace {

constexpr std::size_t max_name = 255;  // RFC 1035 §3.1, with length bytes and the root
constexpr std::uint8_t pointer_mark = 0xc0;

void append_label(std::string& text, std::string_view label) {
  if (!text.empty()) text += '.';
  for (const char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if (c >= 'A' && c <= 'Z') {
      text += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*') {
      text += c;
    } else {
      text += '\\';
      text += static_cast<char>('0' + byte / 100);
      text += static_cast<char>('0' + byte / 10 % 10);
      text += static_cast<char>('0' + byte % 10);
    }
  }
}

void put(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

}  // namespace

std::uint64_t WireReader::number(std::size_t bytes_wanted) {
  std::uint64_t value = 0;
  for (const char c : bytes(bytes_wanted)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string_view WireReader::bytes(std::size_t count) {
  failed_ = failed_ || at_ > message_.size() || count > message_.size() - at_;
  if (failed_) return {};
  const std::string_view taken = message_.substr(at_, count);
  at_ += count;
  return taken;
}

std::string WireReader::name() {
  std::string text;
  std::size_t size = 1;       // on the wire, without pointers
  std::size_t piece = at_;    // where the labels being read began
  std::size_t after = 0;      // the first pointer's end: where reading goes on
  for (;;) {
    const std::uint8_t length = u8();
    if (failed_ || length == 0) break;
    if ((length & pointer_mark) == pointer_mark) {
      const std::size_t target = (length & ~pointer_mark) << 8 | u8();
      if (after == 0) after = at_;
      failed_ = failed_ || target >= piece;
      at_ = piece = target;
    } else {
      size += length + 1u;
      failed_ = failed_ || length > 63 || size > max_name;
      append_label(text, bytes(length));
    }
  }
  if (after != 0) at_ = after;
  if (failed_) return {};
  return text.empty() ? "." : text;
}

void put_u16(std::string& out, std::uint16_t number) { put(out, number, 2); }
void put_u32(std::string& out, std::uint32_t number) { put(out, number, 4); }
void put_u48(std::string& out, std::uint64_t number) { put(out, number, 6); }

void put_name(std::string& out, const HostName& name) {
  std::string_view rest = name.text();
  while (!rest.empty()) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  out += '\0';
}

void set_u16(std::string& out, std::size_t at, std::uint16_t number) {
  out[at] = static_cast<char>(number >> 8);
  out[at + 1] = static_cast<char>(number & 0xff);
}

}  // namespace gatehouse::acme
