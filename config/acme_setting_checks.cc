#include "config/acme_setting_checks.h"

#include "proxy/http/url.h"

#include <algorithm>

namespace gatehouse {
namespace {

// Goes into a header, a DNS message or a request to the CA as it is.
bool has_control_bytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

bool is_loopback(const std::string& host) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

// What is not cannot be kept in a record of the storage, nor stand in a URL.
bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Loose: the CA knows better what it can write to.
bool is_email(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at != 0 && at + 1 < text.size() && text.size() <= 254 &&
         text.find_first_of(",;<>@", at + 1) == std::string_view::npos && is_visible_ascii(text);
}

class AcmeChecks {
 public:
  AcmeChecks(const AcmeSettings& acme, const Settings& all, std::string path, SettingComplaints& complaints)
      : acme_(acme), all_(all), path_(std::move(path)), complaints_(complaints) {}

  void all() {
    account();
    challenges();
    if (acme_.dns) dns(*acme_.dns, path_ + ".dnsChallenge");
    if (acme_.until_issued == UntilIssued::internal_ca && complaints_.there(path_ + ".untilIssued") && !has_internal())
      complaints_.warn(path_,
                       "untilIssued: there is no resolver with `internal: {}`, so the default certificate "
                       "is shown");
  }

 private:
  void account() {
    if (!acme_.email.empty() && !is_email(acme_.email))
      error("email", quoted(acme_.email) + " is not an e-mail address");
    directory("caServer", acme_.ca_server);
    for (std::size_t i = 0; i < acme_.fallback_ca_servers.size(); ++i) {
      directory("fallbackCAServers", acme_.fallback_ca_servers[i]);
      const auto end = acme_.fallback_ca_servers.begin() + static_cast<std::ptrdiff_t>(i);
      if (acme_.fallback_ca_servers[i] == acme_.ca_server ||
          std::find(acme_.fallback_ca_servers.begin(), end, *end) != end)
        error("fallbackCAServers", quoted(*end) + " is there twice");
    }
    if (acme_.eab_kid.empty() != acme_.eab_hmac.empty()) error("eab", "needs both kid and hmacEncoded");
    plain_text("eab.kid", acme_.eab_kid);
    plain_text("eab.hmacEncoded", acme_.eab_hmac);
    plain_text("preferredChain", acme_.preferred_chain);
    plain_text("profile", acme_.profile);
    if (acme_.storage.empty()) error("storage", "is empty");
    if (acme_.in_secrets() && !all_.kubernetes)
      error("storage", "kubernetes needs providers.kubernetes (./kubernetes is a folder of that name)");
  }

  // A key and a certificate are worth nothing if anyone on the way can change them.
  void directory(const std::string& key, const std::string& text) {
    const auto url = parse_url(text);
    if (has_control_bytes(text) || !url)
      error(key, quoted(text) + " is not a URL");
    else if (!url->tls && !is_loopback(url->host))
      error(key, quoted(text) + ": the CA must be reached by https (http only on this machine)");
  }

  void challenges() {
    if (complaints_.there(path_ + ".httpChallenge") && acme_.http_entry_point.empty())
      error("httpChallenge", "needs entryPoint: the one at port 80");
    else if (!acme_.http_entry_point.empty())
      http_entry_point();
    else if (!acme_.tls_challenge && !acme_.dns)
      complaints_.error(path_, "has no challenge: give httpChallenge, tlsChallenge or dnsChallenge");
    if (acme_.tls_challenge && !behind_service() && !listens_on(443))
      complaints_.warn(path_ + ".tlsChallenge", "the CA asks port 443, which no entry point has: it must lead here");
  }

  void http_entry_point() {
    const auto* point = all_.entry_point(acme_.http_entry_point);
    if (point == nullptr)
      return error("httpChallenge.entryPoint", "there is no entry point " + quoted(acme_.http_entry_point));
    if (point->admin()) return error("httpChallenge.entryPoint", "entry point admin answers no challenges");
    const auto& addresses = point->listen.addresses;
    if (!behind_service() &&
        std::none_of(addresses.begin(), addresses.end(), [](const Endpoint& e) { return e.port == 80; }))
      complaints_.warn(path_ + ".httpChallenge.entryPoint",
                       "the CA asks port 80, which is not this entry point's: it must lead here");
  }

