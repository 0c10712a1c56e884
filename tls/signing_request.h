// What a certificate authority is asked to sign.
#pragma once

#include "base/names.h"
#include "tls/private_key.h"

#include <string>
#include <vector>

namespace gatehouse::tls {

// A PKCS#10 request (RFC 2986) in DER, signed by `key`, for exactly these names: all as subjectAltName, the first also
// as common name when it is short enough (64 bytes, RFC 5280 appendix A) and `common_name` is wanted. `names` must not
// be empty.
Result<std::string> signing_request(const PrivateKey& key, const std::vector<HostName>& names, bool common_name = true);

}  // namespace gatehouse::tls
