#include "acme/dns_challenge.h"

#include "base/base64.h"
#include "tls/digest.h"

namespace gatehouse::acme {

Result<TxtValue> dns_answer(const Challenge& challenge) {
  auto name = HostName::parse("_acme-challenge." + challenge.host.text());
  if (!name)
    return Failure(FailureKind::challenge_failed,
                   "the host's name is too long for a challenge by DNS: " + challenge.host.text());
  return TxtValue{*std::move(name), base64url(tls::digest(tls::Hash::sha256, challenge.key_authorization))};
}

}  // namespace gatehouse::acme
