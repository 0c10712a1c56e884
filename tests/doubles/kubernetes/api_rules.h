// From an HTTP request about the API to its answer.
#pragma once

#include "tests/doubles/kubernetes/answers.h"

namespace gatehouse::kubernetes::fake {

// What RBAC calls it: get list watch create update patch delete deletecollection; empty when it is not about a
// resource.
std::string verb_of(std::string_view method, const Target& target);
Reply perform(State& state, const Call& call);
// /api, /apis, /version and the like.
Reply discover(State& state, const Call& call);

}  // namespace gatehouse::kubernetes::fake
