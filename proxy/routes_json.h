// The routing table as JSON: /api/routes and `gatehouse routes --output json`.
#pragma once

#include "proxy/snapshot.h"

#include <string>

namespace gatehouse {

std::string routes_json(const Snapshot& snapshot);

}  // namespace gatehouse
