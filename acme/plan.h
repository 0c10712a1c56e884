// The front header of acme/. This room gets and renews certificates: a plan (here) says which to have, an order gets
// one, storage keeps it. It serves none of them: certificates go home by the road of any other change, through
// config/reload. It must not know of routes, connections or Kubernetes.
//
// The plan is computed before anything is asked of a CA, from plain values, so it can be printed, tested over years in
// a second, and computed again whenever something has changed. The same input gives the same plan.
//
//  - Requests for the same names are one certificate. One whose names another planned or held certificate covers, by
//    name or wildcard, is not ordered; what it has of its own stays in force until the other one is there.
//  - Orders under way go on first; then important hosts, then renewals (the one that ends first), then new ones, the
//    oldest first. Walking in this order each order takes its part of the CA's limits; what is left over waits, and is
//    told until when. New hosts leave a reserve to important hosts and renewals.
//  - Certificates nobody asks for any more are not renewed, and pruned after a time of grace; never while they are the
//    only good one for a host somebody asks for.
#pragma once

#include "acme/budget.h"
#include "acme/held_certificate.h"
#include "acme/records.h"
#include "config/certificate_request.h"

#include <map>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct CaRules {
  std::string url;  // the directory
  RateLimits limits = {};
};

struct ResolverRules {
  std::vector<CaRules> cas;  // at least one; the others are asked while the ones before them fail or are used up
  bool wildcards = false;    // has a DNS challenge
  bool gather = false;       // new hosts of one registered domain share a certificate, of up to `gather_up_to` names
  std::size_t gather_up_to = 100;
  std::vector<HostName> important = {};         // hosts that go first; wildcards stand for one label
  unsigned reserve_percent = 20;                // of certificates_per_domain
  std::chrono::seconds grace = std::chrono::hours(24 * 7);
  std::string account = {};  // stands for the resolver and its account's settings in the ledger
};

struct PlanInput {
  std::vector<CertificateRequest> requests = {};
  std::vector<HeldCertificate> held = {};
  std::vector<PendingOrder> pending = {};
  std::map<std::string, Ledger, std::less<>> ledgers = {};  // by CA
  std::map<std::string, ResolverRules, std::less<>> resolvers = {};
};

enum class PlanState : std::uint8_t {
  due,       // order now, from `ca`
  waiting,   // has to be ordered, but not before `at`
  valid,     // held; to be renewed `at`
  covered,   // another one serves these names
  refused,   // never ordered
  unwanted,  // held, but nobody asks for it: pruned `at`
};

struct PlannedCertificate {
  std::string record;  // its name in storage; also where refused or covered, as a key
  std::string resolver;
  std::vector<HostName> names;  // the main one first
  std::vector<std::string> asked_by;
  PlanState state{};
  std::optional<WallTime> at = {};
  std::string ca = {};                 // due and waiting: where
  OrderKind kind = OrderKind::first;   // due and waiting: note_order with it; for a renewal send `replaces`
  std::optional<WallTime> expires = {};  // of the certificate held for exactly these names
  std::string words = {};              // why; without untrusted bytes
};

struct Plan {
  WallTime made;
  // In the order of the states; due ones in the order they are to be made.
  std::vector<PlannedCertificate> certificates;
  // Records to change: names in storage.
  std::vector<std::string> now_unwanted;    // certificates: set unwanted_since
  std::vector<std::string> wanted_again;    // certificates: clear it
  std::vector<std::string> to_prune;        // certificates: remove
  std::vector<std::string> to_abandon;      // orders: remove
};

Plan plan(const PlanInput& input, WallTime now);

// When the plan has to be made again although nothing happens; nothing: never.
std::optional<WallTime> next_change(const Plan& plan);

// The table of `gatehouse certs plan`.
std::string describe(const Plan& plan);
std::string_view state_name(PlanState state);

}  // namespace gatehouse::acme
