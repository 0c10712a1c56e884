// Copies both ways until both sides have ended: raw TCP, SSH, WebSockets. The end of one side is passed on as a
// half-close, so the slow tail of the other direction arrives; a reset is passed on as a reset.
#pragma once

#include "base/buffers.h"
#include "base/deadline.h"
#include "base/stream.h"

#include <cstdint>
#include <string_view>

namespace gatehouse {

struct RelayLimits {
  Duration idle;                                   // no byte in either direction
  Duration half_closed = std::chrono::minutes(10);  // the same, once one side has ended
};

struct RelayResult {
  std::uint64_t to_upstream = 0, to_client = 0;
  // Who ended it first, or what did.
  enum class End : std::uint8_t { client_closed, upstream_closed, client_reset, upstream_reset, idle } end = End::idle;
};

std::string_view words(RelayResult::End end);

// `client_first`, `upstream_first`: bytes read already, sent before anything else; they must stay valid until the
// relay ends. Both streams are closed at the end.
Awaitable<RelayResult> relay(Stream& client, Stream& upstream, std::string_view client_first,
                             std::string_view upstream_first, RelayLimits limits, Deadlines& deadlines,
                             Buffers& buffers);

}  // namespace gatehouse
