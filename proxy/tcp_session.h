// One raw TCP connection: choose a service, dial (the next endpoint on failure), send a PROXY header where asked, relay
// until both sides have ended, record.
#pragma once

#include "proxy/connection.h"
#include "proxy/route/tcp_route.h"

namespace gatehouse {

// The client's unread bytes (read to find the route) are the first to be relayed. The route, which may keep a whole
// snapshot alive, is let go before the relay begins.
Awaitable<void> serve_tcp(ClientConnection& client, TcpRoutePtr route);

}  // namespace gatehouse
