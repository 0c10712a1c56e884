// Settings: what the static configuration file says, as plain values. Made once at start and again on SIGHUP;
// config/translation turns it, with the routing objects, into a snapshot.
//
// Every key, its type, default, limits and meaning stand in one table (settings_keys.h), from which come the
// parser's checks, the suggestions and docs/configuration.md. The default of a key is the initial value here (or in
// the proxy's own structs); it is written nowhere else.
#pragma once

#include "config/certificate_request.h"
#include "config/problem.h"
#include "proxy/route/service.h"
#include "proxy/snapshot.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

// entryPoints.<name>.http.redirections.entryPoint
struct RedirectionSettings {
  std::string to;  // the name of another entry point, or `:port`
  std::string scheme = "https";
  bool permanent = true;
};

// A certificate to have: its first name and the others.
struct DomainSettings {
  std::string main;
  std::vector<std::string> sans;
};

// entryPoints.<name>.http.tls
struct EntryPointTlsSettings {
  std::string cert_resolver;  // key of Settings::resolvers, or empty
  std::string options;        // key of TlsSettings::options; empty: `default`
  std::vector<DomainSettings> domains;
};

// Whom to believe: PROXY headers, X-Forwarded-* headers.
struct TrustSettings {
  AddressRanges trusted;
  bool insecure = false;  // everyone
};

struct ListenSettings {
  std::vector<Endpoint> addresses;
  bool dual_stack = false;  // `:80`: the `[::]` among the addresses accepts IPv4 too
};

// entryPoints.<name>.transport.lifeCycle
struct LifeCycleSettings {
  Duration request_accept_grace = Duration::zero();  // keeps accepting this long after the stop signal
  Duration grace = std::chrono::seconds(10);         // then open connections have this long to finish
};

// entryPoints.<name>.http2
struct Http2Settings {
  bool enabled = true;
  bool cleartext = true;
};

struct EntryPointSettings {
  std::string name;
  ListenSettings listen;  // never empty
  bool as_default = false;
  bool required = true;
  std::optional<RedirectionSettings> redirection;
  std::optional<EntryPointTlsSettings> tls;
  std::optional<TrustSettings> proxy_protocol;  // given: a PROXY header is expected from the trusted
  TrustSettings forwarded_headers;
  ClientTimeouts timeouts;
  ClientLimits limits;
  LifeCycleSettings life_cycle;
  Http2Settings http2;
  ServerNameCheck check_server_name = ServerNameCheck::http2;

  // Serves ping, ready, metrics, api and dashboard instead of routes.
  bool admin() const { return name == "admin"; }
};

// providers.manifests
struct ManifestsSettings {
  std::string directory = "/etc/gatehouse/manifests";
  std::vector<std::string> ingress_classes = {"gatehouse"};
  std::vector<std::string> controllers = {"gatehouse.dev/ingress-controller"};
  bool ingress_without_class = false;
  bool allow_external_name_services = true;
  bool allow_cross_namespace = false;
};

// Secrets of the API server: all there are, or one by one those that accepted objects name.
enum class SecretAccess : std::uint8_t { all, referenced };

// providers.kubernetes: how the API server is reached and what is read there.
struct KubernetesAccessSettings {
  std::string endpoint;        // https://HOST:PORT; empty: the kubeconfig's, else the cluster this runs in
  std::string token;           // bearer token, with `endpoint`; empty: the service account's
  std::string cert_auth_file;  // PEM; empty: the service account's
  std::string kubeconfig;      // a file; empty: none
  std::string context;         // of the kubeconfig; empty: its current one
  std::vector<std::string> namespaces;  // empty: all
  std::string label_selector;
  SecretAccess secrets = SecretAccess::all;
  std::string cache;  // a file that keeps what was last read; empty: none

  bool operator==(const KubernetesAccessSettings&) const = default;
};

// providers.kubernetes: what is written there.
struct KubernetesReportSettings {
  bool update_status = true;
  bool events = true;
  std::string published_service = "auto";  // NAMESPACE/NAME whose addresses Ingresses show; auto: found; empty: none
  std::string ingress_ip, ingress_hostname;  // ingressEndpoint: fixed ones instead

  bool fixed_address() const { return !ingress_ip.empty() || !ingress_hostname.empty(); }
  bool operator==(const KubernetesReportSettings&) const = default;
};

