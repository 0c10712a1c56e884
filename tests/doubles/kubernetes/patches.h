// The ways to patch an object. Pure.
#pragma once

#include "tests/doubles/kubernetes/resource_types.h"

namespace gatehouse::kubernetes::fake {

// RFC 7396.
void merge_patch(json::value& target, const json::value& patch);
// As kubectl apply sends it. Lists are merged that have a merge key in the built-in kinds we know (a Service's ports,
// owner references, conditions, containers), others are replaced; of the directives $patch, $setElementOrder and
// $retainKeys are understood.
void strategic_merge_patch(json::value& target, const json::value& patch);
// RFC 6902. Returns the complaint; empty: done.
std::string json_patch(json::value& target, const json::value& operations);

}  // namespace gatehouse::kubernetes::fake
