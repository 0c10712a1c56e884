// SettingComplaints: problems of settings as a whole, at the places of their keys.
#pragma once

#include "config/setting_tree.h"

#include <string>
#include <vector>

namespace gatehouse {

class SettingComplaints {
 public:
  // Both outlive it.
  SettingComplaints(const SettingNode& tree, std::vector<Problem>& problems) : tree_(tree), problems_(problems) {}

  // `path`: a key as the user writes it, `entryPoints.web.address`. Complaints about one that is not there stand at the
  // innermost section around it that is.
  void error(const std::string& path, std::string words);
  void warn(const std::string& path, std::string words);
  bool there(const std::string& path) const;

 private:
  Place place(const std::string& path, bool& exact) const;

  const SettingNode& tree_;
  std::vector<Problem>& problems_;
};

}  // namespace gatehouse
