#include "proxy/snapshot.h"

#include <algorithm>

namespace gatehouse {

std::shared_ptr<const EntryPoint> Snapshot::find_entry_point(std::string_view name) const {
  const auto found =
      std::find_if(entry_points.begin(), entry_points.end(), [&](const auto& e) { return e->name == name; });
  return found == entry_points.end() ? nullptr : *found;
}

}  // namespace gatehouse
