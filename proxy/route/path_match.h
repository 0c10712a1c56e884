// How a request's path meets a route's path (Kubernetes HTTPIngressPath.pathType). Plain functions, no state.
#pragma once

#include "proxy/route/route.h"

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

// The raw path (no query) as matching sees it: unreserved percent-escapes decoded, the other escapes in upper case,
// `.`, `..` and empty elements resolved (RFC 3986 §6.2.2), a trailing slash kept. `%2F` stays an escape and so never
// separates elements. Nothing when `..` climbs above the root, when the path holds %00 or a malformed escape, or when
// it is neither `*` nor begins with `/`; an empty path counts as `/`.
// Returns the input itself when there is nothing to do (the common case allocates nothing), else a view of `storage`.
std::optional<std::string_view> normalised_path(std::string_view raw, std::string& storage);

// What kind of match the route's path really asks for: an empty path is every path, whatever its kind.
PathKind path_kind_of(const HttpRoute& route);

// The route's path as it is compared: an Exact in normal form, a Prefix so and without its trailing slash (the root
// is empty), a regex as written. A path that has no normal form stays as it is and matches nothing.
// The view is of the route or of `storage`.
std::string_view comparable_path(const HttpRoute& route, std::string& storage);

// Whether `prefix` (comparable form) covers the normalised `path`: element-wise, `/foo` covers `/foo`, `/foo/` and
// `/foo/x`, not `/foobar`.
bool prefix_covers(std::string_view prefix, std::string_view path);

}  // namespace gatehouse
