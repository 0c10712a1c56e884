// Makes keys and certificates. P-256 and SHA-256 throughout: small, fast, and known to every client.
#pragma once

#include "tls/certificate.h"

namespace gatehouse::tls {

struct NewCertificate {
  std::string common_name;  // left out when longer than 64 bytes (RFC 5280 appendix A)
  std::vector<HostName> names;
  WallTime not_before;
  WallTime not_after;
  bool authority = false;  // may sign leaves; else a TLS server's
  std::string acme_identifier = {};  // SHA-256 of a key authorization (RFC 8737 §3); empty: no such extension
};

// Signed by `issuer`, or by its own new key when that is null.
Result<CertificatePtr> make_certificate(const NewCertificate& wanted, const Certificate* issuer);

}  // namespace gatehouse::tls
