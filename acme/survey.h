// What there is in the storages that settings name, looked at without changing anything and beside a running process:
// for `gatehouse certs`.
#pragma once

#include "acme/holdings.h"
#include "acme/status.h"
#include "config/settings.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

struct Survey {
  std::string storage;
  std::map<std::string, std::vector<std::string>> resolvers;  // their names, and the URLs of their CAs
  std::map<std::string, std::vector<std::string>> accounts;  // records of those that have been made, by resolver
  std::vector<std::string> sentences;  // what is damaged or cannot be read
  bool readable = true;                // also when there is nothing yet
  PlanInput input;
  Plan plan;
};

// One of each folder; what is kept in Secrets is for kubectl to show.
std::vector<Survey> survey(const std::map<std::string, ResolverSettings>& resolvers,
                           const std::vector<CertificateRequest>& requests, Clock& clock);

}  // namespace gatehouse::acme
