#include "proxy/http/http2_body.h"

#include "proxy/http/http1_parser.h"
#include "proxy/http/http2_head.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gatehouse {
namespace {

constexpr std::size_t idle_memory = 16 * 1024;  // kept from piece to piece
constexpr std::size_t idle_tunnel_memory = 4 * 1024;
constexpr std::size_t field_overhead = 32;  // of each field in what counts (RFC 9113 §6.5.2)
constexpr std::size_t trailer_limit = 16 * 1024;
constexpr HeadLimits trailer_limits{.target_bytes = 0, .fields = 64};

// Appends to `text`, which never grows beyond what it has reserved, and gives the view.
std::string_view kept_in(std::string& text, std::string_view part) {
  const std::size_t start = text.size();
  text.append(part);
  return std::string_view(text).substr(start);
}

}  // namespace

BodyPiece Http2Inflow::take() {
  std::swap(arrived_, current_);
  ended_ = end_arrived_;
  return {current_, ended_};
}

std::size_t Http2Inflow::release() {
  const std::size_t size = current_.size();
  if (current_.capacity() > idle_memory) current_ = {};
  current_.clear();
  return size;
}

std::size_t Http2Inflow::copy_out(std::span<char> room, std::size_t& freed) {
  const std::string_view here = waiting();
  const std::size_t size = std::min(room.size(), here.size());
  if (size > 0) std::memcpy(room.data(), here.data(), size);
  taken_ += size;
  freed = 0;
  if (taken_ < arrived_.size()) return size;
  freed = std::exchange(taken_, 0);
  if (arrived_.capacity() > idle_tunnel_memory) arrived_ = {};
  arrived_.clear();
  return size;
}

std::size_t Http2Inflow::drop() {
  const std::size_t size = arrived_.size();
  arrived_ = {}, taken_ = 0;
  return size;
}

std::size_t Http2Inflow::take_trailer(std::string_view name, std::string_view value) {
  trailers_size_ += name.size() + value.size() + field_overhead;
  malformed_trailers_ |= trailers_size_ > trailer_limit || holds_line_end(name) || holds_line_end(value);
  if (!malformed_trailers_) trailer_text_.append(name).append(": ").append(value).append("\r\n");
  return trailers_size_;
}

// Read by the rules of HTTP/1, as heads are.
bool Http2Inflow::finish_trailers() {
  trailer_text_.append("\r\n");
  return !malformed_trailers_ && parse_trailers(trailer_text_, trailer_limits, trailers_);
}

bool Http2Outflow::put(BodyPiece piece) {
  last_ = piece.last;
  if (drained() && piece.bytes.size() <= kept_piece) {
    kept_ = piece.bytes;
    kept_sent_ = 0;
    return true;
  }
  lent_ = piece.bytes;
  return taken();
}

std::size_t Http2Outflow::copy_in(std::string_view bytes) {
  if (drained()) kept_.clear(), kept_sent_ = 0;
  const std::string_view part = bytes.substr(0, kept_piece - std::min(kept_piece, kept_.size()));
  kept_.append(part);
  return part.size();
}

void Http2Outflow::keep_trailers(const std::vector<HeaderField>& trailers) {
  std::size_t size = 0;
  for (const auto& field : trailers) size += field.name.size() + field.value.size();
  trailer_text_.reserve(size);
  for (const auto& field : trailers) {
    const std::string_view name = kept_in(trailer_text_, field.name);
    trailers_.push_back({name, kept_in(trailer_text_, field.value), field.id});
  }
}

void Http2Outflow::cut() {
  if (!lent_.empty()) last_ = false;
  lent_ = {};
}

Http2Outgoing Http2Outflow::outgoing(std::span<char> room) {
  Http2Outgoing out;
  const auto copy = [&](std::string_view from) {
    const std::size_t size = std::min(from.size(), room.size() - out.bytes);
    if (size > 0) std::memcpy(room.data() + out.bytes, from.data(), size);
    out.bytes += size;
    return size;
  };
  kept_sent_ += copy(std::string_view(kept_).substr(kept_sent_));
  lent_.remove_prefix(copy(lent_));
  out.last = end_sent_ = drained() && last_;
  out.wait = out.bytes == 0 && !out.last;
  if (out.last) out.trailers = &trailers_;
  return out;
}

}  // namespace gatehouse
