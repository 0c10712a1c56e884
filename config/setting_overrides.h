// Settings from the environment and the command line, laid over the file's tree.
#pragma once

#include "config/setting_keys.h"
#include "config/setting_tree.h"

namespace gatehouse {

// Variables named GATEHOUSE_ and a key with `_` for every other separator, in any letter case:
// GATEHOUSE_ENTRYPOINTS_WEB_ADDRESS=:80, GATEHOUSE_TLS_CERTIFICATES_0_CERTFILE=/a.pem. Lists have commas. A variable
// that is no key is a problem, unless it is one of `used` (in a ${…}) or one that Kubernetes sets for a Service
// called gatehouse.
void lay_over_environment(SettingNode& tree, const KeyTree& keys, const std::map<std::string, std::string>& environment,
                          const std::vector<std::string>& used, std::vector<Problem>& problems);

// `entryPoints.web.address=:80`, `tls.certificates[0].certFile=/a.pem`; `{}` turns a section on. Unknown keys are
// laid over as well: whoever reads the tree complains about them.
void lay_over_set(SettingNode& tree, const KeyTree& keys, const std::vector<std::string>& set,
                  std::vector<Problem>& problems);

}  // namespace gatehouse
