// Files and folders that only their owner may see. The sentences returned are for people: something was wrong with a
// file's mode and was put right, or could not be.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::acme {

// Makes the directory (0700) and its parents when they are not there.
Result<void> make_private_directory(const std::filesystem::path& directory);

// A regular file's text, at most `max_bytes` of it; follows no link, waits for no pipe. The failure's detail begins
// with a verb. `repair`: takes the file away from group and others. What was wrong with its mode goes to `sentence`.
Result<std::string> read_private_file(const std::filesystem::path& path, std::size_t max_bytes, bool repair,
                                      std::optional<std::string>& sentence);

// The same check for a directory.
std::optional<std::string> check_directory_mode(const std::filesystem::path& directory, bool repair);

// A new file beside `path` (0600, a name that is_leftover knows), with this text, on disk. Returns its name.
Result<std::filesystem::path> write_beside(const std::filesystem::path& path, std::string_view text);
bool is_leftover(std::string_view file_name);

// Takes `path`'s contents under the name `kept` as well; where the file system has no hard links, instead.
Result<void> keep_as(const std::filesystem::path& path, const std::filesystem::path& kept);

Result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to);
Result<void> remove_file(const std::filesystem::path& path);  // well also when there is none
// Makes renames and removals in it survive a power failure.
Result<void> sync_directory(const std::filesystem::path& directory);

// The exclusive lock of `path`, which is made when it is not there, until the descriptor is closed. Fails at once with
// `is in use by process N` when another process has it.
Result<FileDescriptor> lock_file(const std::filesystem::path& path);

}  // namespace gatehouse::acme
