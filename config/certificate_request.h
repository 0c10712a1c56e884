// CertificateRequest: some object of the configuration wants a certificate. Translation gathers them, acme/plan decides
// which certificates to have.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <string>
#include <vector>

namespace gatehouse {

struct CertificateRequest {
  std::string resolver;  // a name under certificatesResolvers
  std::vector<HostName> names;  // one certificate for all of them, first the main one
  std::string asked_by;  // `Ingress gitlab/web`, `entryPoints.websecure`
  WallTime since = {};  // the object's creationTimestamp; the epoch when that is not known

  bool operator==(const CertificateRequest&) const = default;
};

}  // namespace gatehouse
