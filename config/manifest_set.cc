#include "config/manifest_set.h"

#include <algorithm>

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

std::size_t hash_of(const ObjectKey& key) {
  return kubernetes::NameHash()(key.name) * 31 + static_cast<std::size_t>(key.kind);
}

}  // namespace

const Object* ManifestSet::File::find(const ObjectKey& key) const {
  const auto earlier = [](const Object& object, const ObjectKey& wanted) {
    return kubernetes::key_of(object) < wanted;
  };
  const auto found = std::lower_bound(objects.begin(), objects.end(), key, earlier);
  return found != objects.end() && kubernetes::key_of(*found) == key ? &*found : nullptr;
}

void ManifestSet::put(const std::string& name, ParsedManifest parsed) {
  NamedFile& file = *files_.try_emplace(name).first;
  const File& before = file.second;
  Objects good;
  for (auto& object : parsed.objects) {
    ObjectKey key = kubernetes::key_of(object);
    // An unchanged one stays the very object it was.
    const Object* old = before.find(key);
    bool same = old != nullptr && kubernetes::equal(*old, object);
    if (!good.try_emplace(key, same ? *old : object).second && parsed.problems.size() < kubernetes::most_problems)
      parsed.problems.push_back(stands_twice(name, object, "stands twice in this file; the first one counts"));
  }
  for (const auto& key : parsed.refused)
    if (const Object* old = before.find(key)) good.try_emplace(key, *old);
  if (parsed.damaged)
    for (const Object& old : before.objects) good.try_emplace(kubernetes::key_of(old), old);

  file.second.problems = std::move(parsed.problems);
  std::vector<Object> objects;
  objects.reserve(good.size());
  for (auto& [key, object] : good) objects.push_back(std::move(object));
  replace(file, std::move(objects));
}

void ManifestSet::refuse(const std::string& name, Problem problem) {
  files_[name].problems.assign(1, std::move(problem));
}

void ManifestSet::erase(const std::string& name) {
  const auto file = files_.find(name);
  if (file == files_.end()) return;
  replace(*file, {});
  files_.erase(file);
}

void ManifestSet::replace(NamedFile& file, std::vector<Object> objects) {
  const File before{std::exchange(file.second.objects, std::move(objects)), {}};
  for (const Object& object : file.second.objects) {
    const ObjectKey key = kubernetes::key_of(object);
    if (before.find(key) == nullptr) add_holder(key, file);
    settle(key);
  }
  for (const Object& object : before.objects) {
    const ObjectKey key = kubernetes::key_of(object);
    if (file.second.find(key) != nullptr) continue;
    remove_holder(key, file);
    settle(key);
  }
}

// Makes objects_ say what the first holder says.
void ManifestSet::settle(const ObjectKey& key) {
  const auto files = holders(key);
  if (files.size() > 1)
    duplicates_.insert(key);
  else
    duplicates_.erase(key);
  if (files.empty())
    objects_.erase(key);
  else
    objects_.put(*files.front()->second.find(key));
}

std::vector<const ManifestSet::NamedFile*> ManifestSet::holders(const ObjectKey& key) const {
  std::vector<const NamedFile*> files;
  const auto [first, last] = holders_.equal_range(hash_of(key));
  for (auto at = first; at != last; ++at)
    if (at->second->second.find(key) != nullptr) files.push_back(at->second);
  std::sort(files.begin(), files.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  files.erase(std::unique(files.begin(), files.end()), files.end());  // two of its objects may have one hash
  return files;
}

void ManifestSet::add_holder(const ObjectKey& key, const NamedFile& file) { holders_.emplace(hash_of(key), &file); }

void ManifestSet::remove_holder(const ObjectKey& key, const NamedFile& file) {
  const auto [first, last] = holders_.equal_range(hash_of(key));
  const auto entry = std::find_if(first, last, [&](const auto& holder) { return holder.second == &file; });
  if (entry != last) holders_.erase(entry);
}

std::vector<Problem> ManifestSet::problems() const {
  std::vector<Problem> problems;
  for (const NamedFile& file : files_) {
    problems.insert(problems.end(), file.second.problems.begin(), file.second.problems.end());
    add_duplicates(file, problems);
  }
  return problems;
}

void ManifestSet::add_duplicates(const NamedFile& file, std::vector<Problem>& problems) const {
  for (const auto& key : duplicates_) {
    const Object* object = file.second.find(key);
    if (object == nullptr) continue;
    const std::string& first = holders(key).front()->first;
    if (first != file.first)
      problems.push_back(stands_twice(file.first, *object, "stands in " + first + " too, which counts"));
  }
}

}  // namespace gatehouse
