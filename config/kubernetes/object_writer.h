// An object as the JSON that object_reader reads to an equal one. ◦
#pragma once

#include "config/kubernetes/objects.h"

#include <string>

namespace gatehouse::kubernetes {

std::string write_object(const Object& object);

}  // namespace gatehouse::kubernetes
