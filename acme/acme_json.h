// Traefik's acme.json (v2 and v3), for those who bring theirs: accounts and certificates, as our own values. One bad
// entry costs that entry. The file is untrusted: sizes, depth and counts are bounded, keys have to fit.
//
//   {"letsencrypt": {"Account": {"Email": …, "Registration": {"uri": …}, "PrivateKey": base64 DER, "KeyType": …},
//                    "Certificates": [{"domain": {"main": …, "sans": […]},
//                                      "certificate": base64 PEM chain, "key": base64 PEM, "Store": "default"}]}}
#pragma once

#include "acme/records.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

constexpr std::size_t max_acme_json_bytes = 64 * 1024 * 1024;

struct ImportedAccount {
  std::string resolver;
  Account account;  // `ca` is empty: the file does not say; the resolver's, when its host is that of `url`
};

struct AcmeJson {
  std::vector<ImportedAccount> accounts;
  std::vector<StoredCertificate> certificates;  // `ca` is empty: imported
  std::vector<std::string> problems;  // what was left out, and why: one printable line each
};

// bad_configuration when it is not such a file at all; also for Traefik 1's. Expired certificates are left out.
Result<AcmeJson> parse_acme_json(std::string_view text, WallTime now);

}  // namespace gatehouse::acme
