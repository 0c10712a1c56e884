// Solver for dns-01, whoever writes the record: finds where the value belongs, has it written, and waits until the
// CA can see it.
#pragma once

#include "acme/challenge.h"
#include "acme/dns_propagation.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::acme {

struct DnsChallengeSettings {
  std::vector<Endpoint> resolvers;  // recursive ones; system_resolvers() unless set otherwise
  bool follow_aliases = true;       // write where a CNAME of _acme-challenge.HOST leads to
  DnsPropagationSettings propagation = {};
  std::uint16_t authoritative_port = dns_port;  // another one only in tests
};

// Values at one name live side by side: a wildcard and its base domain, or several hosts with one alias.
class DnsSolver : public Solver {
 public:
  DnsSolver(const DnsSolver&) = delete;
  DnsSolver& operator=(const DnsSolver&) = delete;
  std::string_view type() const final { return "dns-01"; }
  // A value that was written but not seen in time stays until clean_up().
  Awaitable<Result<void>> present(Challenge challenge) final;
  // Also of a challenge presented before a restart, and when the value was never written.
  Awaitable<Result<void>> clean_up(Challenge challenge) final;

 protected:
  DnsSolver(Clock& clock, DnsChallengeSettings settings);

  Clock& clock() { return clock_; }
  DnsExchange& exchange() { return exchange_; }
  ZoneFinder& finder() { return finder_; }

 private:
  // `host`: the challenge's; `value.name` may be elsewhere.
  virtual Awaitable<Result<void>> add(HostName host, TxtValue value) = 0;
  virtual Awaitable<Result<void>> remove(HostName host, TxtValue value) = 0;

  Awaitable<Result<TxtValue>> place(Challenge challenge);

  Clock& clock_;
  bool follow_aliases_;
  DnsExchange exchange_;
  ZoneFinder finder_;
  DnsPropagation propagation_;
  // Where values were written, by their usual name and value: an alias may lead elsewhere when they are taken away.
  std::map<std::pair<HostName, std::string>, HostName> written_;
};

}  // namespace gatehouse::acme
