// Carries out one order of the plan: counts it, obtains the certificate, keeps it, and writes down what became of it.
// Whatever fails, what was there stays, and the ledger says when the next try is.
#pragma once

#include "acme/holdings.h"
#include "acme/resolver.h"

#include <memory>
#include <optional>
#include <string>

namespace gatehouse::acme {

// Held by the coroutine, so neither a reload nor the end of the program takes them away from it.
struct Issuance {
  std::shared_ptr<Resolver> resolver;
  std::shared_ptr<Holdings> holdings;
  Account account;
  PlannedCertificate planned;  // due
  Duration spread = Duration::zero();  // acme/kept_answers
};

struct IssueOutcome {
  bool issued = false;
  std::string words = {};                     // why not; printable
  std::optional<WallTime> next_try = {};
  bool ca_is_ill = false;                     // it could not be reached, or takes no orders at all
  std::optional<WallTime> ca_asks_until = {};  // its Retry-After while it is ill
  bool account_is_gone = false;               // the CA does not know it: has to be opened again
};

// It could not be reached, or does not answer.
bool is_illness(const Trouble& trouble);

// The clock outlives it.
Awaitable<IssueOutcome> issue(Clock& clock, Issuance work);

// The account of a resolver at one of its CAs, found, made or brought up to date (acme/account).
Awaitable<Answer<Account>> open_account(Clock& clock, std::shared_ptr<Resolver> resolver,
                                        std::shared_ptr<Holdings> holdings, std::string ca);

}  // namespace gatehouse::acme
