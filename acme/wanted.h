// Wanted: the sets of names there should be certificates for: requests merged, names that are refused taken out, sets
// that another one covers marked, hosts gathered. The first half of plan().
#pragma once

#include "acme/plan.h"

#include <set>

namespace gatehouse::acme {

struct Wanted {
  std::string resolver;
  std::vector<HostName> names;  // the main one first
  std::set<std::string> asked_by;
  WallTime since;
  const ResolverRules* rules = nullptr;
  const HeldCertificate* own = nullptr;    // held for exactly these names, good or not
  const PendingOrder* pending = nullptr;   // for exactly these names
  const HeldCertificate* cover = nullptr;  // another one, held and good, that serves these names until it ends
  std::size_t coverer = npos;              // another set here, not itself covered, that serves these names
  bool gathered = false;                   // its names are in another set here
  bool important = false;                  // it or what it serves has a name that goes first

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  bool kept() const { return cover == nullptr && coverer == npos && !gathered; }
};

struct RefusedNames {
  std::string resolver;
  std::vector<HostName> names;
  std::set<std::string> asked_by;
  std::string words;
};

struct WantedSets {
  std::vector<Wanted> sets;  // by resolver and names
  std::vector<RefusedNames> refused;
};

// Whether it can be shown to clients: not expired, and of one of the resolver's CAs or imported. `rules` may be null.
bool is_good(const HeldCertificate& held, const ResolverRules* rules, WallTime now);

// Pointers go into `input`.
WantedSets wanted_sets(const PlanInput& input, WallTime now);

}  // namespace gatehouse::acme
