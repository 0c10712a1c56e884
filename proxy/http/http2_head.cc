#include "proxy/http/http2_head.h"

#include "base/base64.h"
#include "tls/digest.h"

#include <algorithm>

namespace gatehouse {
namespace {

constexpr std::size_t entry_overhead = 32;
constexpr std::size_t usual_head = 512;

Failure bad(std::string_view words) { return Failure(FailureKind::bad_request, std::string(words)); }

bool holds_space(std::string_view text) { return text.find(' ') != text.npos; }

}  // namespace

bool holds_line_end(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= c == '\r' || c == '\n' || c == '\0';
  return found;
}

std::string websocket_accept(std::string_view key) {
  constexpr std::string_view standard = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return base64(tls::digest(tls::Hash::sha1, std::string(key).append(standard)));
}

bool concerns_connection(std::string_view name) {
  return name == "connection" || name == "transfer-encoding" || name == "upgrade" || name == "keep-alive" ||
         name == "proxy-connection";
}

void Http2RequestHead::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + entry_overhead;
  if (size_ > limit_) return;
  if (holds_line_end(name) || holds_line_end(value) || name.empty()) malformed_ = true;
  if (malformed_) return;
  if (name.front() == ':') return add_pseudo(name, value);
  if (name.find(':') != name.npos || concerns_connection(name)) malformed_ = true;
  if (text_.empty()) begin();
  if (name == "cookie") {
    cookies_.append(cookies_.empty() ? "" : "; ").append(value);
    return;
  }
  if (name == "host") {
    ++hosts_;
    host_ = value;
    return;
  }
  if (name == "sec-websocket-key" && opens_websocket()) return;
  if (name == "content-length") ++lengths_;
  text_.append(name).append(": ").append(value).append("\r\n");
}

void Http2RequestHead::add_pseudo(std::string_view name, std::string_view value) {
  if (!text_.empty())
    malformed_ = true;
  else if (name == ":method")
    method_ = value;
  else if (name == ":path")
    path_ = value;
  else if (name == ":authority")
    authority_ = value;
  else if (name == ":protocol")
    protocol_ = value;
  else if (name != ":scheme")
    malformed_ = true;
}

// The pseudo-header fields are complete. Only what would change the request line's form is looked at here; the rest is
// the parser's.
void Http2RequestHead::begin() {
  const bool websocket = method_ == "CONNECT" && protocol_ == "websocket";
  refused_connect_ = method_ == "CONNECT" && !websocket;
  const bool path = !path_.empty() && (path_.front() == '/' || path_ == "*");
  if (!path || holds_space(method_) || holds_space(path_) || (!protocol_.empty() && !websocket)) malformed_ = true;
  text_.reserve(std::max(usual_head, path_.size() + authority_.size() + usual_head));
  text_.append(websocket ? "GET" : method_).append(" ").append(path_).append(" HTTP/1.1\r\n");
  if (!authority_.empty()) text_.append("Host: ").append(authority_).append("\r\n");
  path_ = {};
  if (!websocket) return;
  key_ = base64(tls::random_bytes(16));
  text_.append("Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ").append(key_).append("\r\n");
}

Result<void> Http2RequestHead::finish(bool last, const HeadLimits& limits, RequestHead& request) {
  auto completed = complete(last);
  release_parts();
  if (!completed) return completed;
  if (text_.capacity() - text_.size() > usual_head) text_.shrink_to_fit();
  return parse_request_head(text_, limits, request);
}

std::size_t Http2RequestHead::held() const {
  return text_.capacity() + method_.capacity() + path_.capacity() + authority_.capacity() + host_.capacity() +
         protocol_.capacity() + cookies_.capacity();
}

// What has gone into the text.
void Http2RequestHead::release_parts() {
  for (std::string* part : {&method_, &path_, &authority_, &host_, &protocol_, &cookies_}) *part = std::string();
}

Result<void> Http2RequestHead::complete(bool last) {
  if (size_ > limit_) return Failure(FailureKind::head_too_large);
  if (text_.empty()) begin();
  if (refused_connect_) return Failure(FailureKind::method_not_supported, "CONNECT");
  if (malformed_) return bad("a field is malformed");
  if (hosts_ > 1) return bad("more than one Host");
  if (hosts_ == 1 && !authority_.empty() && host_ != authority_) return bad("the Host differs from :authority");
  if (opens_websocket() && lengths_ > 0) return bad("a tunnel with a length");
  if (authority_.empty() && hosts_ == 1) text_.append("Host: ").append(host_).append("\r\n");
  if (!cookies_.empty()) text_.append("cookie: ").append(cookies_).append("\r\n");
  if (!last && lengths_ == 0 && !opens_websocket()) text_.append("transfer-encoding: chunked\r\n");
  text_.append("\r\n");
  return {};
}

bool Http2RequestHead::accepted_by(std::string_view sec_websocket_accept) const {
  return sec_websocket_accept == websocket_accept(key_);
}

}  // namespace gatehouse
