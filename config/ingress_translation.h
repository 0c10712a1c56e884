// Ingress drafts bound to services and put on entry points. Part of translation.
//
// Several Ingresses on one host are one host; where two claim the same host and path on the same entry point the first
// in the total order has it. A defaultBackend takes what the rules leave: of the hosts its Ingress names, or without
// rules of all hosts. A path whose backend is missing stays and answers 503.
#pragma once

#include "config/ingress_draft.h"
#include "config/tcp_translation.h"

namespace gatehouse {

// An Ingress's place in the total order, compared without looking at it.
struct Turn {
  WallTime age;
  std::size_t source = 0;
  std::size_t position = 0;  // in the order of names
  IngressPart* part = nullptr;
};

// First of all: drafts of what all sources have now, in their memories.
void draft_ingresses(const TranslationParts& parts, std::vector<Problem>& problems);
// The same for one Ingress. Null: there is none, or it is not ours.
IngressPart* draft_ingress_again(SourceParts& source, std::size_t index, const ObjectName& name);

// In the order of sources and names, and from there in the total order.
std::vector<IngressPart*> by_name(std::vector<IngressPart*> ingresses);
std::vector<Turn> total_order(const std::vector<IngressPart*>& by_name);

// Whose the hosts are that these have rules for, in parts.owners; and what each of them may have of what it names.
// Besides these no Ingress names any of their hosts.
void share_out_hosts(const TranslationParts& parts, const std::vector<Turn>& order);

using HttpRouteLists = std::vector<std::vector<HttpRoutePtr>>;  // per entry point, in the total order

// Then, their routes. `claimed`: entry points that carry raw TCP only, unless an Ingress names them. Leaves what each
// contributes in its part.
HttpRouteLists translate_ingresses(const TranslationParts& parts, const std::vector<Turn>& order,
                                   EntryPointSet claimed);

}  // namespace gatehouse
