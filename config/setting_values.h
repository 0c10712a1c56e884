// One value of the settings: from the file's text into its slot.
#pragma once

#include "config/setting_keys.h"
#include "config/setting_tree.h"

namespace gatehouse {

// Puts the node's value into the key's slot, or appends what is wrong with it (with `path` as the object) and
// leaves the slot alone. Lists may be written as one text with commas. Does nothing for sections.
void store_value(const SettingKey& key, At at, const SettingNode& node, const std::string& path,
                 std::vector<Problem>& problems);

}  // namespace gatehouse
