// The counters in Prometheus' text format. Every metric is one row here: name, kind, words.
#pragma once

#include "proxy/counters.h"
#include "proxy/snapshot.h"

#include <string>
#include <utility>
#include <vector>

namespace gatehouse {

std::string metrics_text(const Counters& counters, const Snapshot& snapshot);

// One of another room's. The name is without `gatehouse_`; one without values is left out.
struct Metric {
  enum class Kind : std::uint8_t { counter, gauge };
  struct Value {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
  };
  std::string name;
  Kind kind{};
  std::string words;
  std::vector<Value> values;
};
std::string metrics_text(const std::vector<Metric>& metrics);

}  // namespace gatehouse
