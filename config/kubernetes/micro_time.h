// Instants as metav1.MicroTime has them: RFC 3339 in UTC with exactly six fraction digits (apimachinery
// pkg/apis/meta/v1/micro_time.go); a server refuses any other number of digits. ◦
#pragma once

#include "base/clock.h"

#include <string>

namespace gatehouse::kubernetes {

// `2026-01-31T10:20:30.000123Z`; rounded down.
std::string micro_time_text(WallTime time);

}  // namespace gatehouse::kubernetes
