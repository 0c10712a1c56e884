// A key of the settings described in words, for messages and the reference page.
#pragma once

#include "config/setting_keys.h"

namespace gatehouse {

std::string type_text(const SettingKey& key);          // `duration`, `list of texts`, …
std::string value_text(const SettingKey& key, At at);  // as it would be written; empty for empty texts and sections
std::string default_text(const SettingKey& key);       // the same of the default
std::string limits_text(const SettingKey& key);        // `1ms to 8760h`, the choices, or nothing

}  // namespace gatehouse
