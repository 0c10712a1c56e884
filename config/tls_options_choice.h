// Which TLS options objects name, of those in the settings, and who is told that others hold. Part of translation.
//
// Options are a whole host's, on each entry point, since a handshake knows nothing of paths; which of several hold is
// the route table's to say (HostTlsOptions). What is named and not there is never served without.
#pragma once

#include "config/translation_parts.h"

#include <string>
#include <vector>

namespace gatehouse {

// Those of the settings; tls_options_nobody_meets() when they are not there.
const TlsOptionsPtr& find_tls_options(const TranslationInput& input, const std::string& name);

// A route that names some, and the entry points it is on.
struct AskingRoute {
  HttpRoutePtr route;
  EntryPointSet set = 0;
  IngressPart* part = nullptr;
};

// `lists`: the routes of all hosts that are asked for, per entry point, in the total order.
void tell_of_other_tls_options(const std::vector<AskingRoute>& asking,
                               const std::vector<std::vector<HttpRoutePtr>>& lists, const TranslationParts& parts);

}  // namespace gatehouse
