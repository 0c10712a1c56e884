// What a CA gave us, checked before it may replace anything. ◦
#pragma once

#include "acme/problem.h"
#include "base/clock.h"
#include "base/names.h"
#include "tls/certificate.h"

#include <string>
#include <vector>

namespace gatehouse::acme {

struct ReceivedChain {
  tls::CertificatePtr certificate;
  std::string pem;
};

// The chain to use of those the CA offers: the first whose topmost certificate was issued by `preferred` (a common
// name), else the first. Refused with order_over, because asking again would give the same: a chain that cannot be read
// or has another key, names that are not exactly `names`, a certificate that has expired or begins more than a day from
// `now` (then it is rather our clock that is wrong, and the words say so).
Answer<ReceivedChain> choose_chain(const std::vector<std::string>& chains, const std::string& key_pem,
                                   const std::vector<HostName>& names, const std::string& preferred, WallTime now);

// Both as sets.
bool same_names(std::vector<HostName> a, std::vector<HostName> b);

}  // namespace gatehouse::acme
