#include "acme/resolver.h"

#include "acme/dns_settings.h"
#include "base/base64.h"
#include "base/regular_file.h"

namespace gatehouse::acme {
namespace {

Failure bad(const std::string& words) { return Failure(FailureKind::bad_configuration, words); }

tls::KeyType key_type_of(CertificateKey key) {
  switch (key) {
    case CertificateKey::ec256: return tls::KeyType::p256;
    case CertificateKey::ec384: return tls::KeyType::p384;
    case CertificateKey::rsa2048: return tls::KeyType::rsa2048;
    case CertificateKey::rsa3072: return tls::KeyType::rsa3072;
    case CertificateKey::rsa4096: break;
  }
  return tls::KeyType::rsa4096;
}

RateLimits limits_of(const CaLimitSettings& settings) {
  RateLimits limits;
  limits.orders.count = settings.orders_per_account;
  limits.certificates_per_domain.count = settings.certificates_per_domain;
  limits.certificates_per_set.count = settings.duplicate_certificates;
  limits.failed_validations.count = settings.failed_validations;
  return limits;
}

ResolverRules rules_of(const std::string& resolver, const AcmeSettings& settings) {
  ResolverRules rules;
  rules.account = resolver + "\n" + settings.email + "\n" + settings.eab_kid + "\n" + settings.eab_hmac;
  rules.cas.push_back({settings.ca_server, limits_of(settings.limits)});
  for (const auto& url : settings.fallback_ca_servers) rules.cas.push_back({url, limits_of(settings.limits)});
  rules.wildcards = settings.dns.has_value();
  rules.gather = settings.gather_hosts;
  for (const auto& text : settings.important)
    if (auto name = HostName::parse_with_wildcard(text)) rules.important.push_back(std::move(*name));
  rules.reserve_percent = static_cast<unsigned>(settings.reserve_percent);
  rules.grace = std::chrono::duration_cast<std::chrono::seconds>(settings.grace);
  return rules;
}

OrderPolicy policy_of(const AcmeSettings& settings) {
  OrderPolicy policy;
  policy.key_type = key_type_of(settings.key_type);
  policy.profile = settings.profile;
  policy.preferred_chain = settings.preferred_chain;
  policy.common_name = !settings.disable_common_name;
  return policy;
}

Result<std::string> roots_in(const std::vector<std::string>& files) {
  std::string pem;
  for (const auto& file : files) {
    auto read = read_regular_file(file, tls::Certificate::max_pem_bytes);
    if (!read) return bad("caCertificates: " + file + " " + read.error().detail);
    pem += read->text + "\n";
  }
  return pem;
}

}  // namespace

std::function<Result<Client::Fetch>(const std::vector<std::string>&)> fetch_by_network(asio::io_context& io,
                                                                                       Deadlines& deadlines,
                                                                                       Fetcher::Resolve resolve) {
  return [&io, &deadlines, resolve](const std::vector<std::string>& root_files) -> Result<Client::Fetch> {
    auto roots = roots_in(root_files);
    if (!roots) return roots.error();
    tls::ClientPolicy policy;
    policy.ca_pem = std::move(*roots);
    auto context = tls::make_client_context(policy);
    if (!context) return bad("caCertificates: " + context.error().detail);
    Fetcher::Settings settings;
    settings.tls = std::move(*context);
    auto fetcher = std::make_shared<Fetcher>(io, deadlines, resolve, std::move(settings));
    return Client::Fetch([fetcher](FetchRequest request) { return fetcher->fetch(std::move(request)); });
  };
}

Resolver::Resolver(std::string name, const AcmeSettings& settings)
    : name_(std::move(name)),
      rules_(rules_of(name_, settings)),
      policy_(policy_of(settings)),
      reuses_keys_(settings.reuse_key) {}

Result<std::shared_ptr<Resolver>> Resolver::make(std::string name, const AcmeSettings& settings, ResolverPorts ports) {
  std::shared_ptr<Resolver> resolver(new Resolver(std::move(name), settings));
  if (auto added = resolver->add_account_settings(settings); !added) return added.error();
  if (auto added = resolver->add_solvers(settings, ports); !added) return added.error();
  resolver->policy_.keys = ports.keys;
  auto fetch = ports.fetch(settings.ca_certificates);
  if (!fetch) return fetch.error();
  for (const CaRules& ca : resolver->rules_.cas)
    resolver->clients_.try_emplace(ca.url, std::make_unique<Client>(*fetch, ports.clock, ca.url));
  return resolver;
}

Result<void> Resolver::add_account_settings(const AcmeSettings& settings) {
  if (!settings.email.empty()) account_.contact = {"mailto:" + settings.email};
  if (settings.eab_kid.empty()) return {};
  auto key = from_base64url(settings.eab_hmac);
  if (!key) key = from_base64(settings.eab_hmac);  // some CAs hand it out with padding
  if (!key) return bad("eab.hmacEncoded is not base64url");
  account_.external = ExternalAccount{settings.eab_kid, std::move(*key)};
  return {};
}

Result<void> Resolver::add_solvers(const AcmeSettings& settings, const ResolverPorts& ports) {
  if (!settings.http_entry_point.empty()) over_http_ = std::make_unique<HttpBoardSolver>(ports.board);
  if (settings.tls_challenge) over_tls_ = std::make_unique<AlpnBoardSolver>(ports.board, ports.clock);
  if (!settings.dns) return {};
  auto solver = make_dns_solver(*settings.dns, ports);
  if (!solver) return solver.error();
  over_dns_ = std::move(*solver);
  return {};
}

// The customer's key is one of the first CA.
AccountSettings Resolver::account_settings(const std::string& ca) const {
  AccountSettings settings = account_;
  if (ca != rules_.cas.front().url) settings.external.reset();
  return settings;
}

Client* Resolver::client(const std::string& ca) {
  const auto found = clients_.find(ca);
  return found == clients_.end() ? nullptr : found->second.get();
}

Solver* Resolver::solver_for(const std::vector<HostName>& names) {
  for (const HostName& name : names)
    if (name.is_wildcard()) return over_dns_.get();
  if (over_http_) return over_http_.get();
  return over_tls_ ? over_tls_.get() : over_dns_.get();
}

}  // namespace gatehouse::acme
