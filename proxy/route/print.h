// Routes as text, one a line: golden files, the command line, the log and the admin page show the same.
#pragma once

#include "proxy/route/route.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// Columns padded to the same width, a column that is empty in every row left out. Control bytes (names come from
// manifests) are shown as `\x0a`. Each line ends with a newline and without trailing spaces.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

// "→ gitlab/webservice:8181 [10.0.0.1:8181, 10.0.0.2:8181]", or "→ 503 reason" where `otherwise` is "503".
std::string print_target(const Service* service, std::string_view missing, std::string_view otherwise);

// "host kind path → target"
std::string print_route(const HttpRoute& route);

// host, path kind, path, priority, tls, target, origin. The priority column is there when any route has an explicit
// one; the others then show the default they are compared by, in parentheses.
std::string print_routes(std::span<const HttpRoutePtr> routes);

}  // namespace gatehouse
