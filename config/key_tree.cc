#include "config/setting_keys.h"
#include "config/setting_tree.h"

namespace gatehouse {
namespace {

KeyTree& grow(KeyTree& root, std::string_view name) {
  KeyTree* here = &root;
  for (auto& component : key_components(name)) {
    const auto found = std::find_if(here->children.begin(), here->children.end(),
                                    [&](const auto& child) { return child.name == component; });
    here = found != here->children.end() ? &*found
                                         : &here->children.emplace_back(KeyTree{std::move(component), {}, {}, {}});
  }
  return *here;
}

}  // namespace

const KeyTree* KeyTree::literal_child(std::string_view wanted) const {
  for (const auto& candidate : children)
    if (equal_but_case(candidate.name, wanted)) return &candidate;
  return nullptr;
}

const KeyTree* KeyTree::child(std::string_view component) const {
  const bool literal = component != "[]" && component != "<name>";
  if (const auto* found = literal ? literal_child(component) : nullptr) return found;
  return literal_child("<name>");
}

KeyTree key_tree() {
  KeyTree root;
  for (const auto& key : setting_keys()) grow(root, key.name).key = &key;
  for (const auto& refused : refused_keys()) grow(root, refused.name).refused = &refused;
  return root;
}

std::vector<std::string> key_components(std::string_view name) {
  std::vector<std::string> components(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool empty_brackets = name.substr(i, 2) == "[]";
    if (name[i] == '.' || name[i] == '[') components.emplace_back();
    if (empty_brackets) components.back() = "[]";
    if (name[i] != '.' && name[i] != '[' && name[i] != ']') components.back() += name[i];
  }
  return components;
}

}  // namespace gatehouse
