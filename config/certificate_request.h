// CertificateRequest: some object of the configuration wants a certificate. Translation gathers them, acme/plan decides
// which certificates to have.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse {

// What a resolver's hosts show while they have no certificate: one of the built-in CA, the default one, or nothing (the
// handshake ends with unrecognized_name).
enum class UntilIssued : std::uint8_t { internal_ca, default_certificate, none };

struct CertificateRequest {
  std::string resolver;  // a name under certificatesResolvers
  std::vector<HostName> names;  // one certificate for all of them, first the main one
  std::string asked_by;  // `Ingress gitlab/web`, `entryPoints.websecure`
  WallTime since = {};  // the object's creationTimestamp; the epoch when that is not known

  bool operator==(const CertificateRequest&) const = default;
};

}  // namespace gatehouse
