#include "config/secret_finder.h"

#include "config/covering_names.h"

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

// What was there before serves on until something better is.
void read_secret(std::shared_ptr<const kubernetes::Secret> source, RememberedSecret& secret) {
  secret.source = std::move(source);
  secret.fault.clear();
  if (!secret.source) {
    secret.fault = "is not there";
  } else if (secret.source->certificate.empty() || secret.source->key.empty()) {
    secret.fault = "has no tls.crt and tls.key";
  } else {
    auto certificate = tls::Certificate::from_pem(secret.source->certificate, secret.source->key);
    if (certificate) {
      secret.certificate = std::move(*certificate);
      secret.names.clear();
      for (const HostName& name : secret.certificate->names()) secret.names.insert(name.text());
    } else {
      secret.fault = "is not usable: " + certificate.error().detail;
    }
  }
}

}  // namespace

const RememberedSecret& SecretFinder::find(const ObjectName& name) {
  RememberedSecret& secret = memory_.known[name];
  const auto found = objects_.secrets.find(name);
  const auto source = found == objects_.secrets.end() ? nullptr : found->second;
  if (!std::exchange(secret.read, true) || secret.source != source) read_secret(source, secret);
  secret.awaited = !source && awaited_ && awaited_(name);
  if (secret.awaited)
    memory_.awaited.insert(name);
  else
    memory_.awaited.erase(name);
  return secret;
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

}  // namespace gatehouse
