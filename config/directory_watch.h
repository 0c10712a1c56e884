// Says which manifest files of one directory may have changed, by inotify alone.
//
// It looks at the whole road to the directory and to every file that is a symbolic link, so it also notices the
// directory being made, deleted, replaced or reached by another link, and a mounted ConfigMap's `..data` being
// swapped. Files are reported when they are whole: when their writer closed them or they were renamed into place.
// Not thread-safe; for the control thread.
#pragma once

#include "base/clock.h"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gatehouse {

// What a file is called when it is a manifest: *.yaml or *.yml, but not what editors and volumes leave beside it
// (`.hidden`, `copy.yaml~`, `#copy.yaml#`, `.copy.yaml.swp`, `copy.yaml.tmp`).
bool is_manifest_name(std::string_view name);

class DirectoryWatch {
 public:
  // A file written to but not closed is taken for whole after this long without a further write.
  static constexpr Duration open_write_settles = std::chrono::seconds(5);
  // Editors delete a file just before they write it anew: a file is gone when it stays gone for so long.
  static constexpr Duration deletion_settles = std::chrono::milliseconds(20);
  // When the system gives no more inotify instances or watches, it is asked again after this long.
  static constexpr Duration retry_after = std::chrono::seconds(30);

  struct Changes {
    bool everything = false;  // every file may have changed, come or gone
    std::set<std::string> names;
  };

  DirectoryWatch(asio::any_io_executor executor, Clock& clock, std::filesystem::path directory);
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // Watches the directory afresh; everything may have changed. The constructor has done it once.
  void attach();
  // Watches what the symbolic link `name` in the directory leads over.
  void follow_link(const std::string& name);

  // True when there is something new for take(), also when earlier changes were not taken yet; false after stop().
  Awaitable<bool> changed();
  void stop();
  // What may have changed since the last call, without what is settling. Everything, at the first.
  Changes take();
  // The file is being written or replaced at this moment: reading it would find half of it.
  bool is_settling(const std::string& name) const { return settling_.contains(name); }
  // Why changes are not noticed, or empty.
  const std::string& trouble() const { return trouble_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  struct Watched {
    std::filesystem::path path;
    std::uint32_t mask = 0;
    bool is_directory = false;                            // it is the manifests directory itself
    std::set<std::string> leads_to_directory;             // entries on the road to the manifests directory
    std::map<std::string, std::set<std::string>> leads_to_files;  // entry → the links of the directory over it
  };
  struct Event {
    int watch;
    std::uint32_t mask;
    std::string name;
  };

  int watch(const std::filesystem::path& path, std::uint32_t mask);
  template <class OnStep>
  void walk(const std::filesystem::path& path, OnStep on_step);
  Awaitable<void> readable_or_settled();
  std::vector<Event> read_events();
  void note(const Event& event);
  void note_file(const Watched& where, const Event& event, const std::string& name);
  void settle();
  void report(const std::string& name);

  asio::any_io_executor executor_;
  Clock& clock_;
  std::filesystem::path directory_;
  asio::posix::stream_descriptor inotify_;
  std::unordered_map<int, Watched> watched_;
  std::unordered_map<std::string, int> watch_of_path_;
  std::map<std::string, TimePoint> settling_;  // file → when it counts as whole or gone
  TimePoint retry_at_ = TimePoint::max();
  Changes changes_;
  bool stopped_ = false;
  bool fresh_ = false;  // something was noted since changed() began
  std::uint64_t attachment_ = 0;
  std::string trouble_;
};

}  // namespace gatehouse
