#include "tls/certificate_chooser.h"

namespace gatehouse::tls {
namespace {

bool fresh(const Certificate& certificate, WallTime now) {
  const auto lifetime = certificate.not_after() - certificate.not_before();
  return now >= certificate.not_before() && now < certificate.not_after() - lifetime / 3;
}

}  // namespace

CertificatePtr CertificateChooser::choose(const CertificateStore& store, std::string_view server_name, WallTime now) {
  if (!server_name.empty()) {
    if (const CertificatePtr* found = store.find(server_name)) return *found;
    if (const HostName* host = store.may_issue(server_name))
      if (CertificatePtr leaf = internal_leaf(store, *host, now)) return leaf;
    if (store.is_bare(server_name)) return nullptr;
  }
  return store.strict_sni() ? nullptr : store.default_certificate();
}

CertificatePtr CertificateChooser::internal_leaf(const CertificateStore& store, const HostName& host, WallTime now) {
  const auto kept = leaves_.find(host.text());
  if (kept != leaves_.end() && kept->second.issuer == store.internal_ca() && fresh(*kept->second.certificate, now))
    return kept->second.certificate;
  auto issued = store.internal_ca()->issue(host, now);
  if (!issued) return nullptr;
  if (kept == leaves_.end() && leaves_.size() >= max_leaves) leaves_.erase(leaves_.begin());
  leaves_.insert_or_assign(host.text(), Leaf{store.internal_ca(), *issued});
  return *issued;
}

}  // namespace gatehouse::tls
