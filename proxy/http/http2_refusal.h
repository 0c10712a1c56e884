// What HTTP/2 lets a client do to us, and where that ends: one row per limit, counted per entry point.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gatehouse {

enum class Http2Refusal : std::uint8_t {
  idle_frames,      // pings, settings, priorities, empty data, window updates: beyond their budget
  resets,           // streams reset by the client, or by its fault (CVE-2023-44487, CVE-2025-8671)
  acknowledgements, // settings and pings whose answers the client does not read
  continuations,    // a head in too many pieces (CVE-2024-28182)
  large_head,       // a head that unfolds far beyond the limit (HPACK bomb)
  heads_held,       // heads of all open requests together: the stream is refused
  streams,          // more requests still being served than streams are allowed: the stream is refused
  unacknowledged,   // our settings were never confirmed
  protocol_error,   // anything else that RFC 9113 forbids
};

using Http2Refusals = std::array<std::uint64_t, static_cast<std::size_t>(Http2Refusal::protocol_error) + 1>;

// For the metric's label.
constexpr std::array<std::string_view, std::tuple_size_v<Http2Refusals>> http2_refusal_names{
    "idle_frames", "resets",  "acknowledgements", "continuations", "large_head",
    "heads_held",  "streams", "unacknowledged",   "protocol_error"};

}  // namespace gatehouse
