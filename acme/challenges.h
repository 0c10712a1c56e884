// The part of an order that shows control over its hosts (RFC 8555 §7.5): every authorization that is not valid yet is
// proved by one solver, all at the same time.
#pragma once

#include "acme/challenge.h"
#include "acme/client.h"
#include "acme/order.h"
#include "acme/polling.h"

#include <string>
#include <vector>

namespace gatehouse::acme {

class Challenges {
 public:
  Challenges(Client& client, Signer signer, Solver& solver, Clock& clock, const OrderPolicy& policy);

  // Returns when the CA holds all of the order's authorizations for valid, or names the hosts that failed and why.
  // Everything that was presented has been cleaned up by then. `names`: those ordered; an authorization for another
  // host is refused.
  Awaitable<Answer<void>> pass(const OrderState& order, const std::vector<HostName>& names);

 private:
  struct Task {
    Challenge challenge;
    std::string challenge_url, authorization_url;
    bool told = false;  // the CA looks at it already
    Result<void> presented = Result<void>();
  };

  Awaitable<Answer<void>> gather(const OrderState& order, const std::vector<HostName>& names);
  Answer<void> add(const Authorization& authorization);
  Awaitable<Answer<void>> prove();
  Awaitable<void> present(Task& task);
  Awaitable<Answer<void>> present_all();
  Awaitable<Answer<void>> tell_all();
  Awaitable<Answer<void>> tell(Task& task);
  Awaitable<bool> looks_already(const Task& task);
  Awaitable<Answer<void>> wait_for_all();
  Awaitable<Answer<Authorization>> outcome_of(Task& task, Polling& polling);
  Awaitable<void> clean_up(Task& task);
  Awaitable<void> clean_up_all();

  Client& client_;
  const Signer signer_;
  Solver& solver_;
  Clock& clock_;
  const OrderPolicy& policy_;
  std::vector<Task> tasks_;
};

}  // namespace gatehouse::acme
