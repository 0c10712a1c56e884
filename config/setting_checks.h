// Whether settings fit together: names that must exist, addresses that must differ, pairs that must be whole.
#pragma once

#include "config/setting_tree.h"
#include "config/settings.h"

namespace gatehouse {

// Appends problems at the places of the values in `tree`, which the settings were read from. What the reader has
// already complained about is not said again.
void check_settings(const Settings& settings, const SettingNode& tree, std::vector<Problem>& problems);

}  // namespace gatehouse
