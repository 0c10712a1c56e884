#include "tls/certificate_store.h"

namespace gatehouse::tls {
namespace {

std::string_view key_of(const HostName& host) {
  const std::string_view text = host.text();
  return host.is_wildcard() ? text.substr(1) : text;
}

}  // namespace

CertificateStore::CertificateStore(Contents contents)
    : default_(std::move(contents.default_certificate)),
      internal_ca_(std::move(contents.internal_ca)),
      strict_sni_(contents.strict_sni) {
  certificates_.reserve(contents.entries.size());
  for (Entry& entry : contents.entries)
    certificates_.try_emplace(std::string(key_of(entry.host)), std::move(entry.certificate));
  issuable_.reserve(contents.internal_hosts.size());
  for (HostName& host : contents.internal_hosts) issuable_.try_emplace(std::string(key_of(host)), std::move(host));
  for (const HostName& host : contents.bare_hosts) bare_.try_emplace(std::string(key_of(host)), true);
}

template <class T>
const T* CertificateStore::look_up(const HostMap<T>& map, std::string_view host) {
  if (auto exact = map.find(host); exact != map.end()) return &exact->second;
  const auto dot = host.find('.');
  if (dot == 0 || dot == std::string_view::npos) return nullptr;
  const auto wildcard = map.find(host.substr(dot));
  return wildcard == map.end() ? nullptr : &wildcard->second;
}

const CertificatePtr* CertificateStore::find(std::string_view host) const {
  // A key that starts with a dot is a wildcard's, never a host's.
  return host.starts_with('.') ? nullptr : look_up(certificates_, host);
}

const HostName* CertificateStore::may_issue(std::string_view host) const {
  return internal_ca_ == nullptr || host.starts_with('.') ? nullptr : look_up(issuable_, host);
}

bool CertificateStore::is_bare(std::string_view host) const {
  return !bare_.empty() && !host.starts_with('.') && look_up(bare_, host) != nullptr;
}

}  // namespace gatehouse::tls
