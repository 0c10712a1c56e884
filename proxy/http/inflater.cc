#include "proxy/http/inflater.h"

#include <zlib.h>

#include <array>
#include <new>

namespace gatehouse {
namespace {

constexpr int gzip_only = 16 + MAX_WBITS;

}  // namespace

Inflater::Inflater() : state_(std::make_unique<z_stream>()) {
  if (inflateInit2(state_.get(), gzip_only) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(state_.get()); }

Result<bool> Inflater::feed(std::string_view bytes, const std::function<bool(std::string_view)>& take) {
  std::array<char, piece_bytes> piece;
  // zlib does not write to its input; the field is not const for its oldest users.
  state_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  state_->avail_in = static_cast<uInt>(bytes.size());
  bool full = false;  // more may come out of what went in before
  while (state_->avail_in > 0 || full) {
    if (!inside_ && inflateReset(state_.get()) != Z_OK) return Failure(FailureKind::internal, "zlib");
    inside_ = true;
    state_->next_out = reinterpret_cast<Bytef*>(piece.data());
    state_->avail_out = static_cast<uInt>(piece.size());
    const int done = inflate(state_.get(), Z_NO_FLUSH);
    if (done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR)
      return Failure(FailureKind::bad_answer, "its gzip is damaged");
    if (done == Z_STREAM_END) inside_ = false;
    full = state_->avail_out == 0 && inside_;
    const std::size_t size = piece.size() - state_->avail_out;
    if (size > 0 && !take({piece.data(), size})) return false;
  }
  return true;
}

}  // namespace gatehouse
