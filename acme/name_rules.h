// Which names a CA is never asked for, because it cannot or must not certify them.
#pragma once

#include "base/names.h"

#include <string>
#include <string_view>

namespace gatehouse::acme {

// Whether the directory is that of a CA whose certificates browsers trust, so that only public names make sense.
bool is_public_ca(std::string_view directory_url);

// Why not, in words that follow the name; empty: it may be asked for. `wildcards`: the resolver can do dns-01.
std::string refusal(const HostName& name, bool wildcards, bool public_ca);

}  // namespace gatehouse::acme
