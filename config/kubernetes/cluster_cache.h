// The last good objects of a cluster in one file, so that who is started again while the API server is away can serve.
// A List as kubectl reads it, with the keys of the Secrets in use: readable by its owner only, and refused when others
// may write to it.
#pragma once

#include "base/result.h"
#include "config/kubernetes/objects.h"

#include <filesystem>

namespace gatehouse::kubernetes {

struct CachedCluster {
  std::vector<Object> objects;
  std::string time;  // when it was written, 2026-01-31T10:20:30Z
};

Result<CachedCluster> read_cluster_cache(const std::filesystem::path& file);
// What is worth writing.
std::vector<Object> objects_to_cache(const ClusterObjects& objects);
// Whole or not at all. Any thread: the objects do not change.
Result<void> write_cluster_cache(const std::filesystem::path& file, const std::vector<Object>& objects,
                                 const std::string& time);

}  // namespace gatehouse::kubernetes
