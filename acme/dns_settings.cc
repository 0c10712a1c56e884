#include "acme/dns_settings.h"

#include "acme/dns_servers.h"
#include "acme/program_solver.h"
#include "acme/rfc2136_solver.h"
#include "acme/webhook_solver.h"
#include "base/regular_file.h"

namespace gatehouse::acme {
namespace {

using SolverPtr = std::unique_ptr<Solver>;

constexpr std::size_t max_secret_bytes = 64 * 1024;

Failure bad(std::string words) { return Failure(FailureKind::bad_configuration, "dnsChallenge: " + std::move(words)); }

// `text`, or what the file holds, without the line end that editors leave.
Result<std::string> secret(const std::string& text, const std::string& file) {
  if (file.empty()) return text;
  auto read = read_regular_file(file, max_secret_bytes);
  if (!read) return bad(file + " " + read.error().detail);
  std::string value = std::move(read->text);
  value.erase(value.find_last_not_of(" \t\r\n") + 1);
  return value;
}

DnsPropagationSettings::Check check_of(PropagationCheck check) {
  using Check = DnsPropagationSettings::Check;
  switch (check) {
    case PropagationCheck::every_server: return Check::every_server;
    case PropagationCheck::one_server: return Check::one_server;
    case PropagationCheck::resolvers: return Check::resolvers;
    case PropagationCheck::none: break;
  }
  return Check::none;
}

Result<DnsChallengeSettings> challenge_settings(const DnsChallengeSection& section) {
  DnsChallengeSettings settings;
  for (const auto& text : section.resolvers) {
    auto resolver = parse_dns_resolver(text);
    if (!resolver) return bad("resolvers: " + resolver.error().detail);
    settings.resolvers.push_back(*resolver);
  }
  if (settings.resolvers.empty()) settings.resolvers = system_resolvers();
  settings.follow_aliases = section.follow_cname;
  settings.propagation = {check_of(section.check), section.delay_before_checks, section.propagation_timeout};
  return settings;
}

Result<SolverPtr> by_update(const gatehouse::Rfc2136Settings& section, DnsChallengeSettings dns, Clock& clock) {
  Rfc2136Settings settings;
  if (!section.nameserver.empty()) {
    auto server = parse_dns_server(section.nameserver);
    if (!server) return bad("rfc2136.nameserver: " + server.error().detail);
    settings.server = std::move(*server);
  }
  if (!section.zone.empty()) {
    auto zone = HostName::parse(section.zone);
    if (!zone) return bad("rfc2136.zone: " + zone.error().detail);
    settings.zone = std::move(*zone);
  }
  if (!section.key_name.empty()) {
    auto value = secret(section.key_secret, section.key_secret_file);
    if (!value) return value.error();
    auto key = parse_dns_key(section.key_name, section.key_algorithm, *value);
    if (!key) return bad("rfc2136: " + key.error().detail);
    settings.key = std::move(*key);
  }
  settings.ttl = std::chrono::duration_cast<std::chrono::seconds>(section.ttl);
  return SolverPtr(std::make_unique<Rfc2136Solver>(clock, std::move(dns), std::move(settings)));
}

Post post_with(Client::Fetch fetch) {
  return [fetch = std::move(fetch)](std::string url, std::string content_type, std::string body,
                                    HeaderFields fields) -> Awaitable<Result<int>> {
    FetchRequest request;
    request.method = "POST";
    request.url = std::move(url);
    request.headers = std::move(fields);
    request.headers.emplace_back("Content-Type", std::move(content_type));
    request.body = std::move(body);
    const Client::Fetch call = fetch;  // a copy in the frame: the closure may be gone before it ends
    auto response = co_await call(std::move(request));
    if (!response) co_return response.error();
    co_return static_cast<int>(response->status);
  };
}

Result<SolverPtr> by_webhook(const DnsWebhookSettings& section, DnsChallengeSettings dns, const ResolverPorts& ports) {
  auto password = secret(section.password, section.password_file);
  if (!password) return password.error();
  auto token = secret(section.token, section.token_file);
  if (!token) return token.error();
  auto fetch = ports.fetch({});
  if (!fetch) return fetch.error();
  WebhookSettings settings{section.url, section.user, std::move(*password), std::move(*token)};
  return SolverPtr(
      std::make_unique<WebhookSolver>(ports.clock, std::move(dns), std::move(settings), post_with(std::move(*fetch))));
}

}  // namespace

Result<SolverPtr> make_dns_solver(const DnsChallengeSection& section, const ResolverPorts& ports) {
  auto dns = challenge_settings(section);
  if (!dns) return dns.error();
  if (section.rfc2136) return by_update(*section.rfc2136, std::move(*dns), ports.clock);
  if (section.webhook) return by_webhook(*section.webhook, std::move(*dns), ports);
  if (!section.program) return bad("one of rfc2136, exec and webhook is needed");
  ProgramSettings settings{section.program->program, section.program->timeout};
  return SolverPtr(std::make_unique<ProgramSolver>(ports.clock, std::move(*dns), std::move(settings)));
}

}  // namespace gatehouse::acme
