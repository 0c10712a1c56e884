// What a gRPC client gets instead of an error page: it reads the outcome from grpc-status, not from HTTP's status.
#pragma once

#include "base/failure.h"
#include "proxy/http/message.h"

#include <cstdint>
#include <vector>

namespace gatehouse {

// By its content-type: application/grpc, with or without a suffix; also gRPC-Web.
bool asks_for_grpc(const RequestHead& request);

// gRPC's code for an HTTP status (gRPC's http-grpc-status-mapping.md): 14, UNAVAILABLE, tells the client that it may
// try again.
std::uint16_t grpc_status(std::uint16_t http_status);

// The fields of an answer without a body ("Trailers-Only"), which goes with HTTP status 200. They view into `request`
// and static text.
std::vector<HeaderField> grpc_refusal(const RequestHead& request, const FailureRow& failure);

}  // namespace gatehouse
