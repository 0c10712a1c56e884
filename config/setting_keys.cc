#include "config/setting_keys.h"

#include "config/quantities.h"
#include "config/setting_tree.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

EntryPointSettings& point(At at) {
  auto& points = at.settings.entry_points;
  const auto found = std::find_if(points.begin(), points.end(), [&](const auto& p) { return p.name == at.names[0]; });
  if (found != points.end()) return *found;
  points.push_back({});
  points.back().name = at.names[0];
  return points.back();
}

template <class T>
T& given(std::optional<T>& value) {
  return value ? *value : value.emplace();
}

template <class T>
T& element(std::vector<T>& list, const std::string& index) {
  const auto i = static_cast<std::size_t>(parse_number(index).value());
  if (i >= list.size()) list.resize(i + 1);
  return list[i];
}

DomainSettings& domain(At at) { return element(given(point(at).tls).domains, at.names[1]); }
InternalCaSettings& internal_ca(At at) { return given(at.settings.resolvers[at.names[0]].internal); }
TlsOptionsSettings& tls_options(At at) { return at.settings.tls.options[at.names[0]]; }
CertificateFiles& certificate(At at) { return element(at.settings.tls.certificates, at.names[0]); }

constexpr std::uint64_t ns(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count());
}

constexpr Limits between(Duration least, Duration most) {
  Limits limits;
  limits.least = ns(least);
  limits.most = ns(most);
  return limits;
}

Limits count(std::uint64_t least, std::uint64_t most) {
  Limits limits;
  limits.least = least;
  limits.most = most;
  return limits;
}

Limits bytes(std::uint64_t least, std::uint64_t most) {
  Limits limits = count(least, most);
  limits.bytes = true;
  return limits;
}

