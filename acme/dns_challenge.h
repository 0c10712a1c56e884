// What DNS-01 wants to see in the DNS (RFC 8555 §8.4).
#pragma once

#include "acme/challenge.h"

#include <string>

namespace gatehouse::acme {

// One value among the TXT records of a name.
struct TxtValue {
  HostName name;
  std::string value;
};

// `_acme-challenge.HOST` and the digest of the key authorization. Fails when the host's name is too long for that.
Result<TxtValue> dns_answer(const Challenge& challenge);

}  // namespace gatehouse::acme
