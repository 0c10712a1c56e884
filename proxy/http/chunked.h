// The chunked transfer coding (RFC 9112 §7.1): bytes → payload pieces, without copying. Pure and strict.
#pragma once

#include "base/result.h"
#include "proxy/http/http1_parser.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

class ChunkedDecoder {
 public:
  // What one step over the input made of it.
  struct Step {
    std::size_t consumed = 0;   // bytes of the input that are done with; `payload` lies within them
    std::string_view payload;   // empty: more input is needed, or the end
    bool ended = false;         // the last chunk and the trailers have been read
  };

  // Takes at most one payload piece out of `input`. Fails with bad_request: bare LF, signs, blanks or 17 digits in a
  // size, a malformed extension, more than 16 KiB of extensions or trailers in all.
  Result<Step> next(std::string_view input);

  // The trailer fields, complete when next() said ended. Views into the decoder.
  const std::vector<HeaderField>& trailers() const { return trailers_; }

  // How many payload bytes are still to come for certain: for choosing a read size.
  std::uint64_t chunk_left() const { return left_; }

 private:
  enum class State : std::uint8_t { size, payload, payload_end, trailer };
  static constexpr std::size_t line_limit = 256;
  static constexpr std::size_t overhead_limit = 16 * 1024;

  Result<Step> read_size_line(std::string_view input);
  Result<Step> read_payload_end(std::string_view input);
  Result<Step> read_trailer_line(std::string_view input);

  State state_ = State::size;
  std::uint64_t left_ = 0;
  std::size_t overhead_ = 0;       // bytes spent on extensions and trailers
  std::string trailer_section_;
  std::vector<HeaderField> trailers_;
};

// "1a2b\r\n": the line before a chunk of `size` bytes.
struct ChunkSizeLine {
  explicit ChunkSizeLine(std::size_t size);
  std::string_view text() const { return {digits, length}; }

  char digits[18];
  std::size_t length;
};

// Whether a trailer of this name may be passed on: not one that frames, routes, modifies the request, authenticates,
// says how to read the body (RFC 9110 §6.5.1) or names the client. Others pass, unknown ones too: applications choose
// their names (gRPC's metadata), so that what is good cannot be listed. What an upstream reads by a name unknown here a
// client could say in its head as well; whatever is read, dropped or set in heads here never passes.
bool trailer_may_pass(const HeaderField& field);

}  // namespace gatehouse
