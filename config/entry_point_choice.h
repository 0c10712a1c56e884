// Which entry points a route goes on. Part of translation.
#pragma once

#include "config/translation.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse {

// Bit i stands for TranslationInput::entry_points[i]; those beyond the 64th have no routes.
using EntryPointSet = std::uint64_t;

class EntryPointChoice {
 public:
  explicit EntryPointChoice(const std::vector<EntryPointInput>& entry_points);

  struct Named {
    EntryPointSet set = 0;
    std::vector<std::string> unknown;  // no such entry point, or the admin one
  };
  Named named(const std::vector<std::string>& names) const;

  EntryPointSet everywhere() const { return everywhere_; }  // all but the admin one
  EntryPointSet as_default() const { return as_default_; }  // those marked asDefault
  // Where routes go that name no entry point: those marked asDefault, or everywhere when none is.
  EntryPointSet defaults() const { return as_default_ != 0 ? as_default_ : everywhere_; }
  std::string text(EntryPointSet set) const;  // "web, websecure"
  std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  EntryPointSet everywhere_ = 0;
  EntryPointSet as_default_ = 0;
};

}  // namespace gatehouse
