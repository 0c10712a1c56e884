#include "config/setting_overrides.h"

#include "config/nearest.h"
#include "config/quantities.h"

namespace gatehouse {
namespace {

constexpr std::string_view prefix = "GATEHOUSE_";
constexpr std::size_t longest_name = 256;

using Path = std::vector<std::string>;

// `entryPoints` → `ENTRYPOINTS`, `gitlab-shell` → `GITLAB_SHELL`.
std::string environment_form(std::string_view component) {
  std::string form(component);
  for (char& c : form) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
    if ((c < 'A' || c > 'Z') && (c < '0' || c > '9')) c = '_';
  }
  return form;
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

// Finds the key that the rest of a variable's name (in environment form) stands for.
class EnvironmentMatch {
 public:
  static std::optional<Path> find(const SettingNode& tree, const KeyTree& keys, std::string_view name) {
    EnvironmentMatch match;
    if (!match.below(keys, &tree, name)) return std::nullopt;
    return match.path_;
  }

 private:
  bool below(const KeyTree& keys, const SettingNode* node, std::string_view rest) {
    if (keys.refused != nullptr) return true;
    if (rest.empty()) return keys.key != nullptr;
    for (const auto& child : keys.children)
      if (child.name == "<name>" ? by_known_name(child, node, rest) || by_new_name(child, rest)
          : child.name == "[]"   ? by_new_name(child, rest.substr(0, rest.find('_')), rest)
                                 : through(child, node, child.name, rest))
        return true;
    return false;
  }

  bool by_known_name(const KeyTree& keys, const SettingNode* node, std::string_view rest) {
    if (node == nullptr) return false;
    return std::any_of(node->members.begin(), node->members.end(),
                       [&](const auto& member) { return through(keys, node, member.key, rest); });
  }

  // Every front part of the rest may be the name.
  bool by_new_name(const KeyTree& keys, std::string_view rest) {
    for (auto end = rest.find('_', 1); end != std::string_view::npos; end = rest.find('_', end + 1))
      if (by_new_name(keys, rest.substr(0, end), rest)) return true;
    return false;
  }

  bool by_new_name(const KeyTree& keys, std::string_view name, std::string_view rest) {
    if (keys.name == "[]" && !parse_number(name)) return false;
    return through(keys, nullptr, lower_case(std::string(name)), rest);
  }

  bool through(const KeyTree& keys, const SettingNode* node, std::string_view component, std::string_view rest) {
    const std::string form = environment_form(component);
    if (!rest.starts_with(form)) return false;
    rest.remove_prefix(form.size());
    if (!rest.empty() && rest[0] != '_') return false;
    const SettingMember* member = node != nullptr ? node->find(component) : nullptr;
    path_.emplace_back(component);
    if (below(keys, member != nullptr ? &member->value : nullptr, rest.empty() ? rest : rest.substr(1))) return true;
    path_.pop_back();
    return false;
  }

