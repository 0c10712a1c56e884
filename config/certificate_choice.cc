#include "config/certificate_choice.h"

#include <algorithm>

namespace gatehouse {
namespace {

// The wildcard that stands for the host; empty when none does.
std::string wildcard_of(const HostName& host) {
  const auto dot = host.text().find('.');
  return host.is_wildcard() || dot == std::string::npos ? "" : "*" + host.text().substr(dot);
}

// A hash probe or two, for hosts and names may both be many.
bool covers(const std::unordered_set<std::string_view>& names, const HostName& host) {
  return names.contains(host.text()) || names.contains(wildcard_of(host));
}

bool ends_later(const tls::Certificate& a, const tls::Certificate& b) {
  return a.not_after() != b.not_after() ? a.not_after() > b.not_after() : a.fingerprint() < b.fingerprint();
}

RememberedSecret read_secret(std::shared_ptr<const kubernetes::Secret> source, tls::CertificatePtr last_good) {
  RememberedSecret secret{std::move(source), std::move(last_good), "", {}};
  if (!secret.source) {
    secret.fault = "is not there";
  } else if (secret.source->certificate.empty() || secret.source->key.empty()) {
    secret.fault = "has no tls.crt and tls.key";
  } else {
    auto certificate = tls::Certificate::from_pem(secret.source->certificate, secret.source->key);
    if (certificate)
      secret.certificate = std::move(*certificate);
    else
      secret.fault = "is not usable: " + certificate.error().detail;
  }
  if (secret.certificate)
    for (const HostName& name : secret.certificate->names()) secret.names.insert(name.text());
  return secret;
}

}  // namespace

CertificateChoice::CertificateChoice(const kubernetes::ClusterObjects& objects, const TranslationInput& input,
                                     const SecretMemory& known)
    : objects_(objects), input_(input), known_(known) {
  for (const auto& certificate : input.certificates) {
    for (const HostName& host : certificate->names()) {
      show_for(host, certificate, nullptr, 0);
      configured_.insert(host.text());
    }
  }
  for (const auto& [name, resolver] : input.acme_resolvers) acme_[name].until_issued = resolver.until_issued;
  for (const auto& [resolver, certificate] : input.obtained) {
    const auto asked = acme_.find(resolver);
    if (asked == acme_.end()) continue;  // the settings no longer have it
    for (const HostName& host : certificate->names()) {
      auto& best = asked->second.obtained[host.text()];
      if (!best || ends_later(*certificate, *best)) best = certificate;
    }
  }
}

void CertificateChoice::show(const ObjectName& name, const std::vector<std::string>& hosts, const Claimant& claimant,
                             int line) {
  const RememberedSecret& secret = remembered(name);
  if (!secret.fault.empty())
    claimant.warn(line, "Secret " + name.text() + " " + secret.fault +
                            (secret.certificate ? "; its last good certificate stays in use"
                                                : "; its hosts show another certificate"));
  if (!secret.certificate) return;
  for (const std::string& text : hosts) {
    const auto host = HostName::parse_with_wildcard(text);
    if (!host)
      claimant.error(line, "tls host " + host.error().detail);
    else if (!covers(secret.names, *host))
      claimant.warn(line, "the certificate of Secret " + name.text() + " does not name " + host->text() +
                              ", which shows another certificate");
    else
      show_for(*host, secret.certificate, &claimant, line);
  }
  if (!hosts.empty() || !shown_whole_.insert(secret.certificate.get()).second) return;
  for (const HostName& host : secret.certificate->names()) show_for(host, secret.certificate, &claimant, line);
}

const RememberedSecret& CertificateChoice::remembered(const ObjectName& name) {
  const auto [slot, added] = memory_.try_emplace(name);
  if (!added) return slot->second;
  const auto found = objects_.secrets.find(name);
  const auto source = found == objects_.secrets.end() ? nullptr : found->second;
  const auto known = known_.find(name);
  if (known != known_.end() && known->second.source == source)
    slot->second = known->second;
  else
    slot->second = read_secret(source, known == known_.end() ? nullptr : known->second.certificate);
  return slot->second;
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
    claimant->warn(line, host.text() + " shows another certificate already, " + first->subject());
}

bool CertificateChoice::serves(const ObjectName& name, const std::vector<HostName>& hosts) {
  const RememberedSecret& secret = remembered(name);
  return secret.fault.empty() &&
         std::all_of(hosts.begin(), hosts.end(), [&](const HostName& host) { return covers(secret.names, host); });
}

bool CertificateChoice::is_there(const ObjectName& secret) const { return objects_.secrets.contains(secret); }

bool CertificateChoice::is_managed(const ObjectName& secret) const {
  const auto found = objects_.secrets.find(secret);
  return found != objects_.secrets.end() &&
         found->second->meta.notes().annotations.contains(kubernetes::certificate_name_note);
}

bool CertificateChoice::is_configured(const HostName& host) const {
  return !configured_.empty() && covers(configured_, host);
}

const CertificateChoice::Acme& CertificateChoice::find_acme(const std::string& resolver) const {
  static const Acme none;
  const auto found = acme_.find(resolver);
  return found == acme_.end() ? none : found->second;
}

// Whatever the clock says, one that has expired is never taken in place of one that has not.
tls::CertificatePtr CertificateChoice::best_obtained(const Acme& resolver, const HostName& host) {
  if (resolver.obtained.empty()) return nullptr;
  const auto exact = resolver.obtained.find(host.text());
  const auto wildcard = resolver.obtained.find(wildcard_of(host));
  if (wildcard == resolver.obtained.end()) return exact == resolver.obtained.end() ? nullptr : exact->second;
  if (exact == resolver.obtained.end()) return wildcard->second;
  return wildcard->second->not_after() > exact->second->not_after() ? wildcard->second : exact->second;
}

bool CertificateChoice::show_obtained(const std::string& resolver, const HostName& host) {
  const auto best = best_obtained(find_acme(resolver), host);
  if (best) show_for(host, best, nullptr, 0);
  return best != nullptr;
}

void CertificateChoice::settle(const std::vector<CertificateRequest>& requests) {
  for (const CertificateRequest& request : requests) {
    const Acme& resolver = find_acme(request.resolver);
    for (const HostName& host : request.names) settle(resolver, host);
  }
}

void CertificateChoice::settle(const Acme& resolver, const HostName& host) {
  if (shown_.contains(host.text())) return;
  if (const auto best = best_obtained(resolver, host))
    show_for(host, best, nullptr, 0);
  else if (resolver.until_issued == UntilIssued::internal_ca)
    may_issue(host.text());
  else if (resolver.until_issued == UntilIssued::none)
    bare_.push_back(host);
}

void CertificateChoice::may_issue(std::string_view host) {
  if (issues() && !host.empty() && !issuable_.contains(host)) issuable_.emplace(host);
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

bool same_contents(const tls::CertificateStore::Contents& a, const tls::CertificateStore::Contents& b) {
  const auto same_entry = [](const auto& x, const auto& y) {
    return x.host == y.host && x.certificate == y.certificate;
  };
  return a.default_certificate == b.default_certificate && a.internal_ca == b.internal_ca &&
         a.strict_sni == b.strict_sni && a.internal_hosts == b.internal_hosts && a.bare_hosts == b.bare_hosts &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(), same_entry);
}

}  // namespace gatehouse
