// What must hold among the keys of a resolver of kind acme. Part of setting_checks.
#pragma once

#include "config/setting_complaints.h"
#include "config/settings.h"

namespace gatehouse {

// `path`: certificatesResolvers.NAME.acme.
void check_acme(const AcmeSettings& acme, const Settings& all, const std::string& path, SettingComplaints& complaints);

}  // namespace gatehouse
