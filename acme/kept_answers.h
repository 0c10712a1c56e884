// A solver whose answers are kept in the storage while they are shown, so that others show them too: this process after
// a restart, and the other replicas of a cluster, any of which the CA may ask. (Let's Encrypt looks from several places
// at once; each of these connections may reach another replica.)
//
// present() returns when the storage has the answer and `spread` has passed since: the others hear of it by their
// watch, usually within a tenth of a second. They are not asked whether they have: one that is down or cut off would
// hold up every order, and the CA asks it hardly more than once.
#pragma once

#include "acme/challenge.h"
#include "acme/holdings.h"
#include "base/clock.h"

#include <functional>
#include <memory>
#include <string>

namespace gatehouse::acme {

class KeptAnswers final : public Solver {
 public:
  struct Ports {
    Clock& clock;
    std::shared_ptr<Holdings> holdings;
    Duration spread;
  };
  // The solver outlives it. `order`: the record the answers are for.
  KeptAnswers(Solver& solver, std::string order, Ports ports);

  std::string_view type() const override { return solver_.type(); }
  Awaitable<Result<void>> present(Challenge challenge) override;
  // Nothing when another writes now: it goes on with the same answers.
  Awaitable<Result<void>> clean_up(Challenge challenge) override;

 private:
  bool is_kept() const { return solver_.type() != "dns-01"; }
  PendingAnswer answer(const Challenge& challenge) const;

  Solver& solver_;
  const std::string order_;
  const Ports ports_;
};

}  // namespace gatehouse::acme
