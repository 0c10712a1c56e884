// create, update, patch and delete.
#pragma once

#include "tests/doubles/kubernetes/answers.h"

namespace gatehouse::kubernetes::fake {

Reply create(State& state, Table& table, const Call& call);
Reply update(State& state, Table& table, const Call& call);
Reply patch(State& state, Table& table, const Call& call);
Reply remove(State& state, Table& table, const Call& call);
Reply remove_collection(State& state, Table& table, const Call& call);

// By the back door: as it is, with what is missing filled in.
void put_as_is(State& state, Table& table, json::object object);
bool erase(State& state, Table& table, const Key& key);

}  // namespace gatehouse::kubernetes::fake
