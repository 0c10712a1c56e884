// How the rest of this room speaks to an API server: one call, or one answer read as it comes. What stands behind the
// two functions is config/kubernetes/api_client.
#pragma once

#include "base/asio.h"
#include "base/clock.h"
#include "base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

struct ApiRequest {
  std::string method = "GET";
  std::string path;               // with the query: /api/v1/services?limit=500
  std::string body = {};          // JSON
  std::string content_type = {};  // of the body; empty: application/json
  // How long it may stay silent; for a watch a little more than its timeoutSeconds. Zero: the client's own limit.
  Duration silence = Duration::zero();
};

// An HTTP answer. Of one that is not 2xx the fields of the Status object (apimachinery meta/v1) are read.
struct ApiAnswer {
  std::uint16_t status = 0;
  std::string body = {};     // empty when it was streamed
  std::string reason = {};   // Status.reason: NotFound, Expired, Conflict, …
  std::string message = {};  // Status.message, else the beginning of what came instead
  std::string continue_token = {};  // Status.metadata.continue of a 410
  std::optional<Duration> retry_after = {};  // header or Status.details.retryAfterSeconds

  bool good() const { return status / 100 == 2; }
};

// The whole answer, up to a limit of size and time. A Failure when no answer came. 401 was tried again with a token
// read anew before it is returned.
using ApiCall = std::function<Awaitable<Result<ApiAnswer>>(ApiRequest)>;

// The body of a good answer goes to `piece` as it comes, cut anywhere, without limit of size and of whole time; `piece`
// says false to have it broken off, which is a good end. Any other answer is collected, as by ApiCall. Returns when the
// answer has ended; a Failure when it was cut.
using ApiStream = std::function<Awaitable<Result<ApiAnswer>>(ApiRequest, std::function<bool(std::string_view)> piece)>;

}  // namespace gatehouse::kubernetes
