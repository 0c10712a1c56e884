// Lists of problems: put in order, shortened, compared.
#pragma once

#include "config/problem.h"

namespace gatehouse {

// By place, object and words, each once. An object of ten thousand mistakes is not to drown the others' few: of an API
// server's object 20 are told and how many more there are. Of files, which are the operator's, all is told.
std::vector<Problem> in_order(std::vector<Problem> problems);

// Those of `some` whose text no one of `others` has.
std::vector<Problem> difference(const std::vector<Problem>& some, const std::vector<Problem>& others);

}  // namespace gatehouse
