// How well the API server is followed, for /metrics and /api/kubernetes: pure.
#pragma once

#include "config/kubernetes/cluster.h"

#include <string>
#include <vector>

namespace gatehouse::kubernetes {

// As one replica sees it.
struct ClusterReport {
  std::string server;
  bool synced = false;
  bool leading = false;
  std::vector<WatchState> watches;
};

// In Prometheus' format: whether this replica leads, and for each kind whether all its watches are well and for how
// long the most silent of them has heard nothing. The API server says something about once a minute even when nothing
// changes (bookmarks), so a silence of several minutes is staleness. A kind that need not be there and is not has no
// row.
std::string cluster_metrics(const ClusterReport& report, TimePoint now);

// What /api/kubernetes shows.
std::string cluster_json(const ClusterReport& report, TimePoint now);

}  // namespace gatehouse::kubernetes
