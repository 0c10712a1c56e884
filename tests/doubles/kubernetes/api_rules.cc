#include "tests/doubles/kubernetes/api_rules.h"

#include "tests/doubles/kubernetes/reading.h"
#include "tests/doubles/kubernetes/writing.h"

namespace gatehouse::kubernetes::fake {
namespace {

bool speaks_our_types(std::string_view accept) {
  return accept.empty() || accept.find("application/json") != std::string_view::npos ||
         accept.find("*/*") != std::string_view::npos || accept.find("application/*") != std::string_view::npos;
}

bool has_subresource(const Table& table, std::string_view name) {
  return name.empty() || (name == "status" && table.type.status);
}

// In a group of the API server's own it says so in its own way.
Reply nothing_there(State& state, const Target& target) {
  for (const auto& table : state.store.tables())
    if (!table.type.custom && table.type.group == target.group && table.type.version == target.version)
      return refusal({404, "NotFound", "the server could not find the requested resource"});
  return no_such_page();
}

Reply carry_out(State& state, Table& table, const Call& call, const std::string& verb) {
  if (verb == "get") return get(table, call);
  if (verb == "list") return list(state, table, call);
  if (verb == "watch") return watch(state, table, call);
  if (verb == "create" && call.target.name.empty()) return create(state, table, call);
  if (verb == "update") return update(state, table, call);
  if (verb == "patch") return patch(state, table, call);
  if (verb == "delete") return remove(state, table, call);
  if (verb == "deletecollection") return remove_collection(state, table, call);
  refuse_method();
}

}  // namespace

std::string verb_of(std::string_view method, const Target& target) {
  if (target.plural.empty()) return "";
  const bool one = !target.name.empty();
  if (method == "GET" && !one && target.flag("watch")) return "watch";
  if (method == "GET" || method == "HEAD") return one ? "get" : "list";
  if (method == "POST") return "create";
  if (method == "PUT") return one ? "update" : "none";
  if (method == "PATCH") return one ? "patch" : "none";
  if (method == "DELETE") return one ? "delete" : "deletecollection";
  return "none";
}

Reply perform(State& state, const Call& call) {
  try {
    if (call.target.plural.empty()) return discover(state, call);
    Table* table = state.store.find(call.target.group, call.target.plural);
    if (table == nullptr || !table->served || table->type.version != call.target.version)
      return nothing_there(state, call.target);
    if (!has_subresource(*table, call.target.subresource)) {
      if (table->type.custom) refuse_not_found(table->type, call.target.name);
      return nothing_there(state, call.target);
    }
    if (!speaks_our_types(call.accept))
      refuse({406, "NotAcceptable",
              "only the following media types are accepted: application/json, application/yaml, "
              "application/vnd.kubernetes.protobuf"});
    return carry_out(state, *table, call, verb_of(call.method, call.target));
  } catch (const Refused& refused) {
    return refused.reply;
  }
}

}  // namespace gatehouse::kubernetes::fake