Limits count_or_auto(std::uint64_t most) {
  Limits limits = count(1, most);
  limits.zero_is_auto = true;
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

constexpr Limits any;

// No wait is endless; a year is as good as none.
constexpr Limits wait = between(1ms, 8760h);

using Keys = std::vector<SettingKey>;

Keys entry_point_keys() {
  return {
      {"entryPoints.<name>", [](At at) { point(at); }, any,
       "One named way in. `admin` is special: it serves `/ping`, `/ready`, `/metrics`, `/api` and the dashboard, and "
       "no routes."},
      {"entryPoints.<name>.address", [](At at) -> auto& { return point(at).listen; }, any,
       "Where to listen, `[host]:port` or a list of them. `:80` is IPv4 and IPv6, `0.0.0.0:80` only IPv4, `[::]:80` "
       "only IPv6. Required."},
      {"entryPoints.<name>.asDefault", [](At at) -> auto& { return point(at).as_default; }, any,
       "Routes that name no entry point use those marked so; when none is, all but `admin`."},
      {"entryPoints.<name>.required", [](At at) -> auto& { return point(at).required; }, any,
       "A port that is taken at start ends the program; with `false` it is tried again until it is free."},
      {"entryPoints.<name>.http.redirections.entryPoint.to",
       [](At at) -> auto& { return given(point(at).redirection).to; }, any,
       "Sends every plain request to this entry point (or `:port`), ACME challenges excepted. Required with the "
       "other redirection keys."},
      {"entryPoints.<name>.http.redirections.entryPoint.scheme",
       [](At at) -> auto& { return given(point(at).redirection).scheme; }, one_of({"https", "http"}),
       "Scheme of the redirected address."},
      {"entryPoints.<name>.http.redirections.entryPoint.permanent",
       [](At at) -> auto& { return given(point(at).redirection).permanent; }, any,
       "301 and 308 (by method) instead of 302 and 307."},
      {"entryPoints.<name>.http.tls", [](At at) { given(point(at).tls); }, any,
       "`{}` turns TLS on for every HTTP route of the entry point."},
      {"entryPoints.<name>.http.tls.certResolver", [](At at) -> auto& { return given(point(at).tls).cert_resolver; },
       any, "The certificates resolver that makes what no Secret or file provides."},
      {"entryPoints.<name>.http.tls.options", [](At at) -> auto& { return given(point(at).tls).options; }, any,
       "Name of the TLS options, those under tls.options, of all hosts that have none of their own. Empty: `default`."},
      {"entryPoints.<name>.http.tls.domains[].main", [](At at) -> auto& { return domain(at).main; }, host_names(),
       "First name of a certificate to have, whatever the routes say; may be a wildcard."},
      {"entryPoints.<name>.http.tls.domains[].sans", [](At at) -> auto& { return domain(at).sans; }, host_names(),
       "Further names of that certificate."},
      {"entryPoints.<name>.http.maxHeaderBytes", [](At at) -> auto& { return point(at).limits.head_bytes; },
       bytes(1024, 1 << 20), "Longest request head; 431 beyond."},
      {"entryPoints.<name>.http.maxTargetBytes", [](At at) -> auto& { return point(at).limits.target_bytes; },
       bytes(256, 1 << 20), "Longest path with query; 414 beyond."},
      {"entryPoints.<name>.http.maxHeaderFields", [](At at) -> auto& { return point(at).limits.fields; },
       count(8, 10000), "Most header fields in a request; 431 beyond."},
      {"entryPoints.<name>.http.checkServerName", [](At at) -> auto& { return point(at).check_server_name; },
       one_of({"never", "http2", "always"}),
       "Requests whose host the certificate shown to the connection's server name does not cover get 421: those of "
       "HTTP/2, whose clients share connections between hosts, or `always`."},
      {"entryPoints.<name>.http2.enabled", [](At at) -> auto& { return point(at).http2.enabled; }, any,
       "HTTP/2 is spoken with clients; over TLS they are offered it (ALPN)."},
      {"entryPoints.<name>.http2.cleartext", [](At at) -> auto& { return point(at).http2.cleartext; }, any,
       "Without TLS too, with clients that begin with it (prior knowledge); `Upgrade: h2c` is never followed."},
      {"entryPoints.<name>.http2.maxConcurrentStreams", [](At at) -> auto& { return point(at).limits.http2_streams; },
       count(1, 10000), "Requests that a client may have open at once on one HTTP/2 connection."},
      {"entryPoints.<name>.transport.respondingTimeouts.handshakeTimeout",
       [](At at) -> auto& { return point(at).timeouts.handshake; }, wait, "For the whole TLS handshake."},
      {"entryPoints.<name>.transport.respondingTimeouts.headTimeout",
       [](At at) -> auto& { return point(at).timeouts.head; }, wait,
       "From a request's first byte to the end of its head."},
      {"entryPoints.<name>.transport.respondingTimeouts.bodyIdleTimeout",
       [](At at) -> auto& { return point(at).timeouts.body_idle; }, wait,
       "Between two pieces of a request body; an upload may take any time while it moves."},
      {"entryPoints.<name>.transport.respondingTimeouts.writeIdleTimeout",
       [](At at) -> auto& { return point(at).timeouts.write_idle; }, wait,
       "While the client takes no byte of the answer; a download may take any time while it moves."},
      {"entryPoints.<name>.transport.respondingTimeouts.idleTimeout",
       [](At at) -> auto& { return point(at).timeouts.keep_alive; }, wait,
       "Between two requests on a kept-alive connection."},
      {"entryPoints.<name>.transport.respondingTimeouts.tunnelIdleTimeout",
       [](At at) -> auto& { return point(at).timeouts.tunnel_idle; }, wait,
       "A WebSocket or other upgraded connection without a byte either way."},
      {"entryPoints.<name>.transport.respondingTimeouts.tcpIdleTimeout",
       [](At at) -> auto& { return point(at).timeouts.tcp_idle; }, wait,
       "A raw TCP connection without a byte either way. Vanished peers are found earlier by TCP keep-alive."},
      {"entryPoints.<name>.transport.respondingTimeouts.sniffTimeout",
       [](At at) -> auto& { return point(at).timeouts.sniff; }, wait,
       "On an entry point with HTTP and raw TCP routes: a client silent for so long waits for the server to speak "
       "first."},
      {"entryPoints.<name>.transport.respondingTimeouts.proxyHeaderTimeout",
       [](At at) -> auto& { return point(at).timeouts.proxy_header; }, wait, "For the PROXY header."},
      {"entryPoints.<name>.transport.lifeCycle.requestAcceptGraceTimeout",
       [](At at) -> auto& { return point(at).life_cycle.request_accept_grace; }, between(0s, 1h),
       "How long to go on accepting after the stop signal, `/ready` already failing."},
      {"entryPoints.<name>.transport.lifeCycle.graceTimeOut", [](At at) -> auto& { return point(at).life_cycle.grace; },
       between(0s, 24h), "Then how long open connections may go on before they are closed."},
      {"entryPoints.<name>.transport.keepAliveMaxRequests",
       [](At at) -> auto& { return point(at).limits.requests_per_connection; }, count(0, 1'000'000'000),
       "Requests on one connection before it is closed politely; 0 is no limit."},
      {"entryPoints.<name>.proxyProtocol", [](At at) { given(point(at).proxy_protocol); }, any,
       "A PROXY header (v1 or v2) is expected from the trusted peers."},
      {"entryPoints.<name>.proxyProtocol.trustedIPs",
       [](At at) -> auto& { return given(point(at).proxy_protocol).trusted; }, any, "Peers that send one."},
      {"entryPoints.<name>.proxyProtocol.insecure",
       [](At at) -> auto& { return given(point(at).proxy_protocol).insecure; }, any, "Every peer sends one."},
      {"entryPoints.<name>.forwardedHeaders.trustedIPs",
       [](At at) -> auto& { return point(at).forwarded_headers.trusted; }, any,
       "Peers whose `X-Forwarded-*` headers are believed; everyone else's are removed."},
      {"entryPoints.<name>.forwardedHeaders.insecure",
       [](At at) -> auto& { return point(at).forwarded_headers.insecure; }, any, "Every peer is believed."},
      {"entryPoints.<name>.limits.connections", [](At at) -> auto& { return point(at).limits.connections; },
       count(0, 100'000'000),
       "Open connections, shared out among the workers; further ones are closed. 0: no limit of its own; "
       "those of all entry points together are at most half of the descriptors."},
      {"entryPoints.<name>.limits.connectionsPerAddress",
       [](At at) -> auto& { return point(at).limits.connections_per_address; }, count(0, 100'000'000),
       "Open connections of one client address (of IPv6: of one /64); further ones are closed. 0: half of all that may "
       "be "
       "open, and any number of a sender of PROXY headers."},
  };
}

Keys provider_keys() {
  return {
      {"providers.manifests", [](At at) { given(at.settings.manifests); }, any,
       "Routes from Kubernetes objects in files, watched."},
      {"providers.manifests.directory", [](At at) -> auto& { return given(at.settings.manifests).directory; }, any,
       "Folder of `.yaml` and `.yml` files."},
      {"providers.manifests.ingressClasses",
       [](At at) -> auto& { return given(at.settings.manifests).ingress_classes; }, any,
       "Class names that are ours without an IngressClass object."},
      {"providers.manifests.controllers", [](At at) -> auto& { return given(at.settings.manifests).controllers; }, any,
       "Controller strings of IngressClass objects that are ours."},
      {"providers.manifests.watchIngressWithoutClass",
       [](At at) -> auto& { return given(at.settings.manifests).ingress_without_class; }, any,
       "Ingresses that name no class are ours too."},
      {"providers.manifests.allowExternalNameServices",
       [](At at) -> auto& { return given(at.settings.manifests).allow_external_name_services; }, any,
       "Services of type ExternalName may be used."},
      {"providers.manifests.allowCrossNamespace",
       [](At at) -> auto& { return given(at.settings.manifests).allow_cross_namespace; }, any,
       "An IngressRouteTCP may name Services of other namespaces."},
  };
}

Keys certificate_keys() {
  return {
      {"certificatesResolvers.<name>.internal", [](At at) { internal_ca(at); }, any,
       "The built-in CA, for hosts no public CA can reach; `gatehouse ca root` prints what clients must trust."},
      {"certificatesResolvers.<name>.internal.storage", [](At at) -> auto& { return internal_ca(at).storage; }, any,
       "Folder that keeps its root key and certificates."},
      {"tls.options.<name>.minVersion", [](At at) -> auto& { return tls_options(at).min_version; },
       one_of({"VersionTLS12", "VersionTLS13"}), "Oldest TLS version spoken with clients."},
      {"tls.options.<name>.cipherSuites", [](At at) -> auto& { return tls_options(at).cipher_suites; },
       one_of({"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
               "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
               "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
               "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
               "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"}),
       "TLS 1.2 suites, best first; those of TLS 1.3 are always on. Empty: the built-in list."},
      {"tls.options.<name>.curvePreferences", [](At at) -> auto& { return tls_options(at).curve_preferences; },
       one_of({"X25519", "CurveP256", "CurveP384", "CurveP521"}), "Curves, best first. Empty: the built-in list."},
      {"tls.options.<name>.sniStrict", [](At at) -> auto& { return tls_options(at).sni_strict; }, any,
       "Refuses handshakes for names without a certificate instead of showing the default one; that of `default` is "
       "for "
       "all."},
      {"tls.options.<name>.clientAuth.clientAuthType", [](At at) -> auto& { return tls_options(at).client_auth; },
       one_of({"NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
               "RequireAndVerifyClientCert"}),
       "Which certificate clients must show. The last two need caFiles. Connections with certificates are never "
       "resumed."},
      {"tls.options.<name>.clientAuth.caFiles", [](At at) -> auto& { return tls_options(at).client_ca_files; }, any,
       "PEM files of the authorities that sign clients' certificates, each trusted as it is. There are no revocation "
       "lists: take an authority out, or let certificates live short."},
      {"tls.certificates[].certFile", [](At at) -> auto& { return certificate(at).cert_file; }, any,
       "A certificate chain, PEM."},
      {"tls.certificates[].keyFile", [](At at) -> auto& { return certificate(at).key_file; }, any,
       "Its private key, PEM."},
      {"tls.stores.default.defaultCertificate.certFile",
       [](At at) -> auto& { return given(at.settings.tls.default_certificate).cert_file; }, any,
       "The chain shown for names without a certificate. Without it: a self-signed one made at start."},
      {"tls.stores.default.defaultCertificate.keyFile",
       [](At at) -> auto& { return given(at.settings.tls.default_certificate).key_file; }, any,
       "Its private key, PEM."},
  };
}

Keys transport_keys() {
  return {
      {"serversTransport.insecureSkipVerify",
       [](At at) -> auto& { return at.settings.servers_transport.insecure_skip_verify; }, any,
       "Accepts any certificate from HTTPS upstreams."},
      {"serversTransport.rootCAs", [](At at) -> auto& { return at.settings.servers_transport.root_cas; }, any,
       "PEM files of CAs trusted for HTTPS upstreams. Empty: the system's."},
      {"serversTransport.disableHTTP2", [](At at) -> auto& { return at.settings.servers_transport.disable_http2; }, any,
       "HTTPS upstreams are spoken to in HTTP/1.1 even where they take HTTP/2."},
      {"serversTransport.forwardingTimeouts.dialTimeout",
       [](At at) -> auto& { return at.settings.servers_transport.timeouts.dial; }, wait,
       "To connect to one endpoint; then the next is tried."},
      {"serversTransport.forwardingTimeouts.responseHeaderTimeout",
       [](At at) -> auto& { return at.settings.servers_transport.timeouts.answer; }, wait,
       "From the end of the request to the head of the answer."},
      {"serversTransport.forwardingTimeouts.answerIdleTimeout",
       [](At at) -> auto& { return at.settings.servers_transport.timeouts.idle; }, wait,
       "Between two pieces of the answer."},
      {"serversTransport.forwardingTimeouts.idleConnTimeout",
       [](At at) -> auto& { return at.settings.servers_transport.timeouts.keep_alive; }, wait,
       "An idle upstream connection unused for so long is closed."},
  };
}

Keys program_keys() {
  return {
      {"log.level", [](At at) -> auto& { return at.settings.log.level; },
       one_of({"trace", "debug", "info", "warn", "error", "fatal"}), "Least important message that is written."},
      {"log.format", [](At at) -> auto& { return at.settings.log.format; }, one_of({"common", "json"}),
       "Lines for people or for programs."},
      {"log.filePath", [](At at) -> auto& { return at.settings.log.file_path; }, any,
       "Empty: standard error. SIGUSR1 opens the file again."},
      {"accessLog", [](At at) { given(at.settings.access_log); }, any,
       "`{}` turns on one line per request and per TCP connection."},
      {"accessLog.filePath", [](At at) -> auto& { return given(at.settings.access_log).file_path; }, any,
       "Empty: standard output. SIGUSR1 opens the file again."},
      {"accessLog.format", [](At at) -> auto& { return given(at.settings.access_log).format; },
       one_of({"common", "json"}), "Common Log Format or JSON."},
      {"metrics.prometheus", [](At at) { at.settings.admin_expected = true; }, any,
       "May be there; `/metrics` is always on entry point `admin`."},
      {"ping", [](At at) { at.settings.admin_expected = true; }, any,
       "May be there; `/ping` is always on entry point `admin`."},
      {"api", [](At at) { at.settings.admin_expected = true; }, any,
       "May be there; `/api` is always on entry point `admin`."},
      {"api.dashboard", [](At at) -> auto& { return at.settings.admin_expected; }, any,
       "May be there; the dashboard is always on entry point `admin`."},
      {"admin.allowedHosts", [](At at) -> auto& { return at.settings.admin_allowed_hosts; }, any,
       "Host names entry point `admin` answers to, besides IP addresses and `localhost`; `*` is any. Keeps foreign "
       "web pages in an operator's browser out."},
      {"workers", [](At at) -> auto& { return at.settings.workers; }, count_or_auto(1024),
       "Worker threads; `auto` is one per usable processor."},
  };
}

}  // namespace

const std::vector<SettingKey>& setting_keys() {
  static const std::vector<SettingKey> all = [] {
    std::vector<SettingKey> keys;
    for (const auto& part : {entry_point_keys(), provider_keys(), kubernetes_setting_keys(), acme_setting_keys(),
                             certificate_keys(), transport_keys(), program_keys()})
      keys.insert(keys.end(), part.begin(), part.end());
    return keys;
  }();
  return all;
}

}  // namespace gatehouse
