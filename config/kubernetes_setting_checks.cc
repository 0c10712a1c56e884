#include "config/kubernetes_setting_checks.h"

#include "config/name_pattern.h"
#include "proxy/http/url.h"

#include <algorithm>

namespace gatehouse {
namespace {

constexpr std::size_t most_namespaces = 1000;  // each costs watches of its own
constexpr std::size_t most_patterns = 10'000;
constexpr std::size_t longest_text = 8192;

bool has_control_bytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123 label, as Kubernetes wants it for namespaces.
bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

// RFC 1123 subdomain, as most other names are.
bool is_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  for (std::size_t start = 0; start <= text.size();) {
    const auto end = std::min(text.find('.', start), text.size());
    if (!is_label(text.substr(start, end - start))) return false;
    start = end + 1;
  }
  return true;
}

bool is_address(const std::string& text) {
  error_code error;
  asio::ip::make_address(text, error);
  return !error;
}

class KubernetesChecks {
 public:
  KubernetesChecks(const KubernetesSettings& settings, SettingComplaints& complaints)
      : settings_(settings), complaints_(complaints) {}

  void all() {
    access(settings_.access);
    reports(settings_.reports);
    if (there("ingressClass") && there("ingressClasses")) error("ingressClass", "give either this or ingressClasses");
    names();
    patterns("allowedExternalNames", settings_.allowed_external_names);
    if (!settings_.allowed_external_names.empty() && !settings_.allow_external_name_services)
      complaints_.warn(path("allowedExternalNames"), "means nothing without allowExternalNameServices");
    if (settings_.allow_external_name_services && settings_.allowed_external_names.empty())
      complaints_.warn(path("allowExternalNameServices"),
                       "whoever may write a Service reaches every name this proxy reaches: give allowedExternalNames");
    for (std::size_t i = 0; i < settings_.host_claims.size(); ++i) host_claim(i);
  }

 private:
  void access(const KubernetesAccessSettings& access) {
    if (!access.endpoint.empty()) endpoint(access);
    if (!access.endpoint.empty() && !access.kubeconfig.empty()) error("kubeconfig", "give either this or endpoint");
    if (!access.context.empty() && access.kubeconfig.empty()) error("context", "needs kubeconfig");
    if (!access.token.empty() && access.endpoint.empty()) error("token", "needs endpoint");
    if (!access.cert_auth_file.empty() && access.endpoint.empty()) error("certAuthFilePath", "needs endpoint");
    for (const auto& [key, text] : {std::pair("token", &access.token),
                                    {"certAuthFilePath", &access.cert_auth_file},
                                    {"kubeconfig", &access.kubeconfig},
                                    {"context", &access.context},
                                    {"labelSelector", &access.label_selector},
                                    {"cache", &access.cache}})
      plain_text(key, *text);
    namespaces("namespaces", access.namespaces);
  }

  void endpoint(const KubernetesAccessSettings& access) {
    const auto url = parse_url(access.endpoint);
    if (has_control_bytes(access.endpoint) || !url)
      error("endpoint", quoted(access.endpoint) + " is not a URL");
    else if (!url->tls && !access.token.empty())
      error("endpoint", "a token is sent by https only");
  }

  void reports(const KubernetesReportSettings& reports) {
    const std::string& service = reports.published_service;
    const auto slash = service.find('/');
    const bool is_pair =
        slash != std::string::npos && is_label(service.substr(0, slash)) && is_label(service.substr(slash + 1));
    if (!service.empty() && service != "auto" && !is_pair)
      error("publishedService", quoted(service) + " is not NAMESPACE/NAME, auto or empty");
    if (!reports.ingress_ip.empty() && !is_address(reports.ingress_ip))
      error("ingressEndpoint.ip", quoted(reports.ingress_ip) + " is not an IP address");
    if (!reports.ingress_hostname.empty() &&
        (!HostName::parse(reports.ingress_hostname) || is_address(reports.ingress_hostname)))
      error("ingressEndpoint.hostname", quoted(reports.ingress_hostname) + " is not a DNS name");
    if (reports.fixed_address() && there("publishedService") && !service.empty())
      error("ingressEndpoint", "give either this or publishedService");
  }

  void names() {
    const auto& election = settings_.leader_election;
    if (!is_subdomain(election.name)) error("leaderElection.name", quoted(election.name) + " is not an object's name");
    if (!election.ns.empty()) namespaces("leaderElection.namespace", {election.ns});
    if (!settings_.ticket_keys_secret.empty() && !is_subdomain(settings_.ticket_keys_secret))
      error("ticketKeysSecret", quoted(settings_.ticket_keys_secret) + " is not an object's name");
    if (!settings_.node_name.empty() && !is_subdomain(settings_.node_name))
      error("nodeName", quoted(settings_.node_name) + " is not a node's name");
    if (settings_.zone.size() > 63 || has_control_bytes(settings_.zone))
      error("zone", quoted(settings_.zone) + " is not a zone's name");
  }

  void host_claim(std::size_t index) {
    const HostClaimSettings& claim = settings_.host_claims[index];
    const std::string key = "hostClaims[" + std::to_string(index) + "]";
    if (claim.namespaces.empty() && !there(key + ".namespaces")) error(key, "needs namespaces");
    if (claim.hosts.empty() && !there(key + ".hosts")) error(key, "needs hosts");
    namespaces(key + ".namespaces", claim.namespaces);
    patterns(key + ".hosts", claim.hosts);
  }

  void namespaces(const std::string& key, const std::vector<std::string>& names) {
    if (names.size() > most_namespaces) error(key, "there are more than " + std::to_string(most_namespaces));
    for (const std::string& name : names)
      if (!is_label(name)) error(key, quoted(name) + " is not a namespace's name");
  }

  void patterns(const std::string& key, const std::vector<std::string>& texts) {
    if (texts.size() > most_patterns) error(key, "there are more than " + std::to_string(most_patterns));
    for (const std::string& text : texts)
      if (!NamePattern::parse(text)) error(key, quoted(text) + " is not a name, *.NAME or *");
  }

  void plain_text(const std::string& key, const std::string& text) {
    if (text.size() > longest_text) error(key, "is longer than " + std::to_string(longest_text) + " bytes");
    if (has_control_bytes(text)) error(key, "contains a line break or another control character");
  }

  static std::string path(const std::string& key) { return "providers.kubernetes." + key; }
  bool there(const std::string& key) const { return complaints_.there(path(key)); }
  void error(const std::string& key, std::string words) { complaints_.error(path(key), std::move(words)); }

  const KubernetesSettings& settings_;
  SettingComplaints& complaints_;
};

}  // namespace

void check_kubernetes(const KubernetesSettings& kubernetes, SettingComplaints& complaints) {
  KubernetesChecks(kubernetes, complaints).all();
}

}  // namespace gatehouse
