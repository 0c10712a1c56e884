#include "acme/held_certificate.h"

#include "acme/record_coding.h"
#include "tls/certificate.h"

#include <algorithm>

namespace gatehouse::acme {

bool covered_by(const HostName& name, const std::vector<HostName>& names) {
  return std::any_of(names.begin(), names.end(), [&](const HostName& other) {
    return other == name || (!name.is_wildcard() && wildcard_covers(other.text(), name.text()));
  });
}

std::string wildcard_over(const HostName& name) {
  const auto dot = name.is_wildcard() ? std::string::npos : name.text().find('.');
  return dot == std::string::npos ? std::string() : "*" + name.text().substr(dot);
}

Result<HeldCertificate> held(const StoredCertificate& stored) {
  const std::string record = record_name(stored.resolver, stored.names);
  auto certificate = tls::Certificate::from_pem(stored.chain_pem, stored.key_pem);
  if (!certificate) return Failure(FailureKind::bad_configuration, record + ": " + certificate.error().detail);
  for (const HostName& name : stored.names)
    if (!covered_by(name, (*certificate)->names()))
      return Failure(FailureKind::bad_configuration, record + ": the certificate is not for " + name.text());
  HeldCertificate held{record, stored.resolver, stored.ca, stored.names, {}, (*certificate)->fingerprint()};
  held.validity = {(*certificate)->not_before(), (*certificate)->not_after(), stored.stored, stored.hurried};
  held.window = stored.window;
  held.unwanted_since = stored.unwanted_since;
  held.renew_now = stored.renew_now;
  return held;
}

}  // namespace gatehouse::acme
