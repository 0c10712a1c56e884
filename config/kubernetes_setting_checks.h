// What must hold among the keys of providers.kubernetes. Part of setting_checks.
#pragma once

#include "config/setting_complaints.h"
#include "config/settings.h"

namespace gatehouse {

void check_kubernetes(const KubernetesSettings& kubernetes, SettingComplaints& complaints);

}  // namespace gatehouse
