#include "acme/rfc2136_solver.h"

namespace gatehouse::acme {
namespace {

Failure failure(std::string words) { return Failure(FailureKind::challenge_failed, std::move(words)); }

std::string intention(const TxtChange& change, const HostName& zone) {
  const bool add = change.action == TxtChange::Action::add;
  return std::string(add ? "adding" : "removing") + " the TXT record " + change.name.text() + " in zone " + zone.text();
}

}  // namespace

Awaitable<Result<void>> Rfc2136Solver::add(HostName, TxtValue value) {
  const TxtChange adding{TxtChange::Action::add, std::move(value.name), std::move(value.value), settings_.ttl};
  auto added = co_await update(adding);
  co_return added;
}

Awaitable<Result<void>> Rfc2136Solver::remove(HostName, TxtValue value) {
  const TxtChange removing{TxtChange::Action::remove, std::move(value.name), std::move(value.value), {}};
  auto removed = co_await update(removing);
  co_return removed;
}

Awaitable<Result<std::vector<Endpoint>>> Rfc2136Solver::primary_of(DnsZone zone) {
  auto primary = HostName::parse(zone.primary);
  if (!primary) co_return failure("the primary server of zone " + zone.name.text() + " is no host: " + zone.primary);
  auto addresses = co_await finder().addresses_of(*primary, finder().authoritative_port());
  if (addresses && addresses->empty()) co_return failure(primary->text() + " has no address");
  co_return addresses;
}

Awaitable<Result<Rfc2136Solver::Target>> Rfc2136Solver::target_of(HostName name) {
  std::vector<Endpoint> servers;
  if (settings_.server) {
    auto found = co_await finder().addresses_of(*settings_.server);
    if (!found) co_return found.error();
    if (found->empty()) co_return failure("the name server for updates has no address");
    servers = *std::move(found);
  }
  if (settings_.zone && !servers.empty()) {
    Target known{*settings_.zone, std::move(servers)};
    co_return known;
  }
  // The server knows its own zones best: the resolvers may see other ones (split views, not yet delegated).
  ZoneFinder of_server(exchange(), servers);
  ZoneFinder& asked = servers.empty() ? finder() : of_server;
  auto zone = co_await asked.zone_of(settings_.zone ? *settings_.zone : name);
  if (!zone) co_return zone.error();
  if (servers.empty()) {
    auto primary = co_await primary_of(*zone);
    if (!primary) co_return primary.error();
    servers = *std::move(primary);
  }
  Target target{zone->name, std::move(servers)};
  co_return target;
}

Awaitable<Result<void>> Rfc2136Solver::update(TxtChange change) {
  auto target = co_await target_of(change.name);
  if (!target) co_return target.error();
  const DnsRequest request{{target->zone, DnsType::soa}, change};
  std::string words;
  for (const Endpoint& server : target->servers) {
    auto reply = co_await exchange().ask(server, request, settings_.key);
    if (reply && reply->code == DnsCode::no_error) co_return Result<void>();
    if (!words.empty()) words += "; ";
    words += reply ? "DNS server " + server.text() + ": " + words_of(reply->code) : reply.error().detail;
  }
  co_return failure(intention(change, target->zone) + ": " + words);
}

}  // namespace gatehouse::acme
