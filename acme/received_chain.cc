#include "acme/received_chain.h"

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr auto clock_tolerance = std::chrono::hours(25);

Trouble refused(std::string words) {
  Trouble trouble = trouble_of(Failure(FailureKind::bad_answer, "the certificate is refused: " + std::move(words)));
  trouble.remedy = Remedy::person;
  trouble.order_over = true;
  return trouble;
}

std::vector<HostName> as_set(std::vector<HostName> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Answer<void> check(const tls::Certificate& certificate, const std::vector<HostName>& names, WallTime now) {
  if (!same_names(certificate.names(), names)) return refused("it is not for exactly the names that were ordered");
  if (certificate.not_after() <= certificate.not_before()) return refused("it ends before it begins");
  if (now >= certificate.not_after()) return refused("it has expired; is this machine's clock right?");
  if (now + clock_tolerance < certificate.not_before())
    return refused("it begins more than a day from now; is this machine's clock right?");
  return {};
}

}  // namespace

bool same_names(std::vector<HostName> a, std::vector<HostName> b) {
  return as_set(std::move(a)) == as_set(std::move(b));
}

Answer<ReceivedChain> choose_chain(const std::vector<std::string>& chains, const std::string& key_pem,
                                   const std::vector<HostName>& names, const std::string& preferred, WallTime now) {
  if (chains.empty()) return refused("there is none");
  std::optional<ReceivedChain> chosen;
  for (const std::string& pem : chains) {
    auto certificate = tls::Certificate::from_pem(pem, key_pem);
    if (!certificate && !chosen) return refused(certificate.error().detail);
    if (!certificate) continue;
    const bool fits = !preferred.empty() && (*certificate)->issued_by(preferred);
    if (!chosen || fits) chosen = ReceivedChain{std::move(*certificate), pem};
    if (fits || preferred.empty()) break;
  }
  if (auto checked = check(*chosen->certificate, names, now); !checked) return checked.error();
  return *chosen;
}

}  // namespace gatehouse::acme
