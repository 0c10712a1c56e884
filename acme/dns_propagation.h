// Waits until a TXT value can be seen, so that the CA is not told to look before. A server that lies, fails or is
// silent is only a reason to wait, then to give up with words.
#pragma once

#include "acme/dns_challenge.h"
#include "acme/dns_zone.h"

#include <string>
#include <vector>

namespace gatehouse::acme {

struct DnsPropagationSettings {
  enum class Check : std::uint8_t {
    every_server,  // each authoritative server of the zone
    one_server,    // at least one of them
    // The resolvers, all of them, for networks from which the zone's servers cannot be reached. They may go on saying
    // "no such name" for the zone's negative time to live: `delay` is for them.
    resolvers,
    none,
  };
  Check check = Check::every_server;
  Duration delay{};  // before the first look, or instead of one
  Duration limit = std::chrono::minutes(2);  // from the first look on
};

class DnsPropagation {
 public:
  static constexpr Duration first_pause = std::chrono::seconds(1);  // doubled at each look
  static constexpr Duration longest_pause = std::chrono::seconds(16);

  DnsPropagation(Clock& clock, ZoneFinder& finder, DnsPropagationSettings settings)
      : clock_(clock),
        exchange_(clock, {.per_try = std::chrono::seconds(2), .tries = 1}),
        finder_(finder),
        settings_(settings) {}

  // challenge_failed after the limit; the detail names the servers that do not have the value, and what they say.
  Awaitable<Result<void>> wait_for(TxtValue value);

 private:
  struct Candidate {
    std::string name;
    std::vector<Endpoint> addresses;
    std::string words;  // why it does not count yet
    bool seen = false;
  };

  Awaitable<Result<std::vector<Candidate>>> candidates(HostName name);
  Awaitable<Result<std::vector<Candidate>>> authoritative(HostName name);
  Awaitable<void> look(Candidate& candidate, const TxtValue& value);
  // What is still missing, in words; empty: nothing.
  Awaitable<std::string> look_everywhere(std::vector<Candidate>& candidates, const TxtValue& value, TimePoint until);
  bool enough(const std::vector<Candidate>& candidates) const;

  Clock& clock_;
  DnsExchange exchange_;  // one try: looking again is the retry
  ZoneFinder& finder_;
  DnsPropagationSettings settings_;
};

}  // namespace gatehouse::acme
