#include "config/certificate_choice.h"

#include "config/covering_names.h"
#include "config/problem_reasons.h"

#include <algorithm>

namespace gatehouse {
namespace {

bool ends_later(const tls::Certificate& a, const tls::Certificate& b) {
  return a.not_after() != b.not_after() ? a.not_after() > b.not_after() : a.fingerprint() < b.fingerprint();
}

}  // namespace

ObtainedCertificates::ObtainedCertificates(const TranslationInput& input) {
  for (const auto& [name, resolver] : input.acme_resolvers) resolvers_[name];
  for (const auto& [resolver, certificate] : input.obtained) {
    const auto asked = resolvers_.find(resolver);
    if (asked == resolvers_.end()) continue;  // the settings no longer have it
    for (const HostName& host : certificate->names()) {
      auto& best = asked->second[host.text()];
      if (!best || ends_later(*certificate, *best)) best = certificate;
    }
  }
}

// Whatever the clock says, one that has expired is never taken in place of one that has not.
tls::CertificatePtr ObtainedCertificates::best(const std::string& resolver, const HostName& host) const {
  const auto found = resolvers_.find(resolver);
  if (found == resolvers_.end() || found->second.empty()) return nullptr;
  const ByName& obtained = found->second;
  const auto exact = obtained.find(host.text());
  const auto wildcard = obtained.find(wildcard_of(host));
  if (wildcard == obtained.end()) return exact == obtained.end() ? nullptr : exact->second;
  if (exact == obtained.end()) return wildcard->second;
  return wildcard->second->not_after() > exact->second->not_after() ? wildcard->second : exact->second;
}

CertificateChoice::CertificateChoice(const TranslationInput& input, const ObtainedCertificates& obtained)
    : input_(input), obtained_(obtained) {
  for (const auto& certificate : input.certificates) {
    for (const HostName& host : certificate->names()) {
      show_for(host, certificate, nullptr, 0);
      configured_.insert(host.text());
    }
  }
}

void CertificateChoice::show(SecretFinder& secrets, const ObjectName& name, const std::vector<std::string>& hosts,
                             const Claimant& claimant, int line) {
  const RememberedSecret& secret = secrets.find(name);
  if (!secret.fault.empty() && !secret.awaited)
    claimant.warn(
        line,
        "Secret " + name.text() + " " + secret.fault +
            (secret.certificate ? "; its last good certificate stays in use" : "; its hosts show another certificate"),
        secret.source ? reasons::invalid_secret : reasons::secret_not_found);
  if (!secret.certificate) return;
  for (const std::string& text : hosts) {
    const auto host = HostName::parse_with_wildcard(text);
    if (!host)
      claimant.error(line, "tls host " + host.error().detail, reasons::invalid_rule);
    else if (!covers(secret.names, *host))
      claimant.warn(line,
                    "the certificate of Secret " + name.text() + " does not name " + host->text() +
                        ", which shows another certificate",
                    reasons::certificate_mismatch);
    else
      show_for(*host, secret.certificate, &claimant, line);
  }
  if (!hosts.empty() || !shown_whole_.insert(secret.certificate.get()).second) return;
  for (const HostName& host : secret.certificate->names())
    if (!secrets.refusal(name.ns, host)) show_for(host, secret.certificate, &claimant, line);
}

void CertificateChoice::show_for(const HostName& host, const tls::CertificatePtr& certificate, const Claimant* claimant,
                                 int line) {
  const auto [slot, added] = shown_.try_emplace(host.text(), entries_.size());
  if (added) {
    entries_.push_back({host, certificate});
    return;
  }
  const auto& first = entries_[slot->second].certificate;
  if (claimant != nullptr && first->fingerprint() != certificate->fingerprint())
    claimant->warn(line, host.text() + " shows another certificate already, " + first->subject(),
                   reasons::conflicting_certificate);
}

bool CertificateChoice::is_configured(const HostName& host) const {
  return !configured_.empty() && covers(configured_, host);
}

bool CertificateChoice::show_obtained(const std::string& resolver, const HostName& host) {
  const auto best = obtained_.best(resolver, host);
  if (best) show_for(host, best, nullptr, 0);
  return best != nullptr;
}

void CertificateChoice::settle(const std::vector<CertificateRequest>& requests) {
  for (const CertificateRequest& request : requests)
    for (const HostName& host : request.names) settle(request.resolver, host);
}

void CertificateChoice::settle(const std::string& resolver, const HostName& host) {
  if (shown_.contains(host.text()) || show_obtained(resolver, host)) return;
  const auto acme = input_.acme_resolvers.find(resolver);
  const auto until = acme == input_.acme_resolvers.end() ? UntilIssued::default_certificate : acme->second.until_issued;
  if (until == UntilIssued::internal_ca)
    may_issue(host.text());
  else if (until == UntilIssued::none)
    bare_.push_back(host);
}

void CertificateChoice::may_issue(std::string_view host) {
  if (issues() && !host.empty() && !issuable_.contains(host)) issuable_.emplace(host);
}

std::vector<std::string> CertificateChoice::hosts() const {
  std::vector<std::string> hosts(issuable_.begin(), issuable_.end());
  for (const auto& entry : entries_)
    if (!configured_.contains(entry.host.text())) hosts.push_back(entry.host.text());
  return hosts;
}

tls::CertificateStore::Contents CertificateChoice::contents() {
  tls::CertificateStore::Contents contents;
  contents.entries = std::move(entries_);
  contents.default_certificate = input_.default_certificate;
  contents.internal_ca = input_.internal_ca;
  for (const std::string& text : issuable_)
    if (auto host = HostName::parse_with_wildcard(text)) contents.internal_hosts.push_back(std::move(*host));
  contents.bare_hosts = std::move(bare_);
  contents.strict_sni = input_.strict_sni;
  return contents;
}

}  // namespace gatehouse
