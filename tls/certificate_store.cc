#include "tls/certificate_store.h"

#include <algorithm>

namespace gatehouse::tls {
namespace {

std::vector<ShardedMap<CertificatePtr>::Entry> entries_of(std::vector<CertificateStore::Entry> given) {
  std::vector<ShardedMap<CertificatePtr>::Entry> entries;
  entries.reserve(given.size());
  for (auto& entry : given) entries.emplace_back(host_key(entry.host.text()), std::move(entry.certificate));
  return entries;
}

std::vector<ShardedMap<HostName>::Entry> entries_of(std::vector<HostName> hosts) {
  std::vector<ShardedMap<HostName>::Entry> entries;
  entries.reserve(hosts.size());
  for (HostName& host : hosts) {
    std::string key(host_key(host.text()));
    entries.emplace_back(std::move(key), std::move(host));
  }
  return entries;
}

std::vector<ShardedMap<bool>::Entry> marks_of(const std::vector<HostName>& hosts) {
  std::vector<ShardedMap<bool>::Entry> entries;
  entries.reserve(hosts.size());
  for (const HostName& host : hosts) entries.emplace_back(host_key(host.text()), true);
  return entries;
}

template <class T>
bool same_at(const ShardedMap<T>& a, const ShardedMap<T>& b, std::string_view key) {
  const T *x = a.find(key), *y = b.find(key);
  return x == nullptr || y == nullptr ? x == y : *x == *y;
}

template <class T>
bool same_everywhere(const ShardedMap<T>& a, const ShardedMap<T>& b) {
  bool same = a.size() == b.size();
  a.each([&](std::string_view key, const T&) { same = same && same_at(a, b, key); });
  return same;
}

}  // namespace

CertificateStore::CertificateStore(Contents contents)
    : default_(std::move(contents.default_certificate)),
      internal_ca_(std::move(contents.internal_ca)),
      strict_sni_(contents.strict_sni),
      certificates_(entries_of(std::move(contents.entries))),
      issuable_(entries_of(std::move(contents.internal_hosts))),
      bare_(marks_of(contents.bare_hosts)) {}

std::shared_ptr<const CertificateStore> CertificateStore::changed(const std::shared_ptr<const CertificateStore>& store,
                                                                  const std::vector<std::string>& hosts,
                                                                  Contents contents) {
  std::vector<std::string> keys;
  keys.reserve(hosts.size());
  for (const std::string& host : hosts) keys.emplace_back(host_key(host));
  auto next = std::make_shared<CertificateStore>(*store);
  next->certificates_ = store->certificates_.changed(keys, entries_of(std::move(contents.entries)));
  next->issuable_ = store->issuable_.changed(keys, entries_of(std::move(contents.internal_hosts)));
  next->bare_ = store->bare_.changed(keys, marks_of(contents.bare_hosts));
  const bool same = std::all_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return same_at(store->certificates_, next->certificates_, key) && same_at(store->issuable_, next->issuable_, key) &&
           same_at(store->bare_, next->bare_, key);
  });
  return same ? store : next;
}

bool CertificateStore::operator==(const CertificateStore& other) const {
  return default_ == other.default_ && internal_ca_ == other.internal_ca_ && strict_sni_ == other.strict_sni_ &&
         same_everywhere(certificates_, other.certificates_) && same_everywhere(issuable_, other.issuable_) &&
         same_everywhere(bare_, other.bare_);
}

template <class T>
const T* CertificateStore::look_up(const ShardedMap<T>& map, std::string_view host) {
  if (const T* const exact = map.find(host)) return exact;
  const auto dot = host.find('.');
  return dot == 0 || dot == std::string_view::npos ? nullptr : map.find(host.substr(dot));
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
