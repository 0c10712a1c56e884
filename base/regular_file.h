// A regular file as the file system gives it. Whatever lies there (a pipe, a device, a terabyte of zeros, a link to
// itself) costs a few system calls and is refused with words; nothing here can block or grow beyond the given size.
#pragma once

#include "base/result.h"

#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>

namespace gatehouse {

// Changes when the file's contents may have changed.
struct FileSignature {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;

  auto operator<=>(const FileSignature&) const = default;
};

struct RegularFile {
  FileSignature signature;
  std::string text;
};

// Both follow symbolic links. The failure's detail says what is wrong with the file, without its name.
Result<FileSignature> regular_file_signature(const std::filesystem::path& path, std::size_t max_bytes);
Result<RegularFile> read_regular_file(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace gatehouse
