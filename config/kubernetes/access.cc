#include "config/kubernetes/access.h"

#include "base/names.h"
#include "base/regular_file.h"
#include "config/kubernetes/kubeconfig.h"
#include "proxy/http/url.h"

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t max_namespace_bytes = 1024;

std::string_view trimmed(std::string_view text) {
  constexpr const char* blanks = " \t\r\n";
  const auto start = text.find_first_not_of(blanks);
  return start == std::string_view::npos ? "" : text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

std::string_view value_of(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string_view() : std::string_view(found->second);
}

bool is_pod(const Environment& environment) {
  return !value_of(environment, "KUBERNETES_SERVICE_HOST").empty() &&
         !value_of(environment, "KUBERNETES_SERVICE_PORT").empty();
}

FoundAccess refused(std::string words) { return {std::nullopt, {Problem{.words = std::move(words)}}}; }

std::string host_in_url(std::string_view host) {
  const bool bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_v6 ? "[" + std::string(host) + "]" : std::string(host);
}

// The name of a file of the service account, if it is there.
std::string file_in(const std::filesystem::path& folder, const char* name) {
  const auto path = folder / name;
  std::error_code unknown;
  return std::filesystem::exists(path, unknown) ? path.string() : std::string();
}

std::string namespace_in(const std::filesystem::path& folder) {
  auto read = read_regular_file(folder / "namespace", max_namespace_bytes);
  return read ? std::string(trimmed(read->text)) : std::string();
}

FoundAccess at_endpoint(const AccessWishes& wishes, const std::filesystem::path& folder) {
  Access access{.server = wishes.endpoint};
  access.own_namespace = namespace_in(folder);
  access.origin = "providers.kubernetes.endpoint";
  access.ca.file = wishes.cert_auth_file.empty() ? file_in(folder, "ca.crt") : wishes.cert_auth_file;
  access.token.text = std::string(trimmed(wishes.token));
  // Over plain HTTP somebody else (kubectl proxy) says who asks.
  if (wishes.token.empty() && !wishes.endpoint.starts_with("http://")) access.token.file = file_in(folder, "token");
  FoundAccess found{std::move(access)};
  check(found, {.object = "providers.kubernetes.endpoint"});
  return found;
}

bool is_loopback(const std::string& host) {
  const auto address = parse_address(host);
  return address ? unmapped(*address).is_loopback() : host == "localhost";
}

}  // namespace

bool may_carry_secrets(const std::string& server) {
  const auto url = parse_url(server);
  return url && (url->tls || is_loopback(url->host));
}

void check(FoundAccess& found, const Problem& at) {
  const auto say = [&](Severity severity, std::string words) {
    Problem problem = at;
    problem.severity = severity;
    problem.words = std::move(words);
    found.problems.push_back(std::move(problem));
  };
  Access& access = *found.access;
  const auto url = parse_url(access.server);
  while (access.server.ends_with('/')) access.server.pop_back();
  const bool secret = access.token.given() || access.key.given();
  if (!url)
    say(Severity::error, url.error().detail + "; write it as https://HOST:PORT");
  else if (url->target.find('?') != std::string::npos)
    say(Severity::error, "the server's URL has a query");
  else if (secret && !may_carry_secrets(access.server))
    say(Severity::error, "a token is never sent over plain http to another machine; write https://");
  else if (!url->tls && !is_loopback(url->host))
    say(Severity::warning, "the API server is asked over plain http: whoever is on the way may change the routes");
  if (access.certificate.given() != access.key.given())
    say(Severity::error, "a client certificate and its key are given together or not at all");
  if (access.insecure && access.ca.given())
    say(Severity::error, "either a certificate authority or insecure-skip-tls-verify, not both");
  else if (access.insecure)
    say(Severity::warning,
        "insecure-skip-tls-verify: whoever is on the way can read the token and change the routes; give the "
        "certificate authority instead");
  if (has_error(found.problems)) found.access.reset();
}

FoundAccess in_cluster(const Environment& environment, const std::filesystem::path& folder) {
  if (!is_pod(environment))
    return refused("this does not run in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  Access access;
  access.server = "https://" + host_in_url(value_of(environment, "KUBERNETES_SERVICE_HOST")) + ":" +
                  std::string(value_of(environment, "KUBERNETES_SERVICE_PORT"));
  access.token.file = (folder / "token").string();
  access.ca.file = (folder / "ca.crt").string();
  access.own_namespace = namespace_in(folder);
  access.origin = "the cluster this runs in";
  FoundAccess found{std::move(access)};
  for (const char* name : {"token", "ca.crt"})
    if (file_in(folder, name).empty())
      found.problems.push_back({.file = (folder / name).string(),
                                .words = "does not exist; the pod needs a service account "
                                         "(automountServiceAccountToken), or set providers.kubernetes.kubeconfig"});
  check(found, {.file = "environment variable KUBERNETES_SERVICE_HOST"});
  return found;
}

FoundAccess find_access(const AccessWishes& wishes, const Environment& environment,
                        const std::filesystem::path& folder) {
  if (!wishes.kubeconfig.empty()) return from_kubeconfig_files({wishes.kubeconfig}, wishes.context);
  if (!wishes.endpoint.empty()) return at_endpoint(wishes, folder);
  if (is_pod(environment)) return in_cluster(environment, folder);
  const auto files = kubeconfig_files(value_of(environment, "KUBECONFIG"));
  if (!files.empty()) return from_kubeconfig_files(files, wishes.context);
  return refused(
      "no API server is known: this does not run in a pod, and KUBECONFIG is not set; set "
      "providers.kubernetes.kubeconfig or providers.kubernetes.endpoint");
}

}  // namespace gatehouse::kubernetes
