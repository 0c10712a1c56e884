// Fields of the few JSON objects that are read one at a time (a Lease, the answer to a write), without trusting their
// shape. Objects that come by the thousand are read elsewhere. ◦
#pragma once

#include "base/result.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

// The one object in `text`: at most 2 MiB (etcd takes 1.5) and 32 levels deep; else bad_answer.
Result<boost::json::object> read_object(std::string_view text);

// Members that are missing or of another kind are empty.
const boost::json::object& object_in(const boost::json::object& parent, std::string_view key);
std::string text_in(const boost::json::object& parent, std::string_view key);
std::int64_t number_in(const boost::json::object& parent, std::string_view key);

}  // namespace gatehouse::kubernetes
