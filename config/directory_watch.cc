#include "config/directory_watch.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

namespace gatehouse {
namespace {

constexpr std::uint32_t entry_mask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t content_mask = entry_mask | IN_MODIFY | IN_CLOSE_WRITE;
constexpr std::uint32_t lost_mask = IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;
constexpr int max_links = 40;  // as the kernel follows

std::deque<std::string> components(const std::filesystem::path& path) {
  std::deque<std::string> names;
  for (const auto& name : path.relative_path())
    if (!name.empty() && name != ".") names.push_back(name.string());
  return names;
}

// A new directory entry whose contents came before its name: nobody is about to write them.
bool is_born_whole(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return true;
  return !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

}  // namespace

bool is_manifest_name(std::string_view name) {
  if (name.starts_with('.') || name.starts_with('#')) return false;
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

DirectoryWatch::DirectoryWatch(asio::any_io_executor executor, Clock& clock, std::filesystem::path directory)
    : executor_(executor), clock_(clock), directory_(std::filesystem::absolute(directory)), inotify_(executor) {
  attach();
}

void DirectoryWatch::attach() {
  inotify_ = asio::posix::stream_descriptor(executor_);
  watched_.clear();
  watch_of_path_.clear();
  settling_.clear();
  trouble_.clear();
  retry_at_ = TimePoint::max();
  changes_.everything = true;
  fresh_ = true;
  ++attachment_;

  if (int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC); descriptor >= 0) {
    inotify_.assign(descriptor);
  } else {
    trouble_ = std::string("changes are not noticed: inotify: ") + std::strerror(errno);
    retry_at_ = clock_.now() + retry_after;
    return;
  }
  walk(directory_, [this](const auto& parent, const std::string& name, bool) {
    if (int number = watch(parent, entry_mask); number >= 0) watched_[number].leads_to_directory.insert(name);
  });
  if (int number = watch(directory_, content_mask); number >= 0) watched_[number].is_directory = true;
}

void DirectoryWatch::follow_link(const std::string& name) {
  walk(directory_ / name, [&](const auto& parent, const std::string& entry, bool last) {
    int number = watch(parent, last ? content_mask : entry_mask);
    if (number >= 0) watched_[number].leads_to_files[entry].insert(name);
  });
}

int DirectoryWatch::watch(const std::filesystem::path& path, std::uint32_t mask) {
  if (!inotify_.is_open()) return -1;
  auto known = watch_of_path_.find(path.native());
  if (known != watch_of_path_.end() && (watched_[known->second].mask & mask) == mask) return known->second;
  int number = ::inotify_add_watch(inotify_.native_handle(), path.c_str(), mask | IN_ONLYDIR | IN_MASK_ADD);
  if (number < 0) {
    if (errno != ENOSPC) return -1;  // not there (yet) or not ours to read: the road before it is watched
    trouble_ = "not every change is noticed: the system's limit fs.inotify.max_user_watches is reached";
    retry_at_ = clock_.now() + retry_after;
    return -1;
  }
  auto& entry = watched_[number];
  entry.path = path;
  entry.mask |= mask;
  watch_of_path_[path.native()] = number;
  return number;
}

// Calls on_step(parent, name, is_last) for every directory entry that decides what `path` means, links followed,
// before it looks at the entry: what changes after that is an event.
template <class OnStep>
void DirectoryWatch::walk(const std::filesystem::path& path, OnStep on_step) {
  auto ahead = components(path);
  std::filesystem::path here = "/";
  int links = 0;
  while (!ahead.empty() && links <= max_links) {
    std::string name = std::move(ahead.front());
    ahead.pop_front();
    if (name == "..") {
      here = here.parent_path();
      continue;
    }
    on_step(here, name, ahead.empty());
    error_code not_a_link;
    auto target = std::filesystem::read_symlink(here / name, not_a_link);
    if (not_a_link) {
      here /= name;
      continue;
    }
    ++links;
    if (target.is_absolute()) here = "/";
    auto names = components(target);
    ahead.insert(ahead.begin(), names.begin(), names.end());
  }
}

Awaitable<bool> DirectoryWatch::changed() {
  fresh_ = false;
  while (!fresh_) {
    if (!stopped_) co_await readable_or_settled();
    if (stopped_) co_return false;
    auto attachment = attachment_;
    for (const auto& event : read_events()) {
      if (event.mask & lost_mask)
        attach();
      else
        note(event);
      if (attachment != attachment_) break;  // the rest tells of watches that are no more
    }
    settle();
  }
  co_return true;
}

void DirectoryWatch::stop() {
  stopped_ = true;
  error_code ignored;
  inotify_.close(ignored);
}

Awaitable<void> DirectoryWatch::readable_or_settled() {
  using namespace asio::experimental::awaitable_operators;
  TimePoint due = retry_at_;
  for (const auto& [name, when] : settling_) due = std::min(due, when);
  error_code ended;
  auto done = asio::redirect_error(asio::use_awaitable, ended);
  if (!inotify_.is_open()) {
    co_await clock_.sleep_until(due);
  } else if (due == TimePoint::max()) {
    co_await inotify_.async_wait(asio::posix::stream_descriptor::wait_read, done);
  } else {
    co_await (inotify_.async_wait(asio::posix::stream_descriptor::wait_read, done) || clock_.sleep_until(due));
  }
}

std::vector<DirectoryWatch::Event> DirectoryWatch::read_events() {
  std::vector<Event> events;
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  while (inotify_.is_open()) {
    ssize_t count = ::read(inotify_.native_handle(), buffer.data(), buffer.size());
    if (count <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      events.push_back({event->wd, event->mask, event->len > 0 ? std::string(event->name) : std::string()});
      at += sizeof(inotify_event) + event->len;
    }
  }
  return events;
}

void DirectoryWatch::note(const Event& event) {
  auto found = watched_.find(event.watch);
  if (found == watched_.end() || event.name.empty()) return;
  const Watched& where = found->second;
  if (where.leads_to_directory.contains(event.name)) return attach();
  if (where.is_directory && is_manifest_name(event.name)) note_file(where, event, event.name);
  if (auto links = where.leads_to_files.find(event.name); links != where.leads_to_files.end())
    for (const auto& name : links->second) note_file(where, event, name);
}

void DirectoryWatch::note_file(const Watched& where, const Event& event, const std::string& name) {
  if (event.mask & IN_MODIFY)
    settling_[name] = clock_.now() + open_write_settles;
  else if (event.mask & (IN_DELETE | IN_MOVED_FROM))
    settling_[name] = clock_.now() + deletion_settles;
  else if ((event.mask & IN_CREATE) && !is_born_whole(where.path / event.name))
    settling_[name] = clock_.now() + open_write_settles;
  else if (!(event.mask & IN_ATTRIB) || !is_settling(name))
    report(name);
}

void DirectoryWatch::settle() {
  TimePoint now = clock_.now();
  if (retry_at_ <= now) return attach();
  std::vector<std::string> settled;
  for (const auto& [name, when] : settling_)
    if (when <= now) settled.push_back(name);
  for (const auto& name : settled) report(name);
}

void DirectoryWatch::report(const std::string& name) {
  settling_.erase(name);
  changes_.names.insert(name);
  fresh_ = true;
}

DirectoryWatch::Changes DirectoryWatch::take() {
  std::erase_if(changes_.names, [this](const std::string& name) { return is_settling(name); });
  return std::exchange(changes_, {});
}

}  // namespace gatehouse
