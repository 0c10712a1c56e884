// The last good objects of every file of a manifests directory, and what is wrong with each file. ◦ No I/O.
//
// One bad object costs only itself: what a file's new text refuses, or holds in a document that cannot be read,
// stays as the file last had it. An object that is gone from a readable text is gone. When two files have an object
// of the same kind and name, the first file by name has its way and the other one's is a problem.
#pragma once

#include "config/kubernetes/manifest.h"
#include "config/kubernetes/objects.h"
#include "config/problem.h"

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace gatehouse {

class ManifestSet {
 public:
  // The file's new contents.
  void put(const std::string& file, kubernetes::ParsedManifest parsed);
  // The file as a whole could not be read: it keeps its objects.
  void refuse(const std::string& file, Problem problem);
  void erase(const std::string& file);

  const kubernetes::ClusterObjects& objects() const { return objects_; }
  // In the order of file names.
  std::vector<Problem> problems() const;

 private:
  // There may be a file for every object, so what is kept of one is kept small.
  struct File {
    std::vector<kubernetes::Object> objects;  // by key
    std::vector<Problem> problems;

    const kubernetes::Object* find(const kubernetes::ObjectKey& key) const;
  };
  using Files = std::map<std::string, File>;
  using NamedFile = Files::value_type;  // stays where it is as long as it is in the map

  void replace(NamedFile& file, std::vector<kubernetes::Object> objects);
  void settle(const kubernetes::ObjectKey& key);
  // Those that have the object, by name.
  std::vector<const NamedFile*> holders(const kubernetes::ObjectKey& key) const;
  void add_holder(const kubernetes::ObjectKey& key, const NamedFile& file);
  void remove_holder(const kubernetes::ObjectKey& key, const NamedFile& file);
  void add_duplicates(const NamedFile& file, std::vector<Problem>& problems) const;

  Files files_;
  std::unordered_multimap<std::size_t, const NamedFile*> holders_;  // by the hash of an object's key
  std::set<kubernetes::ObjectKey> duplicates_;                      // held by more than one file
  kubernetes::ClusterObjects objects_;
};

}  // namespace gatehouse
