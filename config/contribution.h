// Contribution: what an object adds to a translation besides routes and certificates. Part of translation.
#pragma once

#include "base/names.h"
#include "config/certificate_request.h"
#include "config/problem.h"

#include <string>
#include <vector>

namespace gatehouse {

struct Contribution {
  std::vector<Problem> problems;
  std::vector<CertificateRequest> requests;  // in the order they were asked
  std::vector<std::string> names;  // DNS names of Services it leads to, resolved or not yet
  std::vector<ObjectName> secrets;  // that it names, there or not
};

}  // namespace gatehouse