struct LeaderElectionSettings {
  bool enabled = true;
  std::string ns;  // empty: that of this pod
  std::string name = "gatehouse";

  bool operator==(const LeaderElectionSettings&) const = default;
};

// Which namespaces may claim which hosts. A pattern is a name, `*.x` for everything below x, or `*` for all.
struct HostClaimSettings {
  std::vector<std::string> namespaces;
  std::vector<std::string> hosts;

  bool operator==(const HostClaimSettings&) const = default;
};

struct KubernetesSettings {
  KubernetesAccessSettings access;
  KubernetesReportSettings reports;
  LeaderElectionSettings leader_election;
  std::string ticket_keys_secret;  // in this pod's namespace; empty: session ticket keys are not shared

  std::vector<std::string> ingress_classes = {"gatehouse"};
  std::vector<std::string> controllers = {"gatehouse.dev/ingress-controller"};
  bool ingress_without_class = false;
  bool allow_external_name_services = false;
  std::vector<std::string> allowed_external_names;  // patterns as in HostClaimSettings; empty: all, once allowed
  bool allow_local_addresses = false;
  bool allow_cross_namespace = false;
  bool allow_shared_hosts = false;
  std::vector<HostClaimSettings> host_claims;
  std::string node_name, zone;  // where this runs, for topology hints; empty: not known
};

// certificatesResolvers.<name>.internal: the built-in CA.
struct InternalCaSettings {
  std::string storage = "/var/lib/gatehouse/ca";
};

// certificatesResolvers.<name>.acme.dnsChallenge: one of the three ways of writing a record, and how to see it.
struct Rfc2136Settings {
  std::string nameserver;  // host[:port]; empty: the zone's primary server as its SOA names it
  std::string zone;        // empty: found
  std::string key_name, key_algorithm = "hmac-sha256";
  std::string key_secret, key_secret_file;  // base64; at most one of them
  Duration ttl = std::chrono::seconds(60);
};
struct DnsProgramSettings {
  std::string program;  // absolute path; called as lego's exec provider calls it
  Duration timeout = std::chrono::minutes(1);
};
struct DnsWebhookSettings {
  std::string url;
  std::string user, password, password_file;  // basic authentication
  std::string token, token_file;              // or a bearer token
};
enum class PropagationCheck : std::uint8_t { every_server, one_server, resolvers, none };
struct DnsChallengeSection {
  std::optional<Rfc2136Settings> rfc2136;
  std::optional<DnsProgramSettings> program;
  std::optional<DnsWebhookSettings> webhook;
  std::vector<std::string> resolvers;  // ADDRESS[:PORT]; empty: the system's
  bool follow_cname = true;
  PropagationCheck check = PropagationCheck::every_server;
  bool disable_checks = false;      // Traefik's names for two values of `check`; load_settings makes them so
  bool disable_ans_checks = false;
  Duration delay_before_checks = Duration::zero();
  Duration propagation_timeout = std::chrono::minutes(2);
};

enum class CertificateKey : std::uint8_t { ec256, ec384, rsa2048, rsa3072, rsa4096 };

// Limits of a CA that it would rather have kept than refuse; the defaults are Let's Encrypt's. 0: no limit.
struct CaLimitSettings {
  std::size_t orders_per_account = 300;        // in 3 hours
  std::size_t certificates_per_domain = 50;    // of a registered domain, in 7 days
  std::size_t duplicate_certificates = 5;      // of one exact set of names, in 7 days
  std::size_t failed_validations = 5;          // of a host, in an hour
};

// certificatesResolvers.<name>.acme
struct AcmeSettings {
  std::string email;
  std::string ca_server = "https://acme-v02.api.letsencrypt.org/directory";
  std::vector<std::string> fallback_ca_servers;  // asked while the ones before them fail
  std::vector<std::string> ca_certificates;  // PEM files: whom to trust when talking to the CA; empty: the system
  std::string eab_kid, eab_hmac;  // external account binding; both or none
  std::string storage = "/var/lib/gatehouse/acme";  // a folder, or `kubernetes`: see in_secrets()
  CertificateKey key_type = CertificateKey::ec256;
  bool reuse_key = false;  // the same private key at renewal
  bool disable_common_name = false;
  std::string preferred_chain;
  std::string profile;
  std::string http_entry_point;  // httpChallenge.entryPoint; not empty: HTTP-01
  bool tls_challenge = false;  // tlsChallenge given: TLS-ALPN-01
  std::optional<DnsChallengeSection> dns;
  UntilIssued until_issued = UntilIssued::internal_ca;
  bool gather_hosts = false;
  std::vector<std::string> important;  // hosts that go first
  std::size_t reserve_percent = 20;
  Duration grace = std::chrono::hours(24 * 7);  // a certificate nobody asks for is kept this long
  CaLimitSettings limits;
  std::vector<std::string> cert_manager_issuers;  // issuers of cert-manager whose place this resolver takes

