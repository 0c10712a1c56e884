#include "config/setting_keys.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

template <class T>
T& given(std::optional<T>& value) {
  return value ? *value : value.emplace();
}

AcmeSettings& acme(At at) { return given(at.settings.resolvers[at.names[0]].acme); }
DnsChallengeSection& dns(At at) { return given(acme(at).dns); }
Rfc2136Settings& rfc2136(At at) { return given(dns(at).rfc2136); }
DnsProgramSettings& program(At at) { return given(dns(at).program); }
DnsWebhookSettings& webhook(At at) { return given(dns(at).webhook); }

constexpr Limits any;

Limits between(Duration least, Duration most) {
  Limits limits;
  limits.least = static_cast<std::uint64_t>(std::chrono::nanoseconds(least).count());
  limits.most = static_cast<std::uint64_t>(std::chrono::nanoseconds(most).count());
  return limits;
}

Limits up_to(std::uint64_t most) {
  Limits limits;
  limits.most = most;
  return limits;
}

Limits one_of(std::vector<std::string_view> choices) {
  Limits limits;
  limits.choices = std::move(choices);
  return limits;
}

Limits host_names() {
  Limits limits;
  limits.host_names = true;
  return limits;
}

std::vector<SettingKey> account_keys() {
  return {
      {"certificatesResolvers.<name>.acme", [](At at) { acme(at); }, any,
       "Certificates of a public CA, or of any that speaks ACME (RFC 8555). By using it you agree to the CA's terms."},
      {"certificatesResolvers.<name>.acme.email", [](At at) -> auto& { return acme(at).email; }, any,
       "Whom the CA may write to."},
      {"certificatesResolvers.<name>.acme.caServer", [](At at) -> auto& { return acme(at).ca_server; }, any,
       "The CA's directory."},
      {"certificatesResolvers.<name>.acme.fallbackCAServers",
       [](At at) -> auto& { return acme(at).fallback_ca_servers; }, any,
       "Directories of other CAs, asked in this order while the ones before them fail."},
      {"certificatesResolvers.<name>.acme.caCertificates", [](At at) -> auto& { return acme(at).ca_certificates; }, any,
       "PEM files of the roots trusted when talking to the CA. Empty: the system's."},
      {"certificatesResolvers.<name>.acme.eab.kid", [](At at) -> auto& { return acme(at).eab_kid; }, any,
       "External account binding, where the CA asks for it: the key's name."},
      {"certificatesResolvers.<name>.acme.eab.hmacEncoded", [](At at) -> auto& { return acme(at).eab_hmac; }, any,
       "And the key, base64url."},
      {"certificatesResolvers.<name>.acme.storage", [](At at) -> auto& { return acme(at).storage; }, any,
       "Folder that keeps accounts, orders and certificates with their keys; resolvers may share it. `kubernetes`: "
       "Secrets in this pod's namespace, which all replicas share."},
      {"certificatesResolvers.<name>.acme.limits.ordersPerAccount",
       [](At at) -> auto& { return acme(at).limits.orders_per_account; }, up_to(1'000'000),
       "Most new orders in 3 hours; 0 is no limit. The CA's own limits, kept rather than run into."},
      {"certificatesResolvers.<name>.acme.limits.certificatesPerDomain",
       [](At at) -> auto& { return acme(at).limits.certificates_per_domain; }, up_to(1'000'000),
       "Most new certificates of a registered domain in 7 days; 0 is no limit."},
      {"certificatesResolvers.<name>.acme.limits.duplicateCertificates",
       [](At at) -> auto& { return acme(at).limits.duplicate_certificates; }, up_to(1'000'000),
       "Most certificates of exactly the same names in 7 days; 0 is no limit."},
      {"certificatesResolvers.<name>.acme.limits.failedValidations",
       [](At at) -> auto& { return acme(at).limits.failed_validations; }, up_to(1'000'000),
       "Most failed validations of a host in an hour; 0 is no limit."},
  };
}

std::vector<SettingKey> certificate_keys() {
  return {
      {"certificatesResolvers.<name>.acme.keyType", [](At at) -> auto& { return acme(at).key_type; },
       one_of({"EC256", "EC384", "RSA2048", "RSA3072", "RSA4096"}), "The kind of the certificates' keys."},
      {"certificatesResolvers.<name>.acme.reuseKey", [](At at) -> auto& { return acme(at).reuse_key; }, any,
       "Keeps the private key at renewal; otherwise each certificate has a new one."},
      {"certificatesResolvers.<name>.acme.disableCommonName",
       [](At at) -> auto& { return acme(at).disable_common_name; }, any,
       "Leaves the common name out of the request; names are always in subjectAltName."},
      {"certificatesResolvers.<name>.acme.preferredChain", [](At at) -> auto& { return acme(at).preferred_chain; }, any,
       "Common name of the root or intermediate that the chain should end at, where the CA offers several."},
      {"certificatesResolvers.<name>.acme.profile", [](At at) -> auto& { return acme(at).profile; }, any,
       "The CA's profile to ask for, such as `shortlived`."},
      {"certificatesResolvers.<name>.acme.untilIssued", [](At at) -> auto& { return acme(at).until_issued; },
       one_of({"internal", "default", "none"}),
       "What a host without a certificate shows: one of the built-in CA (if a resolver `internal` is there, otherwise "
       "as `default`), the default certificate, or nothing, so that the handshake fails."},
      {"certificatesResolvers.<name>.acme.gatherHosts", [](At at) -> auto& { return acme(at).gather_hosts; }, any,
       "New hosts of one registered domain share a certificate."},
      {"certificatesResolvers.<name>.acme.important", [](At at) -> auto& { return acme(at).important; }, host_names(),
       "Hosts that go first when the CA's limits are short; a wildcard stands for one label."},
      {"certificatesResolvers.<name>.acme.reservePercent", [](At at) -> auto& { return acme(at).reserve_percent; },
       up_to(100), "Part of certificatesPerDomain that new hosts leave to important ones and renewals."},
      {"certificatesResolvers.<name>.acme.grace", [](At at) -> auto& { return acme(at).grace; }, between(0s, 8760h),
       "A certificate nobody asks for any more is kept this long."},
      {"certificatesResolvers.<name>.acme.certManagerIssuers",
       [](At at) -> auto& { return acme(at).cert_manager_issuers; }, any,
       "Names of cert-manager's issuers (`cert-manager.io/issuer`, `cert-manager.io/cluster-issuer`) whose place this "
       "resolver takes. Ingresses that name another issuer are left to cert-manager."},
  };
}

