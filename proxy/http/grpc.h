// The outcome of a gRPC call: it is in grpc-status, not in HTTP's status. Ours, in place of an error page, and what an
// upstream says.
#pragma once

#include "base/failure.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gatehouse {

// By its content-type: application/grpc, with or without a suffix. HTTP/2 alone carries it.
bool calls_grpc(const RequestHead& request);
// The same or gRPC-Web, which any version carries and which tells its status in the body.
bool asks_for_grpc(const RequestHead& request);

// gRPC's code for an HTTP status (gRPC's http-grpc-status-mapping.md): 14, UNAVAILABLE, tells the client that it may
// try again.
std::uint16_t grpc_status(std::uint16_t http_status);

// The code that trailers tell, or the head of an answer without a body; none where they tell no number below 1000.
std::optional<std::uint16_t> told_grpc_status(std::span<const HeaderField> fields);

// How a call has ended for its client, by an answer that is whole: as it tells, or by its HTTP status where it tells
// nothing. None for gRPC-Web: how those end is not seen, so none of them counts; and for what is no call.
std::optional<std::uint16_t> outcome_of_call(const RequestHead& request, std::uint16_t http_status,
                                             std::span<const HeaderField> fields,
                                             std::span<const HeaderField> trailers);

// The fields of an answer without a body ("Trailers-Only"), which goes with HTTP status 200. They view into `request`
// and static text.
std::vector<HeaderField> grpc_refusal(const RequestHead& request, const FailureRow& failure);

}  // namespace gatehouse