  // Kept in Secrets of this pod's namespace, which all replicas share.
  bool in_secrets() const { return storage == secrets_storage; }
  static constexpr std::string_view secrets_storage = "kubernetes";
};

// Exactly one of the kinds.
struct ResolverSettings {
  std::optional<InternalCaSettings> internal;
  std::optional<AcmeSettings> acme;
};

struct CertificateFiles {
  std::string cert_file;
  std::string key_file;
};

enum class TlsVersion { tls12, tls13 };

// tls.options.<name>
struct TlsOptionsSettings {
  TlsVersion min_version = TlsVersion::tls12;
  std::vector<std::string> cipher_suites;  // IANA names, TLS 1.2 only; empty: the built-in list
  std::vector<std::string> curve_preferences;  // Traefik's names: X25519, CurveP256, …; empty: the built-in list
  bool sni_strict = false;  // no default certificate for unknown names
  tls::ClientAuth client_auth = tls::ClientAuth::none;
  std::vector<std::string> client_ca_files;  // PEM
};

struct TlsSettings {
  static constexpr const char* default_options = "default";
  // By name as the settings give it; `default` is always there.
  std::map<std::string, TlsOptionsSettings> options = {{default_options, {}}};
  std::vector<CertificateFiles> certificates;
  std::optional<CertificateFiles> default_certificate;
};

// serversTransport: how services are reached unless they say otherwise.
struct ServersTransportSettings {
  bool insecure_skip_verify = false;
  std::vector<std::string> root_cas;  // PEM files; empty: the system's
  bool disable_http2 = false;         // HTTPS upstreams are not offered it
  UpstreamTimeouts timeouts;
};

enum class LogFormat { common, json };

struct LogSettings {
  std::string level = "info";  // trace, debug, info, warn, error, fatal
  LogFormat format = LogFormat::common;
  std::string file_path;  // empty: standard error
};

struct AccessLogSettings {
  std::string file_path;  // empty: standard output
  LogFormat format = LogFormat::common;
};

struct Settings {
  std::vector<EntryPointSettings> entry_points;  // in the file's order; 1 to 64; names differ
  std::optional<ManifestsSettings> manifests;
  std::optional<KubernetesSettings> kubernetes;
  std::map<std::string, ResolverSettings> resolvers;
  TlsSettings tls;
  ServersTransportSettings servers_transport;
  LogSettings log;
  std::optional<AccessLogSettings> access_log;  // given: on
  std::vector<std::string> admin_allowed_hosts;  // host names besides addresses and localhost; `*`: any
  bool admin_expected = false;  // ping, metrics or api were asked for
  std::size_t workers = 0;  // 0: one per usable processor

  const EntryPointSettings* entry_point(std::string_view name) const;
};

// Where settings come from; what stands further down wins.
struct SettingsSources {
  std::string file;  // its name, for problems
  std::string text;  // its content: YAML, 1 MiB at most
  std::map<std::string, std::string> environment;  // for ${VAR}, and GATEHOUSE_ENTRYPOINTS_WEB_ADDRESS=…
  std::vector<std::string> set;  // entryPoints.web.address=:80
};

struct SettingsOrProblems {
  std::optional<Settings> settings;  // there unless a problem is an error
  std::vector<Problem> problems;  // all there are (100 at most), warnings too, in the order of the file
};

// Reads no file and changes nothing outside; bounded in time and memory whatever the text.
SettingsOrProblems load_settings(const SettingsSources& sources);

// The same with the text read from `file`; a file that cannot be read is a problem.
SettingsOrProblems load_settings_file(const std::string& file, std::map<std::string, std::string> environment,
                                      std::vector<std::string> set);

// This process's environment, as SettingsSources wants it.
std::map<std::string, std::string> process_environment();

// docs/configuration.md: every key with type, default, limits and meaning (Markdown).
std::string configuration_reference();

}  // namespace gatehouse
