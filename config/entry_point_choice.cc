#include "config/entry_point_choice.h"

#include <algorithm>

namespace gatehouse {

EntryPointChoice::EntryPointChoice(const std::vector<EntryPointInput>& entry_points) {
  constexpr std::size_t most = 64;
  for (const auto& input : entry_points) {
    if (names_.size() == most) return;
    const EntryPointSet bit = EntryPointSet{1} << names_.size();
    names_.push_back(input.entry_point.name);
    if (input.entry_point.admin) continue;
    everywhere_ |= bit;
    if (input.as_default) as_default_ |= bit;
  }
}

EntryPointChoice::Named EntryPointChoice::named(const std::vector<std::string>& names) const {
  Named named;
  for (const std::string& name : names) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    const auto index = static_cast<std::size_t>(found - names_.begin());
    const EntryPointSet bit = found == names_.end() ? 0 : EntryPointSet{1} << index;
    if ((bit & everywhere_) == 0) named.unknown.push_back(name);
    named.set |= bit & everywhere_;
  }
  return named;
}

std::string EntryPointChoice::text(EntryPointSet set) const {
  std::string text;
  for (std::size_t i = 0; i < names_.size(); ++i)
    if ((set >> i & 1U) != 0) text += (text.empty() ? "" : ", ") + names_[i];
  return text;
}

}  // namespace gatehouse
