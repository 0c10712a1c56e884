// Text as a part of a request's path or query (RFC 3986 §2.1): all but letters, digits and `-._~` is escaped. ◦
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::kubernetes {

// For a query; in a path use path_segment.
std::string percent_encoded(std::string_view text);

// One segment of a path: "." and "..", which would be steps, are escaped too.
std::string path_segment(std::string_view name);

}  // namespace gatehouse::kubernetes
