// A request head as HTTP/2 has it (RFC 9113 §8.3), read by the rules of HTTP/1: its fields are written as an HTTP/1.1
// head and parsed by the one strict parser, so both versions accept the same requests, and nothing is forwarded from
// the one that the other would have refused.
//
// An extended CONNECT for a WebSocket (RFC 8441) becomes the GET with Upgrade that HTTP/1.1 has for it; its key is
// ours. Every other CONNECT is refused.
#pragma once

#include "proxy/http/http1_parser.h"

#include <string>
#include <string_view>

namespace gatehouse {

// What would begin a line of its own in HTTP/1.
bool holds_line_end(std::string_view text);
// A field that HTTP/1 has for one hop only, and HTTP/2 not at all (RFC 9113 §8.2.2). `name`: in lower case.
bool concerns_connection(std::string_view name);

// What a server answers to a Sec-WebSocket-Key (RFC 6455 §4.2.2).
std::string websocket_accept(std::string_view key);

class Http2RequestHead {
 public:
  explicit Http2RequestHead(std::size_t limit) : limit_(limit) {}

  // One field of the block, in order. What exceeds the limit is counted and not kept.
  void add(std::string_view name, std::string_view value);
  // Of all that came, kept or not, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2).
  std::size_t size() const { return size_; }
  // Memory that it holds.
  std::size_t held() const;
  // Nobody looks at the request any more.
  void drop() { release_parts(), text_ = {}; }

  // All fields are here. `last`: no body follows. `request` views into this object.
  Result<void> finish(bool last, const HeadLimits& limits, RequestHead& request);

  bool opens_websocket() const { return !key_.empty(); }
  // The upstream has understood our key (RFC 6455 §4.2.2).
  bool accepted_by(std::string_view sec_websocket_accept) const;

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void begin();
  void release_parts();
  Result<void> complete(bool last);

  const std::size_t limit_;
  std::size_t size_ = 0;
  std::string method_, path_, authority_, host_, protocol_;
  std::string cookies_;  // joined: a client may send one crumb a field (§8.2.3)
  std::string key_;      // of a WebSocket
  int hosts_ = 0, lengths_ = 0;
  bool malformed_ = false, refused_connect_ = false;
  std::string text_;
};

}  // namespace gatehouse
