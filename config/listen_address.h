// An entry point's address as Traefik writes it.
#pragma once

#include "base/names.h"

#include <string_view>

namespace gatehouse {

struct ListenAddress {
  Endpoint endpoint;
  bool both_families = false;  // `:80`: the endpoint is [::]:80 and IPv4 is accepted there too
};

// `[host]:port` with an optional `/tcp`; the host is an IP address. The error says what is wrong.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace gatehouse
