#include "config/setting_complaints.h"

#include "config/setting_keys.h"

namespace gatehouse {

void SettingComplaints::error(const std::string& path, std::string words) {
  bool exact = false;
  problems_.push_back(error_at(place(path, exact), path, std::move(words)));
}

void SettingComplaints::warn(const std::string& path, std::string words) {
  bool exact = false;
  problems_.push_back(warning_at(place(path, exact), path, std::move(words)));
}

bool SettingComplaints::there(const std::string& path) const {
  bool exact = false;
  place(path, exact);
  return exact;
}

Place SettingComplaints::place(const std::string& path, bool& exact) const {
  const SettingNode* node = &tree_;
  Place here{tree_.place.source};
  exact = true;
  for (const auto& component : key_components(path)) {
    const SettingMember* member = node->find(component);
    exact = member != nullptr;
    if (!exact) break;
    node = &member->value;
    here = node->kind == SettingNode::Kind::scalar ? node->place : member->key_place;
  }
  return here;
}

}  // namespace gatehouse
