// The bytes DNS messages are made of: big-endian numbers, and names as labels with compression (RFC 1035 §3.1, §4.1.4).
#pragma once

#include "base/names.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::acme {

// Reads a whole message that may be anything. The first read that goes wrong makes all later ones fail and return
// zeros or nothing, so one look at failed() at the end of a record is enough.
class WireReader {
 public:
  explicit WireReader(std::string_view message, std::size_t at = 0) : message_(message), at_(at) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u48() { return number(6); }
  std::string_view bytes(std::size_t count);
  // Lower case, labels joined by dots, without the last one; the root is ".". Bytes that are in no HostName appear as
  // \DDD (RFC 1035 §5.1), so such a name never compares equal to one. A pointer leads backwards only, and a name has
  // at most 255 bytes on the wire: every name ends.
  std::string name();

  std::size_t position() const { return at_; }
  bool at_end() const { return at_ == message_.size(); }
  bool failed() const { return failed_; }

 private:
  std::uint64_t number(std::size_t bytes);

  std::string_view message_;
  std::size_t at_;
  bool failed_ = false;
};

void put_u16(std::string& out, std::uint16_t number);
void put_u32(std::string& out, std::uint32_t number);
void put_u48(std::string& out, std::uint64_t number);
// Never compressed.
void put_name(std::string& out, const HostName& name);
// A number of the message's head or of a length left open before. `at` + 2 lies within `out`.
void set_u16(std::string& out, std::size_t at, std::uint16_t number);

}  // namespace gatehouse::acme
