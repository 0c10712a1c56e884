// A stored certificate as decisions see it: its dates out of the certificate itself, without its key.
#pragma once

#include "acme/records.h"
#include "acme/renewal_policy.h"
#include "base/result.h"

#include <string>
#include <vector>

namespace gatehouse::acme {

struct HeldCertificate {
  std::string record;    // its name in storage
  std::string resolver;
  std::string ca;        // empty: imported
  std::vector<HostName> names;  // as ordered
  Validity validity;
  std::string fingerprint;
  std::optional<RenewalWindow> window = {};
  std::optional<WallTime> unwanted_since = {};
  bool renew_now = false;
};

// Fails (bad_configuration) when the chain and key cannot be used or the certificate is for other names than stored.
Result<HeldCertificate> held(const StoredCertificate& stored);

// Whether one of the names is this one or a wildcard for it. A wildcard is covered by itself only.
bool covered_by(const HostName& name, const std::vector<HostName>& names);

// `*.example.com` for `a.example.com`; empty for a wildcard and for a single label.
std::string wildcard_over(const HostName& name);

}  // namespace gatehouse::acme
