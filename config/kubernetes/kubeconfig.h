// kubeconfig files, as kubectl reads them: several are laid over each other, and of each cluster, user and context the
// first one of that name counts. ◦ What needs programs to be run or somebody else to be played (exec, auth-provider,
// username, as, proxy-url) is refused by name, never passed over.
#pragma once

#include "config/kubernetes/access.h"

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

struct KubeconfigText {
  std::string file;  // its name: what problems say, and whose folder relative names in it start from
  std::string text;
};

// `context`: empty for the current one.
FoundAccess from_kubeconfig(const std::vector<KubeconfigText>& texts, const std::string& context);

// Of several files those that do not exist are passed over, as kubectl does.
FoundAccess from_kubeconfig_files(const std::vector<std::string>& files, const std::string& context);

// The files named by $KUBECONFIG.
std::vector<std::string> kubeconfig_files(std::string_view variable);

}  // namespace gatehouse::kubernetes
