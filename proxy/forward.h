// The stages of one exchange, in order: admin pages, redirect, route, headers, endpoint, connection, send and receive,
// settle.
#pragma once

#include "proxy/connection.h"
#include "proxy/http/exchange.h"
#include "proxy/record.h"

namespace gatehouse {

// Answers the exchange, from an upstream or by itself, and fills in what the record does not know yet. After a 101 it
// returns when the tunnel has ended. `entry_point`: of one snapshot, to the end of the exchange; a tunnel lets it go.
Awaitable<void> forward(Exchange& exchange, ClientConnection& client, std::shared_ptr<const EntryPoint>& entry_point,
                        ExchangeRecord& record);

// Answers with a failure's page, or breaks the answer off when it has begun.
Awaitable<void> refuse(Exchange& exchange, Failure failure, ExchangeRecord& record);

}  // namespace gatehouse
