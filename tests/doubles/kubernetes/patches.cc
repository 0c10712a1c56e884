#include "tests/doubles/kubernetes/patches.h"

#include <algorithm>

namespace gatehouse::kubernetes::fake {
namespace {

// Where a list's items are told apart by a field (patchMergeKey in the API's Go structs).
std::string_view merge_key(std::string_view field, const json::array& items) {
  static const std::map<std::string_view, std::string_view> keys = {
      {"ports", "port"},          {"ownerReferences", "uid"}, {"conditions", "type"}, {"containers", "name"},
      {"initContainers", "name"}, {"volumes", "name"},        {"env", "name"},        {"addresses", "type"}};
  const auto found = keys.find(field);
  if (found == keys.end()) return {};
  const bool all_have_it = std::ranges::all_of(
      items, [&](const json::value& item) { return item.is_object() && item.get_object().contains(found->second); });
  return all_have_it ? found->second : std::string_view();
}

json::value* with_key(json::array& list, std::string_view key, const json::value& value) {
  for (auto& item : list)
    if (item.is_object() && item.get_object().contains(key) && item.at(key) == value) return &item;
  return nullptr;
}

bool says(const json::value& item, std::string_view directive) {
  const auto* object = item.if_object();
  const auto* found = object != nullptr ? object->if_contains("$patch") : nullptr;
  return found != nullptr && *found == json::value(directive);
}

void merge_list(json::array& target, const json::array& patch, std::string_view key) {
  for (const auto& item : patch) {
    json::value* known = with_key(target, key, item.at(key));
    if (says(item, "delete")) {
      if (known != nullptr) target.erase(target.begin() + (known - target.data()));
    } else if (known != nullptr) {
      strategic_merge_patch(*known, item);
    } else {
      strategic_merge_patch(target.emplace_back(json::object()), item);
    }
  }
}

// $setElementOrder/ports: [{port: 80}, {port: 443}]
void set_order(json::array& list, const json::array& order, std::string_view key) {
  const auto place = [&](const json::value& item) {
    const auto* value = item.is_object() ? item.get_object().if_contains(key) : nullptr;
    for (std::size_t i = 0; value != nullptr && i < order.size(); ++i)
      if (order[i].is_object() && order[i].get_object().contains(key) && order[i].at(key) == *value) return i;
    return order.size();
  };
  std::vector<json::value> items(list.begin(), list.end());
  std::ranges::stable_sort(items, {}, place);
  list = json::array(items.begin(), items.end());
}

void follow_directives(json::object& object, const json::object& patch) {
  for (const auto& [name, value] : patch) {
    const std::string_view directive = name;
    if (directive == "$retainKeys" && value.is_array()) {
      std::vector<std::string> others;
      for (const auto& field : object)
        if (std::ranges::find(value.get_array(), json::value(field.key())) == value.get_array().end())
          others.emplace_back(field.key());
      for (const auto& other : others) object.erase(other);
    }
    if (!directive.starts_with("$setElementOrder/") || !value.is_array()) continue;
    const auto field = directive.substr(directive.find('/') + 1);
    json::value* list = object.if_contains(field);
    if (list == nullptr || !list->is_array()) continue;
    if (const auto key = merge_key(field, value.get_array()); !key.empty())
      set_order(list->get_array(), value.get_array(), key);
  }
}

struct Step {
  std::string op;
  std::string path, from;
  json::value value;
};

std::string last_token(std::string& pointer) {
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string::npos) return {};
  std::string token = pointer.substr(slash + 1);
  pointer.resize(slash);
  for (auto [code, plain] : {std::pair("~1", "/"), std::pair("~0", "~")})
    for (std::size_t at = 0; (at = token.find(code, at)) != std::string::npos; ++at) token.replace(at, 2, plain);
  return token;
}

bool add_at(json::value& root, std::string path, const json::value& value) {
  if (path.empty()) {
    root = value;
    return true;
  }
  const std::string token = last_token(path);
  boost::system::error_code error;
  json::value* parent = root.find_pointer(path, error);
  if (parent == nullptr) return false;
  if (auto* object = parent->if_object()) {
    (*object)[token] = value;
    return true;
  }
  auto* list = parent->if_array();
  if (list == nullptr) return false;
  const std::size_t at = token == "-" ? list->size() : std::strtoul(token.c_str(), nullptr, 10);
  if (at > list->size()) return false;
  list->insert(list->begin() + static_cast<std::ptrdiff_t>(at), value);
  return true;
}

bool remove_at(json::value& root, std::string path) {
  const std::string token = last_token(path);
  boost::system::error_code error;
  json::value* parent = root.find_pointer(path, error);
  if (parent == nullptr) return false;
  if (auto* object = parent->if_object()) return object->erase(token) > 0;
  auto* list = parent->if_array();
  const std::size_t at = std::strtoul(token.c_str(), nullptr, 10);
  if (list == nullptr || at >= list->size()) return false;
  list->erase(list->begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool carry_out(json::value& root, const Step& step) {
  boost::system::error_code error;
  const auto found = [&](const std::string& path) { return root.find_pointer(path, error); };
  if (step.op == "test") return found(step.path) != nullptr && *found(step.path) == step.value;
  if (step.op == "add") return add_at(root, step.path, step.value);
  if (step.op == "remove") return remove_at(root, step.path);
  if (step.op == "replace") {
    json::value* place = found(step.path);
    if (place != nullptr) *place = step.value;
    return place != nullptr;
  }
  if (step.op != "copy" && step.op != "move") return false;
  const json::value* source = found(step.from);
  if (source == nullptr) return false;
  const json::value value = *source;
  return (step.op == "copy" || remove_at(root, step.from)) && add_at(root, step.path, value);
}

}  // namespace

void merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null())
      target.get_object().erase(key);
    else
      merge_patch(target.get_object()[key], value);
  }
}

void strategic_merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object() || says(patch, "replace")) target = json::object();
  json::object& object = target.get_object();
  for (const auto& [name, value] : patch.get_object()) {
    const std::string_view key = name;
    if (key.starts_with('$')) continue;
    if (value.is_null() || says(value, "delete")) {
      object.erase(key);
      continue;
    }
    json::value& place = object[key];
    const auto list_key = value.is_array() ? merge_key(key, value.get_array()) : std::string_view();
    if (!list_key.empty()) {
      if (!place.is_array()) place = json::array();
      merge_list(place.get_array(), value.get_array(), list_key);
    } else {
      strategic_merge_patch(place, value);
    }
  }
  follow_directives(object, patch.get_object());
}

std::string json_patch(json::value& target, const json::value& operations) {
  if (!operations.is_array()) return "a JSON patch is a list";
  const auto text = [](const json::object& object, const char* key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  for (const auto& each : operations.get_array()) {
    if (!each.is_object()) return "an operation is an object";
    const auto& object = each.get_object();
    Step step{text(object, "op"), text(object, "path"), text(object, "from"), nullptr};
    if (const auto* value = object.if_contains("value")) step.value = *value;
    if (!carry_out(target, step)) return step.op + " operation does not apply: " + step.path;
  }
  return "";
}

}  // namespace gatehouse::kubernetes::fake
