// Inflater: undoes gzip (RFC 1952) as it comes. What comes out is handed on in small pieces at once, so a few bytes
// that stand for gigabytes cost their reader only the pieces it takes.
#pragma once

#include "base/result.h"

#include <functional>
#include <memory>
#include <string_view>

struct z_stream_s;

namespace gatehouse {

class Inflater {
 public:
  static constexpr std::size_t piece_bytes = 32 * 1024;

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Hands what `bytes` stand for to `take`, in pieces of at most piece_bytes; false once `take` has said so, after
  // which nothing may be fed any more. Several members in a row are one text. bad_answer: it is not gzip, or is
// damaged.
  Result<bool> feed(std::string_view bytes, const std::function<bool(std::string_view piece)>& take);

  // Nothing is missing at the end: not inside a member.
  bool whole() const { return !inside_; }

 private:
  std::unique_ptr<z_stream_s> state_;
  bool inside_ = false;
};

}  // namespace gatehouse
