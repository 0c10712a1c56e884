// The counters in Prometheus' text format. Every metric is one row here: name, kind, words.
#pragma once

#include "proxy/counters.h"
#include "proxy/snapshot.h"

#include <string>

namespace gatehouse {

std::string metrics_text(const Counters& counters, const Snapshot& snapshot);

}  // namespace gatehouse
