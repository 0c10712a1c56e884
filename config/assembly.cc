#include "config/assembly.h"

#include "base/regular_file.h"

namespace gatehouse {
namespace {

Problem error_in(std::string file, std::string key, std::string words) {
  return {std::move(file), 0, 0, Severity::error, std::move(key), std::move(words)};
}

// Where a redirection leads, as the client writes it: nothing for the scheme's own port.
std::string redirection_port(const RedirectionSettings& redirection, const Settings& all) {
  std::string port;
  if (redirection.to.starts_with(':'))
    port = redirection.to.substr(1);
  else if (const auto* target = all.entry_point(redirection.to))
    port = std::to_string(target->listen.addresses.at(0).port);
  return port == (redirection.scheme == "https" ? "443" : "80") ? "" : port;
}

std::vector<std::vector<HostName>> domains_of(const EntryPointSettings& settings, std::vector<Problem>& problems) {
  std::vector<std::vector<HostName>> domains;
  if (!settings.tls) return domains;
  const auto add = [&](const std::string& text) {
    auto name = HostName::parse_with_wildcard(text);
    if (name)
      domains.back().push_back(std::move(*name));
    else
      problems.push_back(error_in("", "entryPoints." + settings.name + ".http.tls.domains", name.error().detail));
  };
  for (const auto& domain : settings.tls->domains) {
    domains.emplace_back();
    if (!domain.main.empty()) add(domain.main);
    for (const auto& name : domain.sans) add(name);
  }
  return domains;
}

EntryPointInput make_input(const EntryPointSettings& settings, const Settings& all, std::vector<Problem>& problems) {
  EntryPointInput input;
  input.entry_point = make_entry_point(settings, all);
  input.as_default = settings.as_default;
  if (settings.tls) input.cert_resolver = settings.tls->cert_resolver;
  input.domains = domains_of(settings, problems);
  return input;
}

ProviderRules rules_of(const ManifestsSettings& settings) {
  ProviderRules rules;
  rules.classes = {settings.ingress_classes, settings.controllers, settings.ingress_without_class};
  rules.allow_external_names = settings.allow_external_name_services;
  rules.allow_cross_namespace = settings.allow_cross_namespace;
  return rules;
}

// The settings have been checked.
std::vector<NamePattern> patterns_of(const std::vector<std::string>& texts) {
  std::vector<NamePattern> patterns;
  for (const auto& text : texts)
    if (auto pattern = NamePattern::parse(text)) patterns.push_back(std::move(*pattern));
  return patterns;
}

std::shared_ptr<const HostClaims> claims_of(const std::vector<HostClaimSettings>& settings) {
  if (settings.empty()) return nullptr;
  std::vector<HostClaims::Rule> rules;
  rules.reserve(settings.size());
  for (const auto& claim : settings) rules.push_back({claim.namespaces, patterns_of(claim.hosts)});
  return std::make_shared<const HostClaims>(rules);
}

ProviderRules rules_of(const KubernetesSettings& settings) {
  ProviderRules rules;
  rules.classes = {settings.ingress_classes, settings.controllers, settings.ingress_without_class};
  rules.allow_external_names = settings.allow_external_name_services;
  rules.external_names = patterns_of(settings.allowed_external_names);
  rules.allow_local_addresses = settings.allow_local_addresses;
  rules.allow_cross_namespace = settings.allow_cross_namespace;
  rules.host_claims = claims_of(settings.host_claims);
  rules.shared_hosts = settings.allow_shared_hosts;
  rules.node = settings.node_name;
  rules.zone = settings.zone;
  return rules;
}

// Nothing when one of them cannot be read: then those read last stay trusted.
std::optional<std::string> read_roots(const std::vector<std::string>& files, const std::string& key,
                                      std::vector<Problem>& problems) {
  std::string pem;
  bool whole = true;
  for (const auto& file : files) {
    auto read = read_regular_file(file, tls::Certificate::max_pem_bytes);
    if (read)
      pem += read->text + "\n";
    else
      whole = false, problems.push_back(error_in(file, key, read.error().detail));
  }
  return whole ? std::optional(pem) : std::nullopt;
}

tls::ServerPolicy server_policy(const TlsOptionsSettings& options) {
  tls::ServerPolicy policy;
  policy.min_version = options.min_version == TlsVersion::tls13 ? tls::Version::tls13 : tls::Version::tls12;
  policy.cipher_suites = options.cipher_suites;
  policy.curves = options.curve_preferences;
  policy.client_auth = options.client_auth;
  return policy;
}

}  // namespace

EntryPoint make_entry_point(const EntryPointSettings& settings, const Settings& all) {
  EntryPoint entry_point;
  entry_point.name = settings.name;
  entry_point.addresses = settings.listen.addresses;
  entry_point.dual_stack = settings.listen.dual_stack;
  entry_point.admin = settings.admin();
  entry_point.required = settings.required;
  entry_point.tls.required = settings.tls.has_value();
  if (settings.redirection)
    entry_point.redirection = Redirection{settings.redirection->scheme, redirection_port(*settings.redirection, all),
                                          settings.redirection->permanent};
  if (settings.proxy_protocol) {
    entry_point.proxy_protocol = true;
    entry_point.proxy_protocol_from = settings.proxy_protocol->trusted;
    entry_point.proxy_protocol_from_all = settings.proxy_protocol->insecure;
  }
  entry_point.forwarded_from = settings.forwarded_headers.trusted;
  entry_point.forwarded_from_all = settings.forwarded_headers.insecure;
  entry_point.timeouts = settings.timeouts;
  entry_point.limits = settings.limits;
  entry_point.http2_cleartext = settings.http2.enabled && settings.http2.cleartext;
  entry_point.check_server_name = settings.check_server_name;
  return entry_point;
}

Assembly::Assembly(Clock& clock, Purpose purpose)
    : clock_(clock), purpose_(purpose), ticket_keys_(std::make_shared<tls::TicketKeys>(clock.wall_now())) {}

TranslationInput Assembly::assemble(const Settings& settings, std::vector<Problem>& problems) {
  use_tls_options(settings.tls, problems);
  use_client_context(settings.servers_transport, problems);
  use_internal_ca(settings, problems);

  TranslationInput input;
  for (const auto& entry_point : settings.entry_points) {
    input.entry_points.push_back(make_input(entry_point, settings, problems));
    input.entry_points.back().entry_point.tls = entry_point_tls(entry_point);
  }
  if (settings.manifests) input.manifests = rules_of(*settings.manifests);
  if (settings.kubernetes) input.kubernetes = rules_of(*settings.kubernetes);
  input.upstream_timeouts = settings.servers_transport.timeouts;
  if (transport_) input.upstream_tls = transport_->context;
  for (const auto& [name, resolver] : settings.resolvers) {
    input.resolvers.insert(name);
    if (resolver.internal) input.internal_resolvers.insert(name);
    if (resolver.acme)
      input.acme_resolvers[name] = AcmeResolver{resolver.acme->until_issued, resolver.acme->cert_manager_issuers};
  }
  input.internal_ca = internal_ca_;
  for (std::size_t i = 0; i < settings.tls.certificates.size(); ++i)
    if (auto found = certificate(settings.tls.certificates[i], "tls.certificates[" + std::to_string(i) + "]", problems))
      input.certificates.push_back(std::move(found));
  input.default_certificate = default_certificate(settings.tls, problems);
  input.strict_sni = settings.tls.options.at(TlsSettings::default_options).sni_strict;
  for (const auto& [name, made] : terminations_) input.tls_options.emplace(name, made.options);
  return input;
}

void Assembly::use_tls_options(const TlsSettings& settings, std::vector<Problem>& problems) {
  std::erase_if(terminations_, [&](const auto& known) { return !settings.options.contains(known.first); });
  const bool strict_for_all = settings.options.at(TlsSettings::default_options).sni_strict;
  for (auto [name, options] : settings.options) {
    options.sni_strict = options.sni_strict || strict_for_all;
    use_tls_options(name, options, problems);
  }
}

// Authorities that cannot be read stay those that were read last, and at first there are none, so that nobody is let
// in: never is a certificate that was asked for not asked for.
void Assembly::use_tls_options(const std::string& name, const TlsOptionsSettings& settings,
                               std::vector<Problem>& problems) {
  const std::string key = "tls.options." + name;
  const auto known = terminations_.find(name);
  const std::string last_good = known == terminations_.end() ? std::string() : known->second.policy.client_ca_pem;
  tls::ServerPolicy policy = server_policy(settings);
  auto authorities = read_roots(settings.client_ca_files, key + ".clientAuth.caFiles", problems);
  policy.client_ca_pem = authorities.value_or(last_good);
  const bool is_known = known != terminations_.end() && known->second.policy == policy &&
                        known->second.options->sni_strict == settings.sni_strict;
  if (is_known) return;
  auto made = make_tls_options(name, policy, settings.sni_strict, ticket_keys_);
  if (!made) {
    problems.push_back(error_in("", key, made.error().detail));
    policy.client_ca_pem = last_good;
    made = make_tls_options(name, policy, settings.sni_strict, ticket_keys_);
  }
  if (made)
    terminations_[name] = {std::move(policy), std::move(*made)};
  else
    terminations_.erase(name);  // whoever wants them is refused
}

EntryPointTls Assembly::entry_point_tls(const EntryPointSettings& settings) const {
  EntryPointTls tls;
  tls.required = settings.tls.has_value();
  tls.http2 = settings.http2.enabled;
  const bool names = settings.tls && !settings.tls->options.empty();
  const auto made = terminations_.find(names ? settings.tls->options : TlsSettings::default_options);
  if (made != terminations_.end()) tls.options = made->second.options;
  return tls;
}

void Assembly::use_client_context(const ServersTransportSettings& settings, std::vector<Problem>& problems) {
  tls::ClientPolicy policy;
  policy.verify = !settings.insecure_skip_verify;
  auto roots = read_roots(settings.root_cas, "serversTransport.rootCAs", problems);
  if (!roots) return;
  policy.ca_pem = std::move(*roots);
  if (!settings.disable_http2) policy.alpn = {"h2", "http/1.1"};
  if (transport_ && transport_->policy == policy) return;
  auto context = tls::make_client_context(policy);
  if (context)
    transport_ = {std::move(policy), std::move(*context)};
  else
    problems.push_back(error_in("", "serversTransport", context.error().detail));
}

void Assembly::use_internal_ca(const Settings& settings, std::vector<Problem>& problems) {
  const InternalCaSettings* wanted = nullptr;
  for (const auto& [name, resolver] : settings.resolvers) {
    if (!resolver.internal) continue;
    if (wanted != nullptr && wanted->storage != resolver.internal->storage)
      problems.push_back(error_in("", "certificatesResolvers." + name + ".internal.storage",
                                  "there is one built-in CA; the one in '" + wanted->storage + "' is used"));
    else
      wanted = &*resolver.internal;
  }
  if (wanted == nullptr) internal_ca_ = nullptr;
  if (wanted == nullptr || (internal_ca_ && ca_storage_ == wanted->storage)) return;
  auto ca = load_ca(wanted->storage);
  if (!ca) return problems.push_back(error_in(wanted->storage, "", ca.error().detail));
  internal_ca_ = std::move(*ca);
  ca_storage_ = wanted->storage;
}

Result<std::shared_ptr<const tls::InternalCa>> Assembly::load_ca(const std::string& storage) {
  if (purpose_ == Purpose::serve) return tls::InternalCa::load_or_create(storage, clock_.wall_now());
  auto stand_in = tls::make_self_signed({}, clock_.wall_now());
  if (!stand_in) return stand_in.error();
  return std::make_shared<const tls::InternalCa>(std::move(*stand_in));
}

tls::CertificatePtr Assembly::certificate(const CertificateFiles& files, const std::string& key,
                                          std::vector<Problem>& problems) {
  auto& last_good = certificates_[files.cert_file + '\n' + files.key_file];
  auto chain = read_regular_file(files.cert_file, tls::Certificate::max_pem_bytes);
  auto secret = read_regular_file(files.key_file, tls::Certificate::max_pem_bytes);
  if (!chain) problems.push_back(error_in(files.cert_file, key, chain.error().detail));
  if (!secret) problems.push_back(error_in(files.key_file, key, secret.error().detail));
  if (!chain || !secret) return last_good;
  auto parsed = tls::Certificate::from_pem(chain->text, secret->text);
  if (!parsed)
    problems.push_back(error_in(files.cert_file, key, parsed.error().detail));
  else if (!last_good || last_good->pem() != (*parsed)->pem())
    last_good = std::move(*parsed);
  return last_good;
}

tls::CertificatePtr Assembly::default_certificate(const TlsSettings& settings, std::vector<Problem>& problems) {
  if (settings.default_certificate)
    if (auto found = certificate(*settings.default_certificate, "tls.stores.default.defaultCertificate", problems))
      return found;
  if (!self_signed_ || self_signed_->not_after() < clock_.wall_now() + std::chrono::hours(24 * 30)) {
    auto made = tls::make_self_signed({}, clock_.wall_now());
    if (made)
      self_signed_ = std::move(*made);
    else
      problems.push_back(error_in("", "", made.error().detail));
  }
  return self_signed_;
}

}  // namespace gatehouse
