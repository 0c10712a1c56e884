// What there is only with providers.kubernetes: the client of the API server, the cluster as a source of objects,
// whether this replica leads, and what it writes there: Ingress status, Events, the keys of TLS session tickets, and
// certificates in Secrets. Control thread.
#pragma once

#include "acme/place.h"
#include "base/log.h"
#include "cli/membership.h"
#include "cli/published_status.h"
#include "config/kubernetes/api_client.h"
#include "config/kubernetes/cluster.h"
#include "config/kubernetes/events.h"
#include "config/kubernetes/ingress_status.h"
#include "config/kubernetes/lease.h"
#include "config/kubernetes/shared_ticket_keys.h"
#include "config/kubernetes/waiting.h"
#include "config/kubernetes/watch_report.h"
#include "config/reload.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse {

class SecretFeed;  // the watch of the Secrets that certificates are kept in

class ClusterMember {
 public:
  struct Ports {
    asio::io_context& io;
    Clock& clock;
    Deadlines& deadlines;
    Logger log;
    Fetcher::Resolve resolve;
    Reload& reload;
  };

  // `settings`: as at the start. All ports outlive it, and it outlives what runs on the io_context.
  ClusterMember(kubernetes::Access access, KubernetesSettings settings, MemberIdentity identity, Ports ports);
  ~ClusterMember();

  // For Reload, before its start.
  ClusterSource source();
  // Where certificates are kept when the settings say `kubernetes`.
  std::shared_ptr<acme::Place> place();
  // After the start of Reload.
  void start();
  // A publication was made.
  void report(const Publication& publication);
  // Something was obtained or refused for an object, as a problem's `object` names it.
  void tell(const std::string& object, std::string_view reason, const std::string& words, bool warning);
  static constexpr Duration longest_clearing = std::chrono::seconds(20), longest_leave = std::chrono::seconds(8),
                            longest_stop = std::chrono::seconds(2);
  // Stops writing, and hands leadership back. When Gatehouse is taken away, what it wrote into the status of Ingresses
  // is removed first.
  Awaitable<void> leave();
  // After leave(), when no route is needed any more: ends every watch.
  Awaitable<void> stop();

  // In Prometheus' format, and what /api/kubernetes shows; any thread.
  std::string metrics() const;
  std::string json() const;

 private:
  static constexpr Duration report_every = std::chrono::seconds(5);

  bool leading() const;
  void take_report();
  Awaitable<void> keep_report();
  void leadership_changed();
  void tell_status();
  void start_sharing();
  Awaitable<void> clear_status(PublishedStatus::Gone gone, TimePoint end);
  std::vector<kubernetes::EventOn> events_of(const std::vector<Problem>& problems) const;

  const KubernetesSettings settings_;
  const MemberIdentity identity_;
  const Ports ports_;
  kubernetes::ApiClient client_;
  const std::shared_ptr<kubernetes::Cluster> cluster_;
  PublishedStatus published_;
  std::shared_ptr<kubernetes::LeaderElection> election_;  // null: without one this replica leads
  std::shared_ptr<kubernetes::IngressStatus> status_;  // null: not written
  std::shared_ptr<kubernetes::Events> events_;  // null: not written
  std::shared_ptr<kubernetes::SharedTicketKeys> ticket_keys_;  // null: not shared
  std::shared_ptr<SecretFeed> secrets_;  // null: no certificates are kept in Secrets
  std::atomic<std::shared_ptr<const kubernetes::ClusterReport>> report_;  // for other threads
  bool status_knows_all_ = false;  // it was told that the cluster has synced
  bool left_ = false;
  kubernetes::Loops loops_, writing_status_, electing_;
};

}  // namespace gatehouse
