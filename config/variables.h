// `${NAME}` and `${NAME:-default}` in values.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// The text with its variables replaced; `$${` gives `${`, any other `$` is itself, what is put in is not looked at
// again. A variable that is not set and has no default, and a `${` that is not understood, are left out and add one
// sentence to `complaints`. Stops growing at `most_bytes`.
std::string with_variables(std::string_view text, const std::map<std::string, std::string>& variables,
                           std::size_t most_bytes, std::vector<std::string>& complaints);

// The names used in the text, set or not.
std::vector<std::string> variables_in(std::string_view text);

}  // namespace gatehouse
