// Takes a certificate back (RFC 8555 §7.6), because somebody else has its key, say: `gatehouse certs revoke`.
#pragma once

#include "acme/holdings.h"
#include "acme/resolver.h"

#include <map>
#include <memory>
#include <string>

namespace gatehouse::acme {

// Revokes it at its CA, and marks it for renewal with a new key: until then it is shown. One that was imported is
// revoked with its own key at the resolver's first CA. Returns a sentence; the clock outlives it.
Awaitable<Result<std::string>> revoke(Clock& clock, std::map<std::string, std::shared_ptr<Resolver>> resolvers,
                                      std::shared_ptr<Holdings> holdings, std::string record);

}  // namespace gatehouse::acme
