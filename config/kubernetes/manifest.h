// Manifest files: Kubernetes YAML or JSON in, objects and complaints out. Pure: reads no file.
//
// A file may hold several documents and Lists. What cannot be read costs only itself: a syntax error its document,
// a wrong type its object; files that `kubectl apply` takes work unchanged, fields that routing does not read are not
// looked at. Limits: the caller bounds the size of a file; depth, aliases and the length of every text read are
// bounded here, so hostile text costs time in proportion to its size and no more.
#pragma once

#include "config/kubernetes/objects.h"
#include "config/problem.h"

#include <string_view>
#include <vector>

namespace gatehouse::kubernetes {

struct ParsedManifest {
  std::vector<Object> objects;  // in the order of the file
  std::vector<Problem> problems;
  // What stands in the file but could not be read: an earlier good version should stay in force. `damaged`: a whole
  // document could not be read, so it is not known which objects those are.
  std::vector<ObjectKey> refused;
  bool damaged = false;
};

// A file's problems beyond these are dropped.
constexpr std::size_t most_problems = 1000;

// `file` is its name, for messages.
ParsedManifest parse_manifest(std::string_view text, std::string_view file);

}  // namespace gatehouse::kubernetes
