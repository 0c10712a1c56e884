// Rendering: the objects of one YAML file as `helm template` writes it, to be looked into.
#pragma once

#include "config/kubernetes/tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace gatehouse::chart {

using kubernetes::Tree;
using kubernetes::Value;

inline std::filesystem::path below_root(const std::string& path) {
  return std::filesystem::path(GATEHOUSE_SOURCE_DIR) / path;
}

inline std::string text_of(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

inline std::vector<std::filesystem::path> yaml_files(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(below_root(folder)))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

inline std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> found;
  for (const Value& item : list) found.emplace_back(item.text());
  return found;
}

inline std::map<std::string, std::string> pairs(const Value& map) {
  std::map<std::string, std::string> found;
  for (const Value& item : map) found.emplace(item.key(), item.text());
  return found;
}

// The element of a list whose `name` it is; absent if there is none.
inline Value named(const Value& list, std::string_view name) {
  for (const Value& item : list)
    if (item["name"].text() == name) return item;
  return list["-"];
}

class Rendering {
 public:
  explicit Rendering(const std::filesystem::path& path) : name_(path.stem().string()) {
    std::istringstream lines(text_of(path));
    std::string line, document;
    int number = 0, first = 1;
    while (std::getline(lines, line)) {
      ++number;
      if (line == "---") {
        add(document, first);
        document.clear();
        first = number + 1;
      } else {
        document += line + "\n";
      }
    }
    add(document, first);
  }

  const std::string& name() const { return name_; }
  const std::vector<std::string>& failures() const { return failures_; }

  std::vector<Value> all() const {
    std::vector<Value> found;
    for (const auto& tree : trees_) found.push_back(tree->root());
    return found;
  }

  std::vector<Value> of_kind(std::string_view kind) const {
    std::vector<Value> found;
    for (const auto& tree : trees_)
      if (tree->root()["kind"].text() == kind) found.push_back(tree->root());
    return found;
  }

  // The one object of this kind with this name; absent if there is none.
  Value object(std::string_view kind, std::string_view name) const {
    for (const Value& value : of_kind(kind))
      if (value["metadata"]["name"].text() == name) return value;
    return nothing_.root();
  }

  // The Deployment or DaemonSet.
  Value workload() const {
    const Value deployment = object("Deployment", "gatehouse");
    return deployment.given() ? deployment : object("DaemonSet", "gatehouse");
  }
  Value pod() const { return workload()["spec"]["template"]; }
  Value container() const { return named(pod()["spec"]["containers"], "gatehouse"); }

 private:
  void add(const std::string& text, int first_line) {
    auto tree = std::make_unique<Tree>(text, first_line);
    if (!tree->failure().words.empty())
      failures_.push_back(name_ + ":" + std::to_string(tree->failure().line) + ": " + tree->failure().words);
    else if (tree->root().given())
      trees_.push_back(std::move(tree));
  }

  std::string name_;
  std::vector<std::unique_ptr<Tree>> trees_;
  std::vector<std::string> failures_;
  Tree nothing_{"", 1};
};

// Every checked-in rendering of the chart, and the plain manifests.
inline const std::vector<Rendering>& renderings() {
  static const std::vector<Rendering> all = [] {
    std::vector<Rendering> found;
    for (const auto& path : yaml_files("deploy/helm/rendered")) found.emplace_back(path);
    found.emplace_back(below_root("deploy/kubernetes/gatehouse.yaml"));
    return found;
  }();
  return all;
}

inline const Rendering& rendering(const std::string& name) {
  for (const auto& one : renderings())
    if (one.name() == name) return one;
  throw std::runtime_error("no rendering " + name);
}

}  // namespace gatehouse::chart
