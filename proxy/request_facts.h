// What is known of a request when it begins, whatever the HTTP version: who sent it, whether the peer's word counts,
// and its record so far.
#pragma once

#include "proxy/connection.h"
#include "proxy/http/message.h"
#include "proxy/record.h"

#include <string>
#include <string_view>

namespace gatehouse {

// Whether the peer's X-Forwarded-* are believed.
bool is_trusted(const ClientConnection& client, const EntryPoint& entry_point);

// The address the request came from: the peer, or what trusted proxies before it say (the last address in
// X-Forwarded-For that is not theirs).
std::string resolve_client(const ClientConnection& client, const EntryPoint& entry_point, const RequestHead& request,
                           bool trusted);

// Views into the client and the request.
ExchangeRecord begin_record(const ClientConnection& client, const RequestHead& request, std::string_view protocol);

}  // namespace gatehouse
