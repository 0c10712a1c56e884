// So many at once, and one more each so often. ◦
#pragma once

#include "base/clock.h"

#include <algorithm>

namespace gatehouse {

struct Rate {
  int burst = 1;
  Duration each = std::chrono::seconds(1);  // one more
};

class TokenBucket {
 public:
  // Full.
  TokenBucket(Rate rate, TimePoint now) : rate_(rate), full_at_(now) {}

  // When one may be taken next: now or in the past, or later.
  TimePoint next() const { return full_at_ - rate_.each * (rate_.burst - 1); }
  bool take(TimePoint now) {
    if (next() > now) return false;
    full_at_ = std::max(full_at_, now) + rate_.each;
    return true;
  }
  bool is_full(TimePoint now) const { return full_at_ <= now; }

 private:
  Rate rate_;
  TimePoint full_at_;
};

}  // namespace gatehouse
