#include "acme/dns_propagation.h"

namespace gatehouse::acme {
namespace {

using Check = DnsPropagationSettings::Check;

bool shows(const DnsMessage& reply, const TxtValue& value) {
  return std::any_of(reply.answers.begin(), reply.answers.end(), [&](const DnsRecord& record) {
    return record.type == DnsType::txt && record.name == value.name.text() && record.text == value.value;
  });
}

std::string words_against(const DnsMessage& reply) {
  if (reply.code != DnsCode::no_error) return words_of(reply.code);
  return reply.answers.empty() ? "it has no such record" : "it has other values only";
}

std::string seconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

Awaitable<Result<std::vector<DnsPropagation::Candidate>>> DnsPropagation::candidates(HostName name) {
  if (settings_.check != Check::resolvers) {
    auto servers = co_await authoritative(std::move(name));
    co_return servers;
  }
  std::vector<Candidate> resolvers;
  for (const auto& resolver : finder_.resolvers()) resolvers.push_back({resolver.text(), {resolver}, {}, false});
  if (resolvers.empty()) co_return Failure(FailureKind::challenge_failed, "there is no resolver");
  co_return resolvers;
}

Awaitable<Result<std::vector<DnsPropagation::Candidate>>> DnsPropagation::authoritative(HostName name) {
  auto zone = co_await finder_.zone_of(std::move(name));
  if (!zone) co_return zone.error();
  auto servers = co_await finder_.servers_of(zone->name);
  if (!servers) co_return servers.error();
  std::vector<Candidate> found;
  for (auto& server : *servers) found.push_back({server.name.text(), std::move(server.addresses), {}, false});
  co_return found;
}

// The first address that answers speaks for the server: a host without IPv6 can ask no IPv6 address.
Awaitable<void> DnsPropagation::look(Candidate& candidate, const TxtValue& value) {
  candidate.words.clear();
  const DnsRequest request{{value.name, DnsType::txt}};
  for (const Endpoint& address : candidate.addresses) {
    auto reply = co_await exchange_.ask(address, request);
    if (reply) {
      candidate.seen = shows(*reply, value);
      candidate.words = address.text() + ": " + words_against(*reply);
      co_return;
    }
    if (!candidate.words.empty()) candidate.words += ", ";
    candidate.words += reply.error().detail;
  }
}

bool DnsPropagation::enough(const std::vector<Candidate>& candidates) const {
  const auto seen = [](const Candidate& candidate) { return candidate.seen; };
  if (settings_.check == Check::one_server) return std::any_of(candidates.begin(), candidates.end(), seen);
  return std::all_of(candidates.begin(), candidates.end(), seen);
}

Awaitable<std::string> DnsPropagation::look_everywhere(std::vector<Candidate>& candidates, const TxtValue& value,
                                                       TimePoint until) {
  for (auto& candidate : candidates) {
    if (enough(candidates) || clock_.now() > until) break;
    if (!candidate.seen) co_await look(candidate, value);
  }
  std::string missing;
  if (enough(candidates)) co_return missing;
  for (const auto& candidate : candidates) {
    if (candidate.seen) continue;
    missing.append(missing.empty() ? "" : "; ").append(candidate.name);
    missing += " (" + (candidate.words.empty() ? "not asked in time" : candidate.words) + ")";
  }
  co_return missing;
}

Awaitable<Result<void>> DnsPropagation::wait_for(TxtValue value) {
  co_await clock_.sleep_until(clock_.now() + settings_.delay);
  if (settings_.check == Check::none) co_return Result<void>();
  const TimePoint start = clock_.now();
  const TimePoint until = start + settings_.limit;
  std::vector<Candidate> servers;
  std::string missing;
  for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
    if (servers.empty()) {
      auto found = co_await candidates(value.name);
      if (found) servers = *std::move(found);
      if (!found) missing = found.error().detail;
    }
    if (!servers.empty()) {
      missing = co_await look_everywhere(servers, value, until);
      if (missing.empty()) co_return Result<void>();
    }
    if (clock_.now() >= until) break;
    co_await clock_.sleep_until(std::min(clock_.now() + pause, until));
  }
  co_return Failure(FailureKind::challenge_failed, "after " + seconds(clock_.now() - start) + " the TXT record " +
                                                       value.name.text() + " is not everywhere: " + missing);
}

}  // namespace gatehouse::acme
