// What the status of Ingresses shows, and of which: the address of the Service in front of us, or a fixed one, on those
// of our classes. Read from the cluster as it is now. Control thread.
#pragma once

#include "config/kubernetes/cluster.h"
#include "config/kubernetes/status_plan.h"
#include "config/settings.h"
#include "config/translation.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatehouse {

class PublishedStatus {
 public:
  // `cluster` outlives it.
  PublishedStatus(const kubernetes::Cluster& cluster, KubernetesReportSettings settings, ObjectName our_pod);

  // Canonical (load_balancer.h). Empty: not known, so nothing is to be written.
  std::string address();
  // All of ours, or those `among` some names. None before the cluster has synced: of some the class might not be known.
  std::vector<kubernetes::ShownStatus> ours(const ClassRule& classes,
                                            const std::set<ObjectName>* among = nullptr) const;

  // The Service whose address was last told, and that is gone or going now. A rollout ends replicas too, but only who
  // takes Gatehouse away deletes the Service in front of it.
  struct Gone {
    ObjectName service;
    std::string address;
  };
  std::optional<Gone> taken_away() const;
  // Those that may show an address of ours though our IngressClass may be gone: other controllers' are left out.
  std::vector<kubernetes::ShownStatus> left_behind(const ClassRule& classes) const;

 private:
  std::optional<ObjectName> service() const;

  const kubernetes::Cluster& cluster_;
  const KubernetesReportSettings settings_;
  const ObjectName our_pod_;
  std::string fixed_address_;
  std::optional<Gone> published_;
};

}  // namespace gatehouse
