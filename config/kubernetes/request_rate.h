// RequestRate: how fast requests may follow each other, as a value: so many at once, and so many each second after
// that. Who asks takes a turn and waits until it comes.
#pragma once

#include "base/clock.h"

#include <algorithm>

namespace gatehouse::kubernetes {

class RequestRate {
 public:
  RequestRate(unsigned per_second, unsigned burst)
      : spacing_(Duration(std::chrono::seconds(1)) / std::max(per_second, 1U)),
        ahead_(spacing_ * (std::max(burst, 1U) - 1)) {}

  // How long whoever takes this turn has to wait.
  Duration take(TimePoint now) {
    next_ = std::max(next_, now);
    const Duration wait = std::max(next_ - ahead_ - now, Duration::zero());
    next_ += spacing_;
    return wait;
  }

 private:
  Duration spacing_, ahead_;
  TimePoint next_ = TimePoint::min();  // when a turn would come if there were no burst
};

}  // namespace gatehouse::kubernetes
