// Private keys as other programs keep them.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gatehouse::tls {

// A key in DER, in the form of its own kind (PKCS#1 for RSA, SEC 1 for EC) or as PKCS#8 (RFC 5958), as PKCS#8 PEM.
// bad_configuration when it is damaged or bytes follow it.
Result<std::string> pkcs8_pem_from_der(std::string_view der);

}  // namespace gatehouse::tls
