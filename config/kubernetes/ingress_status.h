// status.loadBalancer of our Ingresses: external-dns, ArgoCD and people read there where an Ingress is served. The
// leader writes, the others do nothing; what is written and when, StatusPlan says. An Ingress that is not ours any more
// keeps what it shows until its new controller writes.
//
// Not removed when a replica ends: after a rollout, or a lost leadership, the addresses are the same, and a status that
// empties for seconds costs DNS entries. clear_ingress_status is for when Gatehouse is taken away for good, which shows
// in the Service in front of it being deleted (ClusterMember::leave).
//
// RBAC: ingresses/status patch, wherever our Ingresses are.
#pragma once

#include "base/log.h"
#include "config/kubernetes/objects.h"
#include "config/kubernetes/status_plan.h"
#include "config/kubernetes/waiting.h"

#include <functional>

namespace gatehouse::kubernetes {

// Control thread. Whoever runs run() keeps it alive meanwhile.
class IngressStatus {
 public:
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    Logger log;
    ApiCall call;
    std::function<std::string()> wanted;  // canonical text (load_balancer.h); empty: not known yet
    std::function<std::vector<ShownStatus>(const std::set<ObjectName>* among)> ours;  // null: all
    std::function<void(const ObjectName&)> given_up;  // somebody else rewrites it again and again
    StatusRules rules = {};
  };

  static constexpr Duration look_rest = std::chrono::seconds(1);  // between two looks at `ours`
  static constexpr Duration look_always = std::chrono::seconds(30);  // at all of them
  static constexpr Duration longest_write = std::chrono::seconds(30);

  explicit IngressStatus(Ports ports);

  void lead(bool leading);
  // What `wanted` tells may have changed, or `ours` of these Ingresses.
  void changed(const TouchedObjects& touched);
  std::size_t contested() const { return plan_ ? plan_->contested() : 0; }
  // What they show may be ours though we have not seen it there; known for certain when run() has ended.
  std::vector<ObjectName> unconfirmed() const { return plan_ ? plan_->unconfirmed() : std::vector<ObjectName>(); }

  // Until stop(), and until a write that is under way then is answered: longest_write at most.
  Awaitable<void> run();
  void stop();

 private:
  void look();
  Awaitable<void> write_next();
  TimePoint next_look() const;
  void complain(const std::string& words);

  const Ports ports_;
  Bell bell_;
  std::optional<StatusPlan> plan_;  // while leading; another term begins without memory
  TimePoint looked_at_{}, looked_at_all_{};
  TouchedObjects touched_;  // since the last look
  TokenBucket complaints_;
  bool stopped_ = false;
};

struct ClearedStatus {
  std::size_t removed = 0;
  std::size_t left = 0;  // shows something else
  std::vector<std::string> failures;
};

// Removes what we have written: the status of each of `ours` that shows exactly `shown_by_us`. One without a
// resourceVersion, or that has changed since, is read first.
Awaitable<ClearedStatus> clear_ingress_status(Clock& clock, ApiCall call, std::vector<ShownStatus> ours,
                                              std::string shown_by_us);

}  // namespace gatehouse::kubernetes
