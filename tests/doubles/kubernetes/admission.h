// What the API does to an object before it is stored: checks and defaults, as far as our programs could meet them.
#pragma once

#include "base/clock.h"
#include "tests/doubles/kubernetes/object_store.h"

#include <optional>

namespace gatehouse::kubernetes::fake {

struct Cause {
  std::string reason, message, field;
};

std::string new_uid();
std::string timestamp(WallTime time);  // RFC 3339, whole seconds

// Of an object that is created, or replaced, through the API or the back door: type defaults.
void fill_in(json::object& object, const ResourceType& type);
// uid, creationTimestamp, generation, where they are not given.
void give_birth(json::object& object, const ResourceType& type, WallTime now);
// What an update keeps whatever is sent.
void keep_identity(json::object& object, const json::object& old, const ResourceType& type);
// generation + 1 if something other than metadata and status differs.
void count_generation(json::object& object, const json::object& old, const ResourceType& type);
void add_managed_fields(json::object& object, const ResourceType& type, std::string_view manager, WallTime now);

// A value of the wrong type or form: 400. Empty: none.
std::string undecodable(const json::object& object, const ResourceType& type);
// 422.
std::vector<Cause> invalid(const json::object& object, const json::object* old, const ResourceType& type);

}  // namespace gatehouse::kubernetes::fake
