// Ingress drafts bound to services and put on entry points. Part of translation.
//
// Several Ingresses on one host are one host; where two claim the same host and path on the same entry point the first
// in the total order has it. A defaultBackend takes what the rules leave: of the hosts its Ingress names, or without
// rules of all hosts. A path whose backend is missing stays and answers 503.
#pragma once

#include "config/ingress_draft.h"
#include "config/tcp_translation.h"

namespace gatehouse {

struct IngressTranslation {
  std::vector<std::vector<HttpRoutePtr>> lists;  // per entry point, in the total order
};

// `claimed`: entry points that carry raw TCP only, unless an Ingress names them. Leaves the drafts of each source in
// its memory.
IngressTranslation translate_ingresses(const TranslationParts& parts, EntryPointSet claimed);

}  // namespace gatehouse
