// The registered domain of a name, which is what CAs count by: the part somebody bought, one label below a public
// suffix (publicsuffix.org). The only door to libpsl.
#pragma once

#include "base/names.h"

#include <string>

namespace gatehouse::acme {

// `example.co.uk` of `*.shop.example.co.uk`. A name that is itself a public suffix is its own. Where there is no list,
// the last two labels, so two names that share a domain are never told apart. Any thread.
std::string registered_domain(const HostName& name);

}  // namespace gatehouse::acme
