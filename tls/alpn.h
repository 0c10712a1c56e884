// ALPN protocol lists as TLS writes them (RFC 7301 §3.1).
#pragma once

#include "base/result.h"

#include <string>
#include <vector>

namespace gatehouse::tls {

// Length byte, name, length byte, name, ... Names have 1 to 255 bytes; bad_configuration otherwise.
Result<std::string> alpn_wire(const std::vector<std::string>& protocols);

}  // namespace gatehouse::tls
