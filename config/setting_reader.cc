#include "config/setting_reader.h"

#include "config/nearest.h"
#include "config/setting_values.h"

#include <map>

namespace gatehouse {
namespace {

using Kind = SettingNode::Kind;

bool is_name(std::string_view text) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !text.empty() && text.size() <= 63 && text.find_first_not_of(allowed) == std::string_view::npos;
}

class Reader {
 public:
  Reader(Settings& settings, std::vector<Problem>& problems) : settings_(settings), problems_(problems) {}

  void read(const KeyTree& keys, const SettingNode& node) {
    if (node.kind == Kind::broken) return;
    if (keys.children.empty() && !is_section(keys)) return store_value(*keys.key, at(), node, path_, problems_);
    if (is_section(keys) && !begin_section(keys, node)) return;
    if (keys.literal_child("[]") != nullptr) {
      read_elements(*keys.literal_child("[]"), node);
    } else {
      read_members(keys, node);
    }
  }

 private:
  At at() { return {settings_, names_}; }

  static bool is_section(const KeyTree& keys) {
    return keys.key != nullptr && std::holds_alternative<void (*)(At)>(keys.key->slot);
  }

  // Whether there may be something inside: `true` stands for `{}`, `false` for the key left out.
  bool begin_section(const KeyTree& keys, const SettingNode& node) {
    const bool on = node.kind == Kind::map || (node.kind == Kind::scalar && equal_but_case(node.text, "true"));
    const bool off = node.kind == Kind::scalar && equal_but_case(node.text, "false");
    const bool named = keys.name == "<name>";  // what is missing in it is said elsewhere
    if (on || (named && node.kind == Kind::null)) std::get<void (*)(At)>(keys.key->slot)(at());
    if (!on && !off && !(named && node.kind == Kind::null))
      complain(node.place, path_,
               node.kind == Kind::null ? "has no value; write {} to turn it on" : "expects further keys");
    return node.kind == Kind::map;
  }

  void read_members(const KeyTree& keys, const SettingNode& node) {
    if (node.kind == Kind::scalar || node.kind == Kind::list)
      return complain(node.place, path_, "expects further keys");
    std::map<std::string, Place> seen;
    for (const auto& member : node.members) {
      const KeyTree* child = keys.child(member.key);
      const std::string name = child == nullptr || child->name == "<name>" ? member.key : child->name;
      const auto [first, fresh] = seen.emplace(name, member.key_place);
      if (!fresh) {
        complain(member.key_place, joined(name), "is there twice, first in line " + std::to_string(first->second.line));
      } else if (child == nullptr) {
        complain(member.key_place, path_, unknown_key(keys, member.key));
      } else if (child->refused != nullptr) {
        complain(member.key_place, joined(name), "not supported: " + std::string(child->refused->instead));
      } else if (child->name == "<name>" && !is_name(name)) {
        complain(member.key_place, path_, quoted(name) + " is not a name: letters, digits, - and _, at most 63");
      } else {
        enter(*child, name, joined(name), member.value);
      }
    }
  }

  void read_elements(const KeyTree& keys, const SettingNode& node) {
    if (node.kind == Kind::scalar || node.kind == Kind::map) return complain(node.place, path_, "expects a list");
    for (const auto& element : node.members) enter(keys, element.key, path_ + "[" + element.key + "]", element.value);
  }

  void enter(const KeyTree& keys, const std::string& name, std::string path, const SettingNode& value) {
    std::swap(path_, path);
    const bool users_word = keys.name == "<name>" || keys.name == "[]";
    if (users_word) names_.push_back(name);
    read(keys, value);
    if (users_word) names_.pop_back();
    std::swap(path_, path);
  }

  std::string joined(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

  std::string unknown_key(const KeyTree& keys, const std::string& key) const {
    std::string meant = nearest_here(keys, key);
    if (meant.empty()) meant = same_elsewhere(key);
    return "unknown key " + quoted(key) + (meant.empty() ? "" : " (did you mean " + meant + "?)");
  }

  static std::string nearest_here(const KeyTree& keys, const std::string& key) {
    std::vector<std::string_view> names;
    for (const auto& child : keys.children)
      if (child.name != "<name>" && child.refused == nullptr) names.push_back(child.name);
    return nearest(key, names);
  }

  // The key of that name in another section, with our own names in it.
  std::string same_elsewhere(const std::string& key) const {
    for (const auto& known : setting_keys()) {
      auto components = key_components(known.name);
      if (!equal_but_case(components.back(), key)) continue;
      std::string path(known.name);
      if (const auto name = path.find("<name>"); name != std::string::npos && !names_.empty())
        path.replace(name, 6, names_[0]);
      return path;
    }
    return {};
  }

  void complain(const Place& place, std::string object, std::string words) {
    problems_.push_back(error_at(place, std::move(object), std::move(words)));
  }

  Settings& settings_;
  std::vector<Problem>& problems_;
  std::vector<std::string> names_;
  std::string path_;
};

}  // namespace

void read_settings(const SettingNode& tree, const KeyTree& keys, Settings& settings, std::vector<Problem>& problems) {
  Reader(settings, problems).read(keys, tree);
}

}  // namespace gatehouse
