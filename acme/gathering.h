// Gathering: hosts of one registered domain share a certificate, where the resolver's rules say so. Part of wanted.
//
// What has been gathered stays together as long as somebody asks for all of it, so that a new host costs one more
// order and not a new certificate for all. A host that has failed goes alone from then on: it must not take others
// down with it.
#pragma once

#include "acme/wanted.h"

namespace gatehouse::acme {

// Sets that together are exactly the names of a held certificate or of an order under way become one.
void gather_held_and_pending(std::vector<Wanted>& sets, const PlanInput& input);
// Sets that have nothing yet.
void gather_new(std::vector<Wanted>& sets, const PlanInput& input);

}  // namespace gatehouse::acme