  Path path_;
};

// <prefix>_SERVICE_HOST, _SERVICE_PORT[_NAME], _PORT, _PORT_80_TCP[_ADDR]: what Kubernetes and container links set.
bool is_service_variable(std::string_view name) {
  if (name.find("_SERVICE_HOST") != std::string_view::npos || name.find("_SERVICE_PORT") != std::string_view::npos)
    return true;
  const auto port = name.find("_PORT");
  if (port == std::string_view::npos) return false;
  const auto rest = name.substr(port + 5);
  return rest.empty() || (rest.size() > 1 && rest[0] == '_' && rest[1] >= '0' && rest[1] <= '9');
}

void collect_forms(const KeyTree& keys, const SettingNode* node, const std::string& form,
                   std::vector<std::string>& forms) {
  if (keys.key != nullptr) forms.push_back(form);
  for (const auto& child : keys.children) {
    std::vector<std::string> names{child.name == "[]" ? "0" : child.name};
    if (child.name == "<name>") {
      names.clear();
      if (node != nullptr)
        for (std::size_t i = 0; i < std::min<std::size_t>(node->members.size(), 20); ++i)
          names.push_back(node->members[i].key);
    }
    for (const auto& name : names) {
      const SettingMember* member = node != nullptr ? node->find(name) : nullptr;
      collect_forms(child, member != nullptr ? &member->value : nullptr,
                    form + (form.empty() ? "" : "_") + environment_form(name), forms);
    }
  }
}

void complain_of_variable(const SettingNode& tree, const KeyTree& keys, const std::string& name,
                          std::vector<Problem>& problems) {
  std::vector<std::string> forms;
  collect_forms(keys, &tree, {}, forms);
  const auto meant = nearest(environment_form(std::string_view(name).substr(prefix.size())), forms);
  problems.push_back(error_at({"environment variable " + name.substr(0, longest_name)}, {},
                              meant.empty()
                                  ? "no key has this name"
                                  : "no key has this name (did you mean " + std::string(prefix) + meant + "?)"));
}

bool starts_with_prefix(std::string_view name) {
  return name.size() > prefix.size() && equal_but_case(name.substr(0, prefix.size()), prefix);
}

// The node at the path, made where it is not there. Null, after a problem, when a list would get a hole.
SettingNode* node_at(SettingNode& tree, const KeyTree* keys, const Path& path, const Place& place,
                     std::vector<Problem>& problems) {
  SettingNode* node = &tree;
  for (const auto& component : path) {
    const bool in_list = keys != nullptr && keys->literal_child("[]") != nullptr;
    const auto kind = in_list ? SettingNode::Kind::list : SettingNode::Kind::map;
    if (node->kind != kind) *node = {kind, {}, {}, place};
    SettingMember* member = node->find(component);
    if (in_list && member == nullptr && component != std::to_string(node->members.size())) {
      problems.push_back(
          error_at(place, {}, "the next element of this list is number " + std::to_string(node->members.size())));
      return nullptr;
    }
    if (member == nullptr) member = &node->members.emplace_back(SettingMember{component, place, {}});
    if (keys != nullptr) keys = in_list ? keys->literal_child("[]") : keys->child(component);
    node = &member->value;
  }
  return node;
}

void lay_over(SettingNode& tree, const KeyTree& keys, const Path& path, const std::string& value, const Place& place,
              std::vector<Problem>& problems) {
  SettingNode* node = node_at(tree, &keys, path, place, problems);
  if (node == nullptr) return;
  *node = value == "{}" ? SettingNode{SettingNode::Kind::map, {}, {}, place}
                        : SettingNode{SettingNode::Kind::scalar, value, {}, place};
}

}  // namespace

void lay_over_environment(SettingNode& tree, const KeyTree& keys, const std::map<std::string, std::string>& environment,
                          const std::vector<std::string>& used, std::vector<Problem>& problems) {
  for (const auto& [name, value] : environment) {
    if (!starts_with_prefix(name) || std::find(used.begin(), used.end(), name) != used.end()) continue;
    const std::string form = environment_form(name).substr(prefix.size());
    const auto path = form.size() <= longest_name ? EnvironmentMatch::find(tree, keys, form) : std::nullopt;
    if (path) {
      lay_over(tree, keys, *path, value, {"environment variable " + name}, problems);
    } else if (!is_service_variable("_" + form)) {
      complain_of_variable(tree, keys, name, problems);
    }
  }
}

void lay_over_set(SettingNode& tree, const KeyTree& keys, const std::vector<std::string>& set,
                  std::vector<Problem>& problems) {
  for (const auto& assignment : set) {
    const Place place{"--set " + assignment.substr(0, longest_name)};
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0 || equals > longest_name) {
      problems.push_back(error_at(place, {}, "expects key=value, such as entryPoints.web.address=:80"));
      continue;
    }
    lay_over(tree, keys, key_components(assignment.substr(0, equals)), assignment.substr(equals + 1), place, problems);
  }
}

}  // namespace gatehouse
