// The settings file as a tree that remembers where each value stands, before anything is known about keys.
#pragma once

#include "config/problem.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

struct Place {
  std::string source;  // as Problem::file
  int line = 0;
  int column = 0;
};

struct SettingMember;

struct SettingNode {
  enum class Kind {
    null,
    scalar,
    list,
    map,
    broken,  // a scalar that has been complained about
  };

  Kind kind = Kind::null;
  std::string text;                    // of a scalar, variables replaced
  std::vector<SettingMember> members;  // of a map, in the file's order, duplicates too; of a list, keys "0", "1", …
  Place place;

  // The member of that name, exactly or else but for letter case; null when there is none.
  const SettingMember* find(std::string_view key) const;
  SettingMember* find(std::string_view key);
};

struct SettingMember {
  std::string key;
  Place key_place;
  SettingNode value;
};

// Bounds that no real file comes near; beyond them the file is refused.
struct SettingTreeLimits {
  std::size_t file_bytes = 1 << 20;
  std::size_t depth = 32;
  std::size_t memory_bytes = 8 << 20;  // of the tree, aliases and variables replaced
};

// Parses one YAML document. `${NAME}` and `${NAME:-default}` in values are replaced from `variables` (`$${` stands
// for `${`), aliases and merge keys (`<<`) by what they name. Appends a problem for each mistake; after a mistake in
// the YAML itself the tree is empty. Never throws; an empty document is a null node.
SettingNode parse_setting_tree(const std::string& file, const std::string& text,
                               const std::map<std::string, std::string>& variables, std::vector<Problem>& problems,
                               const SettingTreeLimits& limits = {});

Problem error_at(const Place& place, std::string object, std::string words);
Problem warning_at(const Place& place, std::string object, std::string words);

bool equal_but_case(std::string_view a, std::string_view b);

}  // namespace gatehouse
