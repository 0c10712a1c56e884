// Leaves out endpoints that just failed and lets them back: passively, from the connections we make anyway.
// Per worker; knows nothing of snapshots.
#pragma once

#include "base/clock.h"
#include "base/names.h"

#include <unordered_map>

namespace gatehouse {

class EndpointHealth {
 public:
  explicit EndpointHealth(const Clock& clock) : clock_(clock) {}

  // A connection could not be made: left out for 1 s, doubling with each further failure up to 30 s.
  void failed(const Endpoint& endpoint);
  // It answered: at once as good as any.
  void succeeded(const Endpoint& endpoint) {
    if (!ejected_.empty()) ejected_.erase(endpoint);
  }
  bool usable(const Endpoint& endpoint) const;
  // Nothing is left out: the common case, one comparison.
  bool all_usable() const { return ejected_.empty(); }
  std::size_t ejected_count() const { return ejected_.size(); }
  // Forgets endpoints that have not failed for a long time.
  void sweep();

 private:
  struct Ejection {
    TimePoint until;
    Duration pause;
  };
  static constexpr Duration first_pause = std::chrono::seconds(1);
  static constexpr Duration longest_pause = std::chrono::seconds(30);

  const Clock& clock_;
  std::unordered_map<Endpoint, Ejection, EndpointHash> ejected_;
};

}  // namespace gatehouse
