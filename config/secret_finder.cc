#include "config/secret_finder.h"

#include "config/covering_names.h"

#include <algorithm>

namespace gatehouse {
namespace {

RememberedSecret read_secret(std::shared_ptr<const kubernetes::Secret> source, tls::CertificatePtr last_good) {
  RememberedSecret secret{std::move(source), std::move(last_good), "", {}, false};
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

const RememberedSecret& SecretFinder::find(const ObjectName& name) {
  const auto [slot, added] = memory_.try_emplace(name);
  if (!added) return slot->second;
  const auto found = objects_.secrets.find(name);
  const auto source = found == objects_.secrets.end() ? nullptr : found->second;
  const auto known = known_.find(name);
  has_new_ = has_new_ || known == known_.end();
  const bool awaited = !source && awaited_ && awaited_(name);
  if (known != known_.end() && known->second.source == source)
    slot->second = known->second;
  else
    slot->second = read_secret(source, known == known_.end() ? nullptr : known->second.certificate);
  slot->second.awaited = awaited;
  return slot->second;
}

bool SecretFinder::serves(const ObjectName& name, const std::vector<HostName>& hosts) {
  const RememberedSecret& secret = find(name);
  return secret.fault.empty() &&
         std::all_of(hosts.begin(), hosts.end(), [&](const HostName& host) { return covers(secret.names, host); });
}

bool SecretFinder::is_managed(const ObjectName& name) {
  const RememberedSecret& secret = find(name);
  return secret.source && secret.source->meta.notes().annotations.contains(kubernetes::certificate_name_note);
}

std::shared_ptr<const SecretNames> SecretFinder::names_in_use(std::shared_ptr<const SecretNames> before) const {
  if (before && !has_new_ && memory_.size() == known_.size()) return before;
  auto names = std::make_shared<SecretNames>();
  for (const auto& [name, secret] : memory_) names->insert(names->end(), name);
  return names;
}

}  // namespace gatehouse
