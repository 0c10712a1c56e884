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
  struct File {
    std::map<kubernetes::ObjectKey, kubernetes::Object> objects;
    std::vector<Problem> problems;
  };

  void replace(const std::string& file, std::map<kubernetes::ObjectKey, kubernetes::Object> objects);
  void settle(const kubernetes::ObjectKey& key);
  void add_duplicates(const std::string& file, std::vector<Problem>& problems) const;

  std::map<std::string, File> files_;
  std::map<kubernetes::ObjectKey, std::set<std::string>> holders_;  // the files that have an object
  std::set<kubernetes::ObjectKey> duplicates_;                      // held by more than one
  kubernetes::ClusterObjects objects_;
};

}  // namespace gatehouse
