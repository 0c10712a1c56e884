#include "proxy/http/http2_body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gatehouse {
namespace {

constexpr std::size_t idle_memory = 16 * 1024;  // kept from piece to piece

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
  if (arrived_.capacity() > idle_memory) arrived_ = {};
  arrived_.clear();
  return size;
}

std::size_t Http2Inflow::drop() {
  const std::size_t size = arrived_.size() + current_.size();
  arrived_ = {}, current_ = {}, taken_ = 0;
  return size;
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
