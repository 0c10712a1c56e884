// The manifests directory as a source of objects: says when files changed, and re-reads just those when asked.
//
// Control thread only. It reads files and inotify and nothing else; with 10,000 files in the directory a change
// costs one file. Files it cannot use are problems and keep their last good objects; so does the whole directory
// while it is not there. Sub-directories are not looked into.
#pragma once

#include "base/regular_file.h"
#include "config/directory_watch.h"
#include "config/manifest_set.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

class ManifestsWatcher {
 public:
  static constexpr std::size_t max_file_bytes = 16 * 1024 * 1024;  // larger files are refused unread

  ManifestsWatcher(asio::any_io_executor executor, Clock& clock, std::filesystem::path directory);

  // Calls on_change whenever refresh() would find something new, until stop().
  Awaitable<void> run(std::function<void()> on_change);
  void stop() { watch_.stop(); }

  // Reads what changed since the last call; everything at the first.
  void refresh();
  // The next refresh() looks at every file again.
  void rescan() { watch_.attach(); }

  const kubernetes::ClusterObjects& objects() const { return set_.objects(); }
  // The directory could be listed at least once: empty means empty, not unknown.
  bool has_read() const { return has_read_; }
  std::vector<Problem> problems() const;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  struct Text {
    std::string name;
    std::string text;
  };
  // Read and to be parsed.
  struct Texts {
    std::vector<Text> list;
    std::size_t bytes = 0;
  };

  void refresh_everything();
  void refresh_file(const std::string& name, Texts& texts);
  void forget(const std::string& name);
  void parse(Texts& texts);
  std::string path_of(const std::string& name) const { return (directory_ / name).string(); }

  std::filesystem::path directory_;
  DirectoryWatch watch_;
  // The files the set knows, and what those looked like that were read without fault.
  std::map<std::string, std::optional<FileSignature>> known_;
  std::string directory_trouble_;
  bool has_read_ = false;
  ManifestSet set_;
};

}  // namespace gatehouse
