#include "config/manifests_watcher.h"

#include "config/kubernetes/manifest.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t texts_worth_threads = 64;
constexpr std::size_t most_bytes_at_once = 2 * ManifestsWatcher::max_file_bytes;

Problem problem_with(std::string file, std::string words) {
  return {std::move(file), 0, 0, Severity::error, "", std::move(words)};
}

std::size_t parsing_threads(std::size_t texts) {
  if (texts < texts_worth_threads) return 1;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
}

}  // namespace

ManifestsWatcher::ManifestsWatcher(asio::any_io_executor executor, Clock& clock, fs::path directory)
    : directory_(std::move(directory)), watch_(executor, clock, directory_) {}

Awaitable<void> ManifestsWatcher::run(std::function<void()> on_change) {
  // Not `while (co_await …)`: gcc 12 makes wrong code of it.
  for (;;) {
    bool watching = co_await watch_.changed();
    if (!watching) co_return;
    on_change();
  }
}

void ManifestsWatcher::refresh() {
  auto changes = watch_.take();
  if (changes.everything) return refresh_everything();
  Texts texts;
  for (const auto& name : changes.names) {
    // It was written to: two writes can fall into one tick of the file system's clock.
    if (const auto file = known_.find(name); file != known_.end()) file->second.reset();
    refresh_file(name, texts);
  }
  parse(texts);
}

void ManifestsWatcher::refresh_everything() {
  error_code failed;
  std::vector<std::string> present;
  for (fs::directory_iterator at(directory_, failed), end; !failed && at != end; at.increment(failed)) {
    std::string name = at->path().filename().string();
    if (is_manifest_name(name)) present.push_back(std::move(name));
  }
  directory_trouble_ = failed ? "the directory cannot be read, what was in it stays in force: " + failed.message() : "";
  if (failed) return;
  has_read_ = true;
  Texts texts;
  std::sort(present.begin(), present.end());
  for (const auto& name : present) {
    if (!watch_.is_settling(name)) refresh_file(name, texts);
    if (texts.bytes >= most_bytes_at_once) parse(texts);
  }
  parse(texts);
  std::vector<std::string> gone;
  for (const auto& [name, signature] : known_)
    if (!std::binary_search(present.begin(), present.end(), name) && !watch_.is_settling(name)) gone.push_back(name);
  for (const auto& name : gone) forget(name);
}

void ManifestsWatcher::refresh_file(const std::string& name, Texts& texts) {
  fs::path path = directory_ / name;
  error_code failed;
  auto status = fs::symlink_status(path, failed);
  if (status.type() == fs::file_type::not_found) return forget(name);
  if (status.type() == fs::file_type::symlink) watch_.follow_link(name);

  auto& known = known_[name];
  auto signature = regular_file_signature(path, max_file_bytes);
  if (signature && known && *known == *signature) return;
  auto file = read_regular_file(path, max_file_bytes);
  if (!file) {
    known.reset();
    set_.refuse(path.string(), problem_with(path.string(), file.error().detail));
    return;
  }
  known = file->signature;
  texts.bytes += file->text.size();
  texts.list.push_back({name, std::move(file->text)});
}

void ManifestsWatcher::forget(const std::string& name) {
  known_.erase(name);
  set_.erase(path_of(name));
}

// Parsing is by far the dearest part of the first look at a large directory, and pure.
void ManifestsWatcher::parse(Texts& unparsed) {
  const auto texts = std::exchange(unparsed, {}).list;
  std::vector<kubernetes::ParsedManifest> parsed(texts.size());
  std::atomic<std::size_t> next = 0;
  auto parse_some = [&] {
    for (std::size_t i = next++; i < texts.size(); i = next++)
      parsed[i] = kubernetes::parse_manifest(texts[i].text, path_of(texts[i].name));
  };
  std::vector<std::jthread> others;
  try {
    for (std::size_t i = 1; i < parsing_threads(texts.size()); ++i) others.emplace_back(parse_some);
  } catch (const std::system_error&) {
    // No more threads to be had: those there are do it.
  }
  parse_some();
  others.clear();
  for (std::size_t i = 0; i < texts.size(); ++i) set_.put(path_of(texts[i].name), std::move(parsed[i]));
}

std::vector<Problem> ManifestsWatcher::problems() const {
  std::vector<Problem> problems;
  for (const auto& trouble : {directory_trouble_, watch_.trouble()})
    if (!trouble.empty()) problems.push_back(problem_with(directory_.string(), trouble));
  auto of_files = set_.problems();
  problems.insert(problems.end(), of_files.begin(), of_files.end());
  return problems;
}

}  // namespace gatehouse
