// A chunked body gives the same payload whole and in pieces, and never more than came in.
#include "proxy/http/chunked.h"
#include "tests/fuzz/promise.h"

namespace {

using namespace gatehouse;

struct Decoded {
  std::string payload;
  bool ended = false;
  bool refused = false;
};

// `step` bytes more at a time, as a connection would bring them.
Decoded decode(std::string_view bytes, std::size_t step) {
  ChunkedDecoder decoder;
  Decoded decoded;
  std::size_t consumed = 0;
  for (std::size_t have = std::min(step, bytes.size());; have = std::min(have + step, bytes.size())) {
    for (;;) {
      const auto next = decoder.next(bytes.substr(consumed, have - consumed));
      if (!next) {
        decoded.refused = true;
        return decoded;
      }
      promise(next->consumed <= have - consumed, "no more is consumed than there is");
      promise(next->payload.size() <= next->consumed, "payload is part of what is consumed");
      decoded.payload += next->payload;
      consumed += next->consumed;
      decoded.ended = next->ended;
      if (decoded.ended) return decoded;
      if (next->consumed == 0) break;
    }
    if (have == bytes.size()) return decoded;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = as_text(data + 1, size - 1);
  const Decoded whole = decode(bytes, std::max<std::size_t>(bytes.size(), 1));
  const Decoded pieces = decode(bytes, 1 + data[0] % 8);
  promise(whole.ended == pieces.ended && whole.refused == pieces.refused, "the end does not depend on the pieces");
  promise(whole.payload == pieces.payload, "nor does the payload");
  return 0;
}
