// Which of several replicas does what one of them must do: writes Ingress status and Events, orders certificates.
// A loop around Candidacy; routing never asks it. Where there is no cluster there is no LeaderElection.
//
// RBAC, in the Lease's namespace: leases create; get and update of that name.
#pragma once

#include "base/log.h"
#include "config/kubernetes/candidacy.h"
#include "config/kubernetes/waiting.h"

#include <functional>
#include <random>

namespace gatehouse::kubernetes {

// Control thread. Whoever runs run() keeps it alive meanwhile.
class LeaderElection {
 public:
  struct Ports {
    asio::any_io_executor executor;
    Clock& clock;
    Logger log;
    ApiCall call;
    std::function<void(bool leading)> changed;  // from run(); false comes before the Lease is handed back
  };

  static constexpr Duration longest_release = std::chrono::seconds(3);

  LeaderElection(LeaseTerms terms, Ports ports);

  // False from the instant the deadline has passed, even while run() waits for something.
  bool leading() const { return !stopped_ && candidacy_.leads(ports_.clock.now()); }
  // Who leads as far as is known; empty: nobody.
  const std::string& holder() const { return candidacy_.holder(); }
  const LeaseTerms& terms() const { return candidacy_.terms(); }

  // Until stop(); then, if it leads, it hands the Lease back before it returns.
  Awaitable<void> run();
  void stop();

 private:
  Awaitable<void> step();
  Awaitable<void> resign();
  void notice();
  void complain();

  Candidacy candidacy_;
  const Ports ports_;
  Bell bell_;
  std::minstd_rand dice_;
  bool told_leading_ = false;
  std::string told_holder_;
  std::string told_trouble_;
  bool stopped_ = false;
};

}  // namespace gatehouse::kubernetes
