// The metrics of certificates. ◦
#pragma once

#include "acme/status.h"

#include <map>
#include <string>

namespace gatehouse::acme {

// `statuses`: by storage. Of each resolver up to 1000 certificates are told one by one, those that end first.
std::string status_metrics(const std::map<std::string, RenewalStatus>& statuses);

}  // namespace gatehouse::acme