std::vector<SettingKey> challenge_keys() {
  return {
      {"certificatesResolvers.<name>.acme.httpChallenge.entryPoint",
       [](At at) -> auto& { return acme(at).http_entry_point; }, any,
       "HTTP-01: the CA asks this entry point, on port 80."},
      {"certificatesResolvers.<name>.acme.tlsChallenge", [](At at) { acme(at).tls_challenge = true; }, any,
       "TLS-ALPN-01: the CA makes a handshake on port 443."},
      {"certificatesResolvers.<name>.acme.dnsChallenge", [](At at) { dns(at); }, any,
       "DNS-01: a TXT record, written by one of rfc2136, exec and webhook. Wildcards need it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.resolvers", [](At at) -> auto& { return dns(at).resolvers; },
       any, "Recursive name servers, `address[:port]`. Empty: the system's."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.followCNAME",
       [](At at) -> auto& { return dns(at).follow_cname; }, any,
       "Writes the record where a CNAME at `_acme-challenge` leads."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.propagation.check", [](At at) -> auto& { return dns(at).check; },
       one_of({"every", "one", "resolvers", "none"}),
       "Who must see the record before the CA is told: every authoritative server, one of them, the resolvers, "
       "nobody."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.propagation.disableChecks",
       [](At at) -> auto& { return dns(at).disable_checks; }, any, "The same as `check: none`."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.propagation.disableANSChecks",
       [](At at) -> auto& { return dns(at).disable_ans_checks; }, any, "The same as `check: resolvers`."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.propagation.delayBeforeChecks",
       [](At at) -> auto& { return dns(at).delay_before_checks; }, between(0s, 1h), "A pause before the first look."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.propagation.timeout",
       [](At at) -> auto& { return dns(at).propagation_timeout; }, between(1s, 1h), "For the record to be seen."},
  };
}

std::vector<SettingKey> dns_keys() {
  return {
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136", [](At at) { rfc2136(at); }, any,
       "Dynamic updates to the zone's primary server."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.nameserver",
       [](At at) -> auto& { return rfc2136(at).nameserver; }, any, "`host[:port]`. Empty: as the zone's SOA names it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.zone", [](At at) -> auto& { return rfc2136(at).zone; },
       host_names(), "The zone to update. Empty: it is found."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.tsigKeyName",
       [](At at) -> auto& { return rfc2136(at).key_name; }, any, "TSIG key. Empty: unsigned."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.tsigAlgorithm",
       [](At at) -> auto& { return rfc2136(at).key_algorithm; },
       one_of({"hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1"}), "Its algorithm."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.tsigSecret",
       [](At at) -> auto& { return rfc2136(at).key_secret; }, any, "Its secret, base64."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.tsigSecretFile",
       [](At at) -> auto& { return rfc2136(at).key_secret_file; }, any, "Or a file that holds it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.rfc2136.ttl", [](At at) -> auto& { return rfc2136(at).ttl; },
       between(0s, 24h), "Of the record."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.exec.program",
       [](At at) -> auto& { return program(at).program; }, any,
       "Absolute path of a program, called as lego's provider exec calls it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.exec.timeout",
       [](At at) -> auto& { return program(at).timeout; }, between(1s, 1h), "For one call of it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.url", [](At at) -> auto& { return webhook(at).url; },
       any, "Where `/present` and `/cleanup` are, as lego's provider httpreq asks for them."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.user", [](At at) -> auto& { return webhook(at).user; },
       any, "Basic authentication."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.password",
       [](At at) -> auto& { return webhook(at).password; }, any, "With it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.passwordFile",
       [](At at) -> auto& { return webhook(at).password_file; }, any, "Or a file that holds it."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.token", [](At at) -> auto& { return webhook(at).token; },
       any, "A bearer token instead."},
      {"certificatesResolvers.<name>.acme.dnsChallenge.webhook.tokenFile",
       [](At at) -> auto& { return webhook(at).token_file; }, any, "Or a file that holds it."},
  };
}

}  // namespace

std::vector<SettingKey> acme_setting_keys() {
  std::vector<SettingKey> keys;
  for (const auto& part : {account_keys(), certificate_keys(), challenge_keys(), dns_keys()})
    keys.insert(keys.end(), part.begin(), part.end());
  return keys;
}

}  // namespace gatehouse
