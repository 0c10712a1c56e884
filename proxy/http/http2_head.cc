#include "proxy/http/http2_head.h"

namespace gatehouse {
namespace {

Failure bad(std::string_view words) { return Failure(FailureKind::bad_request, std::string(words)); }

bool holds_line_end(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos; }

// What HTTP/1 has in its place or not at all; nothing may come in by these (§8.2.2).
bool of_the_connection(std::string_view name) {
  return name == "connection" || name == "transfer-encoding" || name == "upgrade" || name == "keep-alive" ||
         name == "proxy-connection";
}

}  // namespace

void Http2RequestHead::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + 4;
  if (size_ > limit_) return;
  if (holds_line_end(name) || holds_line_end(value) || name.empty()) malformed_ = true;
  if (malformed_) return;
  if (name.front() == ':') return add_pseudo(name, value);
  if (name.find(':') != name.npos || of_the_connection(name)) malformed_ = true;
  if (name == "cookie") {
    cookies_.append(cookies_.empty() ? "" : "; ").append(value);
    return;
  }
  if (name == "host") {
    ++hosts_;
    host_ = value;
    return;
  }
  if (name == "content-length") ++lengths_;
  lines_.append(name).append(": ").append(value).append("\r\n");
}

void Http2RequestHead::add_pseudo(std::string_view name, std::string_view value) {
  if (name == ":method")
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

Result<void> Http2RequestHead::finish(bool last, const HeadLimits& limits, RequestHead& request) {
  if (size_ > limit_) return Failure(FailureKind::head_too_large);
  if (auto written = write(last); !written) return written;
  return parse_request_head(text_, limits, request);
}

Result<void> Http2RequestHead::write(bool last) {
  if (malformed_) return bad("a field is malformed");
  if (hosts_ > 1) return bad("more than one Host");
  if (authority_.empty()) authority_ = host_;
  if (hosts_ == 1 && host_ != authority_) return bad("the Host differs from :authority");
  // Only the two forms that a path has; the rest is the parser's.
  if (method_.find(' ') != method_.npos || path_.find(' ') != path_.npos) return bad("a space in the request line");
  if (path_.empty() || (path_.front() != '/' && path_ != "*")) return bad(":path is not a path");
  text_.reserve(size_ + 64);
  text_.append(method_).append(" ").append(path_).append(" HTTP/1.1\r\nHost: ").append(authority_).append("\r\n");
  text_.append(lines_);
  if (!cookies_.empty()) text_.append("cookie: ").append(cookies_).append("\r\n");
  if (!last && lengths_ == 0) text_.append("transfer-encoding: chunked\r\n");
  text_.append("\r\n");
  return {};
}

}  // namespace gatehouse
