// The keep-alive loop of one HTTP/1 client connection: wait, read a head, have it answered, record it, again.
#pragma once

#include "proxy/connection.h"

namespace gatehouse {

// Until the client closes, a limit passes, the answer ends the connection, or the worker drains.
Awaitable<void> serve_http1(ClientConnection& client);

}  // namespace gatehouse
