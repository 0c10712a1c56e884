#include "config/manifest_set.h"

namespace gatehouse {

using kubernetes::Object;
using kubernetes::ObjectKey;
using kubernetes::ParsedManifest;

namespace {

using Objects = std::map<ObjectKey, Object>;

Problem stands_twice(const std::string& file, const Object& object, const std::string& words) {
  const auto& meta = kubernetes::meta_of(object);
  return {file, meta.origin.line.number, 0, Severity::error, kubernetes::key_of(object).text(), words};
}

// The objects that parsed; an unchanged one as the very object it was.
Objects good_objects(const std::string& file, ParsedManifest& parsed, const Objects& before) {
  Objects good;
  for (auto& object : parsed.objects) {
    ObjectKey key = kubernetes::key_of(object);
    auto old = before.find(key);
    bool same = old != before.end() && kubernetes::equal(old->second, object);
    if (!good.try_emplace(key, same ? old->second : object).second &&
        parsed.problems.size() < kubernetes::most_problems)
      parsed.problems.push_back(stands_twice(file, object, "stands twice in this file; the first one counts"));
  }
  return good;
}

void keep_refused(Objects& good, const ParsedManifest& parsed, const Objects& before) {
  for (const auto& key : parsed.refused)
    if (auto old = before.find(key); old != before.end()) good.insert(*old);
  if (parsed.damaged) good.insert(before.begin(), before.end());
}

}  // namespace

void ManifestSet::put(const std::string& file, ParsedManifest parsed) {
  File& entry = files_[file];
  Objects objects = good_objects(file, parsed, entry.objects);
  keep_refused(objects, parsed, entry.objects);
  entry.problems = std::move(parsed.problems);
  replace(file, std::move(objects));
}

void ManifestSet::refuse(const std::string& file, Problem problem) {
  files_[file].problems.assign(1, std::move(problem));
}

void ManifestSet::erase(const std::string& file) {
  if (!files_.contains(file)) return;
  replace(file, {});
  files_.erase(file);
}

void ManifestSet::replace(const std::string& file, Objects objects) {
  Objects before = std::exchange(files_[file].objects, std::move(objects));
  for (const auto& [key, object] : files_[file].objects) {
    holders_[key].insert(file);
    settle(key);
  }
  for (const auto& [key, object] : before) {
    if (files_[file].objects.contains(key)) continue;
    holders_[key].erase(file);
    settle(key);
  }
}

// Makes objects_ say what the first holder says.
void ManifestSet::settle(const ObjectKey& key) {
  auto holders = holders_.find(key);
  if (holders->second.size() > 1)
    duplicates_.insert(key);
  else
    duplicates_.erase(key);
  if (holders->second.empty()) {
    holders_.erase(holders);
    objects_.erase(key);
    return;
  }
  objects_.put(files_.at(*holders->second.begin()).objects.at(key));
}

std::vector<Problem> ManifestSet::problems() const {
  std::vector<Problem> problems;
  for (const auto& [name, file] : files_) {
    problems.insert(problems.end(), file.problems.begin(), file.problems.end());
    add_duplicates(name, problems);
  }
  return problems;
}

void ManifestSet::add_duplicates(const std::string& file, std::vector<Problem>& problems) const {
  for (const auto& key : duplicates_) {
    const auto& holders = holders_.at(key);
    if (!holders.contains(file) || *holders.begin() == file) continue;
    problems.push_back(
        stands_twice(file, files_.at(file).objects.at(key), "stands in " + *holders.begin() + " too, which counts"));
  }
}

}  // namespace gatehouse
