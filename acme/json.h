// JSON from a CA: bounded, and read without trusting its shape. ◦
#pragma once

#include "base/result.h"

#include <boost/json/fwd.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::acme {

// The one object in `text`: at most 1 MiB and 16 levels deep; else bad_answer.
Result<boost::json::object> parse_object(std::string_view text);

// Members that are missing or of another kind are empty: what must be there is checked by its reader. Texts are cut
// after 4 KiB, lists after 200 elements.
std::string text_at(const boost::json::object& object, std::string_view key);
std::vector<std::string> texts_at(const boost::json::object& object, std::string_view key);
std::vector<boost::json::object> objects_at(const boost::json::object& object, std::string_view key);
boost::json::object object_at(const boost::json::object& object, std::string_view key);
bool flag_at(const boost::json::object& object, std::string_view key);

}  // namespace gatehouse::acme
