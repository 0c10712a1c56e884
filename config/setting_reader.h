// Reads a whole tree into Settings by the table of keys.
#pragma once

#include "config/setting_keys.h"
#include "config/setting_tree.h"

namespace gatehouse {

// Every value goes into its slot; unknown, refused, doubled keys and wrong values are appended as problems and
// change nothing. Values are checked one by one here; how they fit together is for setting_checks.
void read_settings(const SettingNode& tree, const KeyTree& keys, Settings& settings, std::vector<Problem>& problems);

}  // namespace gatehouse