  // In a cluster ports 80 and 443 are those of a Service, which leads to whatever ports a pod has.
  bool behind_service() const { return all_.kubernetes.has_value(); }

  bool listens_on(std::uint16_t port) const {
    return std::any_of(all_.entry_points.begin(), all_.entry_points.end(), [&](const EntryPointSettings& point) {
      const auto& addresses = point.listen.addresses;
      return std::any_of(addresses.begin(), addresses.end(), [&](const Endpoint& e) { return e.port == port; });
    });
  }

  bool has_internal() const {
    return std::any_of(all_.resolvers.begin(), all_.resolvers.end(),
                       [](const auto& resolver) { return resolver.second.internal.has_value(); });
  }

  void dns(const DnsChallengeSection& dns, const std::string& path) {
    const int ways = int{dns.rfc2136.has_value()} + int{dns.program.has_value()} + int{dns.webhook.has_value()};
    const bool said = complaints_.there(path + ".provider") || complaints_.there(path + ".exec");  // it was refused
    if (ways > 1 || (ways == 0 && !said)) complaints_.error(path, "needs one of rfc2136, exec and webhook");
    if ((dns.disable_checks && dns.disable_ans_checks) ||
        (complaints_.there(path + ".propagation.check") && (dns.disable_checks || dns.disable_ans_checks)))
      complaints_.error(path + ".propagation", "give only `check`: none, resolvers, one or every");
    if (dns.rfc2136) rfc2136(*dns.rfc2136);
    if (dns.program && !dns.program->program.starts_with('/'))
      error("dnsChallenge.exec.program", "must be an absolute path");
    if (dns.program) plain_text("dnsChallenge.exec.program", dns.program->program);
    if (dns.webhook) webhook(*dns.webhook);
  }

  void rfc2136(const Rfc2136Settings& settings) {
    const std::string key = "dnsChallenge.rfc2136";
    const bool secret = !settings.key_secret.empty() || !settings.key_secret_file.empty();
    if (!settings.key_secret.empty() && !settings.key_secret_file.empty())
      error(key, "has both tsigSecret and tsigSecretFile");
    else if (settings.key_name.empty() == secret)
      error(key, "a TSIG key needs both its name and its secret");
    plain_text(key + ".nameserver", settings.nameserver);
    plain_text(key + ".tsigKeyName", settings.key_name);
    plain_text(key + ".tsigSecret", settings.key_secret);
  }

  void webhook(const DnsWebhookSettings& settings) {
    const std::string key = "dnsChallenge.webhook";
    if (settings.url.empty()) return error(key, "needs url");
    if (has_control_bytes(settings.url) || !parse_url(settings.url))
      error(key + ".url", quoted(settings.url) + " is not a URL");
    if (!settings.password.empty() && !settings.password_file.empty()) error(key, "has both password and passwordFile");
    if (!settings.token.empty() && !settings.token_file.empty()) error(key, "has both token and tokenFile");
    const bool password = !settings.password.empty() || !settings.password_file.empty();
    if (!settings.user.empty() && !(settings.token.empty() && settings.token_file.empty()))
      error(key, "has both a user and a token");
    else if (settings.user.empty() && password)
      error(key, "a password needs a user");
    if (settings.user.find(':') != std::string::npos) error(key + ".user", "must not contain a colon");
    plain_text(key + ".user", settings.user);
    plain_text(key + ".password", settings.password);
    plain_text(key + ".token", settings.token);
  }

  void plain_text(const std::string& key, const std::string& text) {
    if (has_control_bytes(text)) error(key, "contains a line break or another control character");
  }

  void error(const std::string& key, std::string words) { complaints_.error(path_ + "." + key, std::move(words)); }

  const AcmeSettings& acme_;
  const Settings& all_;
  const std::string path_;
  SettingComplaints& complaints_;
};

}  // namespace

void check_acme(const AcmeSettings& acme, const Settings& all, const std::string& path, SettingComplaints& complaints) {
  AcmeChecks(acme, all, path, complaints).all();
}

}  // namespace gatehouse
