#include "acme/directory_storage.h"

#include "acme/private_files.h"
#include "acme/record_file.h"

#include <algorithm>
#include <set>

namespace gatehouse::acme {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".pem";
constexpr std::string_view previous_suffix = ".previous";
constexpr std::size_t max_files = 200'000;      // of a kind; a folder of more is not ours
constexpr std::size_t max_told_strangers = 20;  // of a kind

fs::path previous_of(const fs::path& file) { return file.string() + std::string(previous_suffix); }

// The record a file belongs to, as its current or previous version; empty: to none.
std::string record_of(std::string_view file_name) {
  if (file_name.ends_with(previous_suffix)) file_name.remove_suffix(previous_suffix.size());
  if (!file_name.ends_with(suffix)) return {};
  file_name.remove_suffix(suffix.size());
  return is_record_name(file_name) ? std::string(file_name) : std::string();
}

struct Folder {
  std::set<std::string> records;
  std::vector<fs::path> leftovers;
  std::vector<fs::path> strangers;
};

Result<Folder> list(const fs::path& directory) {
  Folder folder;
  std::error_code error;
  std::size_t count = 0;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::string record = record_of(name);
    if (!record.empty())
      folder.records.insert(record);
    else if (is_leftover(name))
      folder.leftovers.push_back(entry->path());
    else
      folder.strangers.push_back(entry->path());
    if (++count > max_files) return Failure(FailureKind::bad_configuration, directory.string() + " has too many files");
  }
  if (error == std::errc::no_such_file_or_directory) return Folder();
  if (error) return Failure(FailureKind::bad_configuration, directory.string() + ": " + error.message());
  std::sort(folder.strangers.begin(), folder.strangers.end());
  return folder;
}

bool is_real_directory(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error));
}

}  // namespace

Result<std::unique_ptr<DirectoryStorage>> DirectoryStorage::open(fs::path directory, Mode mode, Step step) {
  const bool writing = mode == Mode::writing;
  if (writing)
    if (auto made = make_private_directory(directory); !made) return made.error();
  std::error_code error;
  if (!fs::is_directory(directory, error))
    return Failure(FailureKind::bad_configuration, directory.string() + " is not a directory");
  std::vector<std::string> repairs;
  if (auto sentence = check_directory_mode(directory, writing)) repairs.push_back(std::move(*sentence));
  FileDescriptor lock;
  if (writing) {
    auto locked = lock_file(directory / "lock");
    if (!locked) return locked.error();
    lock = std::move(*locked);
  }
  for (const RecordKind kind : record_kinds) {
    const fs::path folder = directory / kind_name(kind);
    if (writing)
      if (auto made = make_private_directory(folder); !made) return made.error();
    if (fs::exists(fs::symlink_status(folder, error)) && !is_real_directory(folder))
      return Failure(FailureKind::bad_configuration, folder.string() + " is not a directory");
    if (auto sentence = check_directory_mode(folder, writing)) repairs.push_back(std::move(*sentence));
  }
  if (writing)
    if (auto synced = sync_directory(directory); !synced) return synced.error();
  return std::unique_ptr<DirectoryStorage>(
      new DirectoryStorage(std::move(directory), mode, std::move(lock), std::move(repairs), std::move(step)));
}

DirectoryStorage::DirectoryStorage(fs::path directory, Mode mode, FileDescriptor lock, std::vector<std::string> repairs,
                                   Step step)
    : directory_(std::move(directory)),
      mode_(mode),
      lock_(std::move(lock)),
      repairs_(std::move(repairs)),
      step_(std::move(step)) {}

fs::path DirectoryStorage::file_of(RecordKind kind, const std::string& name) const {
  return directory_ / kind_name(kind) / (name + std::string(suffix));
}

Awaitable<Result<Storage::Contents>> DirectoryStorage::load() {
  Contents contents;
  contents.damage = std::exchange(repairs_, {});
  for (const RecordKind kind : record_kinds) load_kind(kind, contents);
  co_return contents;
}

void DirectoryStorage::load_kind(RecordKind kind, Contents& contents) {
  const auto folder = list(directory_ / kind_name(kind));
  if (!folder) {
    contents.damage.push_back(folder.error().detail);
    return;
  }
  for (const auto& name : folder->records) load_record(kind, name, contents);
  // Of a process that was killed while it wrote; while another one writes they are its own.
  if (mode_ == Mode::writing)
    for (const auto& leftover : folder->leftovers) (void)remove_file(leftover);
  for (std::size_t i = 0; i < std::min(folder->strangers.size(), max_told_strangers); ++i)
    contents.damage.push_back(folder->strangers[i].string() + " is not ours and is left alone");
}

void DirectoryStorage::load_record(RecordKind kind, const std::string& name, Contents& contents) {
  const fs::path file = file_of(kind, name);
  std::string trouble;
  for (const fs::path& path : {file, previous_of(file)}) {
    std::optional<std::string> sentence;
    auto text = read_private_file(path, max_record_bytes, mode_ == Mode::writing, sentence);
    if (sentence) contents.damage.push_back(std::move(*sentence));
    auto record = text ? parse_file_text(*text, kind, name) : Result<Record>(text.error());
    if (record) {
      contents.records.push_back(std::move(*record));
      if (!trouble.empty()) contents.damage.push_back(trouble + "; its last good copy is used");
      return;
    }
    if (trouble.empty()) trouble = path.string() + " " + record.error().detail;
  }
  contents.damage.push_back(trouble + "; there is no good copy of it");
}

Awaitable<Result<void>> DirectoryStorage::save(Record record) {
  auto saved = write_record(record);
  co_return saved;
}

Result<void> DirectoryStorage::write_record(const Record& record) {
  if (mode_ != Mode::writing) return Failure(FailureKind::internal, "the storage was opened for reading");
  const auto text = file_text(record);
  if (!text) return text.error();
  const fs::path file = file_of(record.kind, record.name);
  at("begun");
  const auto fresh = write_beside(file, *text);
  if (!fresh) return fresh.error();
  at("written");
  // A damaged file must not take the place of its last good copy.
  std::optional<std::string> sentence;
  const auto old = read_private_file(file, max_record_bytes, true, sentence);
  const bool keep = old && parse_file_text(*old, record.kind, record.name);
  auto done = keep ? keep_as(file, previous_of(file)) : Result<void>();
  at("kept");
  if (done) done = rename_file(*fresh, file);
  if (!done) {
    (void)remove_file(*fresh);
    return done;
  }
  at("renamed");
  return sync_directory(file.parent_path());
}

Awaitable<Result<void>> DirectoryStorage::remove(RecordKind kind, std::string name) {
  auto removed = remove_record(kind, name);
  co_return removed;
}

Result<void> DirectoryStorage::remove_record(RecordKind kind, const std::string& name) {
  if (mode_ != Mode::writing) return Failure(FailureKind::internal, "the storage was opened for reading");
  if (!is_record_name(name)) return Failure(FailureKind::internal, "'" + name + "' names no record");
  const fs::path file = file_of(kind, name);
  // The copy first: the other way round a crash in between would bring it back.
  if (auto removed = remove_file(previous_of(file)); !removed) return removed;
  if (auto removed = remove_file(file); !removed) return removed;
  return sync_directory(file.parent_path());
}

}  // namespace gatehouse::acme
