// A request head as HTTP/2 has it (RFC 9113 §8.3), read by the rules of HTTP/1: its fields are written as an HTTP/1.1
// head and parsed by the one strict parser, so both versions accept the same requests, and nothing is forwarded from
// the one that the other would have refused. ◦
#pragma once

#include "proxy/http/http1_parser.h"

#include <string>
#include <string_view>

namespace gatehouse {

class Http2RequestHead {
 public:
  explicit Http2RequestHead(std::size_t limit) : limit_(limit) {}

  // One field of the block, in order. What exceeds the limit is counted and not kept.
  void add(std::string_view name, std::string_view value);
  // Bytes that came, kept or not.
  std::size_t size() const { return size_; }

  // All fields are here. `last`: no body follows. `request` views into this object.
  Result<void> finish(bool last, const HeadLimits& limits, RequestHead& request);

  const std::string& protocol() const { return protocol_; }  // of an extended CONNECT (RFC 8441); else empty

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  Result<void> write(bool last);

  const std::size_t limit_;
  std::size_t size_ = 0;
  std::string method_, path_, authority_, host_, protocol_;
  std::string cookies_;  // joined: a client may send one crumb a field (§8.2.3)
  std::string lines_;
  int hosts_ = 0, lengths_ = 0;
  bool malformed_ = false;
  std::string text_;
};

}  // namespace gatehouse
