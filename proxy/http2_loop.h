// One HTTP/2 client connection: each of its exchanges answered and recorded.
#pragma once

#include "proxy/connection.h"

namespace gatehouse {

// Until the client closes, a limit passes, or the worker has drained.
Awaitable<Result<void>> serve_http2(ClientConnection& client);

}  // namespace gatehouse
