// YAML or JSON as people write it, as JSON values.
#pragma once

#include "tests/doubles/kubernetes/resource_types.h"

namespace gatehouse::kubernetes::fake {

// The objects of all documents; the items of Lists one by one. Throws std::runtime_error.
std::vector<json::object> parse_objects(std::string_view text);

std::string encode_base64(std::string_view text);

}  // namespace gatehouse::kubernetes::fake
