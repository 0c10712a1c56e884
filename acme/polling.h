// How often and how long a CA is asked whether it is done (RFC 8555 §7.5.1): growing pauses, its Retry-After before
// ours, and a limit on the whole.
#pragma once

#include "acme/problem.h"
#include "base/clock.h"

#include <optional>
#include <string>

namespace gatehouse::acme {

class Polling {
 public:
  Polling(Clock& clock, Duration first, Duration longest, Duration limit);

  // Whether there is time for another pause, which may have to last until `not_before`.
  bool allows(std::optional<WallTime> not_before);
  Awaitable<void> pause(std::optional<WallTime> not_before);
  // Whether to go on after this failure of one question. It is remembered for trouble() until answered().
  bool bears(const Trouble& trouble);
  void answered() { last_.reset(); }
  // After the limit: what was waited for, and how the last question failed. The order stays worth coming back to. A CA
  // that answers to the end, but is not done, is ca_refused, else it is as ill as the last failure says.
  Trouble trouble(const std::string& what) const;

 private:
  Duration next(std::optional<WallTime> not_before) const;

  Clock& clock_;
  Duration pause_;
  const Duration longest_;
  const TimePoint end_;
  std::optional<Trouble> last_;
  std::optional<WallTime> not_before_;
};

}  // namespace gatehouse::acme
