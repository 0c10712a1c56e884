// Ingress drafts bound to services and put on entry points. Part of translation.
//
// Several Ingresses on one host are one host; where two claim the same host and path on the same entry point the first
// in the total order has it. A defaultBackend takes what the rules leave: of the hosts its Ingress names, or without
// rules of all hosts. A path whose backend is missing stays and answers 503.
#pragma once

#include "config/ingress_draft.h"
#include "config/tcp_translation.h"

namespace gatehouse {

// A draft's place in the total order, compared without looking at the draft.
struct Turn {
  WallTime age;
  std::size_t source = 0;
  IngressDraftPtr* draft = nullptr;  // in its source's memory; a source's are in order of names
};

// First of all: the drafts of all sources, and in parts.owners whose the hosts are.
std::vector<Turn> draft_ingresses(const TranslationParts& parts);

struct IngressTranslation {
  std::vector<std::vector<HttpRoutePtr>> lists;  // per entry point, in the total order
};

// `claimed`: entry points that carry raw TCP only, unless an Ingress names them. Leaves the drafts of each source in
// its memory.
IngressTranslation translate_ingresses(const TranslationParts& parts, const std::vector<Turn>& order,
                                       EntryPointSet claimed);

}  // namespace gatehouse
