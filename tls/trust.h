// Which authorities a context trusts for the certificates it is shown.
#pragma once

#include "tls/openssl.h"

#include <string>
#include <vector>

namespace gatehouse::tls {

// `announce`: names them to the other side too, as a server does (RFC 8446 §4.2.4), so that a client with several
// certificates knows which to show.
enum class Announce : std::uint8_t { no, yes };

// All certificates in the PEM, of which each is trusted as it is, be it an authority in the middle of its chain (as
// cluster operators hand them out). bad_configuration when there is none, or one is damaged.
Result<void> trust(ssl_ctx_st& context, const std::string& pem, Announce announce);

// Who the authorities are that it trusts by trust(): the digest of each one's DER, sorted.
std::vector<std::string> trusted_by(const ssl_ctx_st& context);

}  // namespace gatehouse::tls
